"""The formats a scripted provider speaks; the path of a call decides which one it hears."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

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


class Speaker(Protocol):
    """How a format says what is said: a file for each."""

    def whole(self, turn: Turn, request: Mapping[str, Any], /) -> bytes:
        """The body of a whole answer to this request."""

    def frames(
        self, turn: Turn, request: Mapping[str, Any], /, *, counts_unasked: bool
    ) -> list[Frame]:
        """The events of a streamed answer; token counts perhaps even if nobody asked for them."""

    def error_body(self, failure: Failure, /) -> bytes: ...
    def error_event(self, failure: Failure, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Format:
    """One wire format, on paths that end so."""

    name: str
    path_endings: tuple[str, ...]
    speaker: Speaker
    stream_type: str = "text/event-stream; charset=utf-8"
    """Content type of its streams."""
    streams_unasked: bool = False
    """Answers are streams unless the request refuses that."""


FORMATS = (
    Format("openai.chat", ("/chat/completions",), chat_format),
    # After chat, whose paths end so too.
    Format("openai.completions", ("/completions",), completions_format),
    Format(
        "anthropic.messages",
        ("/messages", ":rawPredict", ":streamRawPredict"),
        messages_format,
    ),
    Format("openai.responses", ("/responses",), responses_format),
    Format("gemini", (":generateContent", ":streamGenerateContent"), gemini_format),
    Format(
        "ollama.chat",
        ("/api/chat", "/api/generate"),
        ollama_format,
        stream_type="application/x-ndjson",
        streams_unasked=True,
    ),
    Format("cohere.chat", ("/v1/chat", "/v2/chat"), cohere_format),
)


def format_of(path: str) -> Format | None:
    """The format spoken on a path without its query; None where only raw answers make sense."""
    return next((f for f in FORMATS if path.endswith(f.path_endings)), None)
