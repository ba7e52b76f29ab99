"""The formats a scripted provider speaks; the path of a call decides which one it hears."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stockyard.testing import (
    chat_format,
    cohere_format,
    completions_format,
    gemini_format,
    messages_format,
    ollama_format,
    responses_format,
)
from stockyard.testing.frames import Frame
from stockyard.testing.turn import Failure, Turn


@dataclass(frozen=True, slots=True)
class Format:
    """One wire format, as functions from what is said to the bytes that say it."""

    name: str
    path_endings: tuple[str, ...]
    whole: Callable[[Turn, Mapping[str, Any]], bytes]
    """The body of a whole answer to this request."""
    frames: Callable[[Turn, Mapping[str, Any], bool], list[Frame]]
    """The events of a streamed answer; True: token counts even if the request did not ask."""
    error_body: Callable[[Failure], bytes]
    error_event: Callable[[Failure], bytes]
    stream_type: str = "text/event-stream; charset=utf-8"
    """Content type of its streams."""
    streams_unasked: bool = False
    """Answers are streams unless the request refuses that."""


FORMATS = (
    Format(
        "openai.chat",
        ("/chat/completions",),
        chat_format.whole,
        chat_format.frames,
        chat_format.error_body,
        chat_format.error_event,
    ),
    Format(
        "openai.completions",
        # After chat, whose paths end so too.
        ("/completions",),
        completions_format.whole,
        completions_format.frames,
        completions_format.error_body,
        completions_format.error_event,
    ),
    Format(
        "anthropic.messages",
        ("/messages", ":rawPredict", ":streamRawPredict"),
        messages_format.whole,
        messages_format.frames,
        messages_format.error_body,
        messages_format.error_event,
    ),
    Format(
        "openai.responses",
        ("/responses",),
        responses_format.whole,
        responses_format.frames,
        responses_format.error_body,
        responses_format.error_event,
    ),
    Format(
        "gemini",
        (":generateContent", ":streamGenerateContent"),
        gemini_format.whole,
        gemini_format.frames,
        gemini_format.error_body,
        gemini_format.error_event,
    ),
    Format(
        "ollama.chat",
        ("/api/chat", "/api/generate"),
        ollama_format.whole,
        ollama_format.frames,
        ollama_format.error_body,
        ollama_format.error_event,
        stream_type="application/x-ndjson",
        streams_unasked=True,
    ),
    Format(
        "cohere.chat",
        ("/v1/chat", "/v2/chat"),
        cohere_format.whole,
        cohere_format.frames,
        cohere_format.error_body,
        cohere_format.error_event,
    ),
)


def format_of(path: str) -> Format | None:
    """The format spoken on a path without its query; None where only raw answers make sense."""
    return next((f for f in FORMATS if path.endswith(f.path_endings)), None)
