"""What a stream said in each dialect of clients, read without the readers of the gateway (but for
the frames of AWS, whose checksums are better verified once)."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from stockyard.testing.formats import FORMATS
from stockyard.testing.heard import Heard, StreamEvent
from stockyard.testing.yard import CHAT, MESSAGES
from stockyard.wire.eventstream import Frames

Json = Any
"""Whatever JSON holds: these are tests of what it holds."""
SPEAKERS = {form.name: form.speaker for form in FORMATS}
"""How a scripted provider speaks each format."""
TRANSLATIONS = [
    ("openai", CHAT),
    ("openai", MESSAGES),
    ("anthropic", CHAT),
    ("anthropic", MESSAGES),
]
"""Two formats, from a provider to a client's path: each as it came, and as the other."""


@dataclass(frozen=True)
class Said:
    """One stream as a client of its dialect understands it."""

    text: str = ""
    ended: bool = False
    """It came to the end that only a complete stream has."""
    error: str = ""
    """What its error event says; empty when it has none."""
    code: str = ""
    """Our own code in that event."""


@dataclass(frozen=True)
class Dialect:
    """How one kind of client asks for a stream, and how it hears one."""

    path: str
    """Where a model stands in it, `{model}`."""
    asks: dict[str, Json]
    home: str
    """A provider that speaks it, by its name in the catalog."""
    own_format: str
    """What such a provider's answers are in."""
    model: str
    """A model of that provider."""
    said: Callable[[Heard], Said]
    content_type: str = "text/event-stream; charset=utf-8"
    ping: bytes = b""
    """What keeps a silent stream of it alive; empty where nothing may."""
    calls_in_pieces: bool = True
    """The arguments of a call for a tool are streamed as they come."""
    textual: bool = False
    """It has no tools."""
    unended: bool = False
    """Clients overlook errors in it, so HTTP does not end a broken one."""
    statuses: tuple[tuple[int, int], ...] = ()
    """What it says in place of our statuses."""

    def asking(self, model: str) -> tuple[str, dict[str, Json]]:
        """Path and body of a call for a stream."""
        if "{model}" in self.path:
            return self.path.format(model=model), self.asks
        return self.path, {"model": model, "stream": True, **self.asks}


def _joined(pieces: Iterable[str | None]) -> str:
    return "".join(piece for piece in pieces if piece)


def _last(heard: Heard) -> StreamEvent:
    return heard.events[-1] if heard.events else StreamEvent("", "")


def _objects(heard: Heard) -> list[Json]:
    return [event.json for event in heard.events if isinstance(event.json, dict)]


def _told(error: Json) -> tuple[str, ...]:
    return (error["message"], error["stockyard"]["code"]) if error else ()


def _chat(heard: Heard) -> Said:
    objects = _objects(heard)
    error = objects[-1].get("error") if objects else None
    choices = [choice for one in objects for choice in one.get("choices", ())]
    return Said(
        _joined(c["delta"].get("content") if "delta" in c else c.get("text") for c in choices),
        _last(heard).data == "[DONE]",
        *_told(error),
    )


def _responses(heard: Heard) -> Said:
    objects = _objects(heard)
    failed = [o["response"]["error"]["message"] for o in objects if o["type"] == "response.failed"]
    errors = [o["error"] for o in objects if o["type"] == "error"]
    assert failed == [e["message"] for e in errors], "clients read the one or the other"
    assert not failed or _last(heard).name == "response.failed"
    texts = [o["delta"] for o in objects if o["type"] == "response.output_text.delta"]
    ended = _last(heard).name == "response.completed"
    return Said(_joined(texts), ended, *_told(errors[-1] if errors else None))


def _messages(heard: Heard) -> Said:
    objects = _objects(heard)
    texts = [o["delta"].get("text") for o in objects if o["type"] == "content_block_delta"]
    last: Json = objects[-1] if objects else {"type": ""}
    error = last["error"] if last["type"] == "error" else None
    assert error is None or _last(heard).name == "error"
    return Said(_joined(texts), last["type"] == "message_stop", *_told(error))


def _cohere(heard: Heard) -> Said:
    objects = _objects(heard)
    deltas = [o["delta"]["message"]["content"] for o in objects if o["type"] == "content-delta"]
    ends = [o for o in objects if o["type"] == "message-end"]
    broken = bool(ends) and ends[-1]["delta"]["finish_reason"] == "ERROR"
    assert not broken or _last(heard).name == "message-end"
    return Said(
        _joined(delta.get("text") for delta in deltas),
        bool(ends) and not broken and _last(heard).data == "[DONE]",
        *((ends[-1]["delta"]["error"], ends[-1]["stockyard"]["code"]) if broken else ()),
    )


def _documents(documents: list[Json]) -> Said:
    """Gemini's, however they are set apart. Its streams have no end but a reason."""
    candidates = [one for document in documents for one in document.get("candidates", ())]
    parts = [part for one in candidates for part in one.get("content", {}).get("parts", ())]
    error = documents[-1].get("error") if documents else None
    return Said(
        _joined(part.get("text") for part in parts),
        any("finishReason" in one for one in candidates) and error is None,
        *_told(error),
    )


def _gemini(heard: Heard) -> Said:
    assert not any(event.name for event in heard.events), "its clients read no names"
    assert not heard.comments, "its clients read no comments"
    return _documents(_objects(heard))


def _array(heard: Heard) -> Said:
    return _documents(json.loads(heard.body) if heard.body else [])


def _lines(heard: Heard) -> Said:
    lines = [json.loads(line) for line in heard.body.splitlines()]
    texts = [one.get("message", {}).get("content") or one.get("response") for one in lines]
    last = lines[-1] if lines else {}
    code = last["stockyard"]["code"] if "error" in last else ""
    return Said(_joined(texts), bool(last.get("done")), last.get("error", ""), code)


def _frames(heard: Heard) -> Said:
    """Those of AWS. An exception is the last of a broken stream."""
    reading = Frames()
    found = [(frame, json.loads(frame.payload)) for frame in reading.feed(heard.body)]
    assert reading.rest() == b""
    deltas = [said["delta"] for frame, said in found if frame.event == "contentBlockDelta"]
    last, said = found[-1] if found else (None, {})
    broken = last is not None and not last.is_event
    names = [frame.event for frame, _ in found]
    return Said(
        _joined(delta.get("text") for delta in deltas),
        names[-2:] == ["messageStop", "metadata"],
        *((said["message"], said["stockyard"]["code"]) if broken else ()),
    )


_HI = [{"role": "user", "content": "hi"}]
_CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}

_OPENAI: dict[str, Any] = {"home": "openai", "model": "gpt-4o", "ping": b": ping\n\n"}
_GEMINI: dict[str, Any] = {
    "asks": _CONTENTS,
    "home": "gemini",
    "own_format": "gemini",
    "model": "gemini-2.5-flash",
    "calls_in_pieces": False,
    "unended": True,
}
_OLLAMA: dict[str, Any] = {
    "home": "ollama",
    "own_format": "ollama.chat",
    "model": "ollama/llama3.2",
    "said": _lines,
    "content_type": "application/x-ndjson",
    "calls_in_pieces": False,
    "unended": True,
}
_EVENTS = "/v1beta/models/{model}:streamGenerateContent"

DIALECTS = {
    "chat": Dialect(
        "/v1/chat/completions", {"messages": _HI}, own_format="openai.chat", said=_chat, **_OPENAI
    ),
    "completions": Dialect(
        "/v1/completions",
        {"prompt": "hi"},
        own_format="openai.completions",
        said=_chat,
        textual=True,
        **_OPENAI,
    ),
    "responses": Dialect(
        "/v1/responses", {"input": "hi"}, own_format="openai.responses", said=_responses, **_OPENAI
    ),
    "messages": Dialect(
        "/v1/messages",
        {"messages": _HI, "max_tokens": 50},
        home="anthropic",
        own_format="anthropic.messages",
        model="claude-sonnet-4-5",
        said=_messages,
        ping=b'event: ping\ndata: {"type": "ping"}\n\n',
    ),
    "gemini": Dialect(f"{_EVENTS}?alt=sse", said=_gemini, **_GEMINI),
    "gemini array": Dialect(_EVENTS, said=_array, content_type="application/json", **_GEMINI),
    "cohere": Dialect(
        "/v2/chat",
        {"messages": _HI},
        home="cohere",
        own_format="cohere.chat",
        model="command-a-03-2025",
        said=_cohere,
        ping=b": ping\n\n",
    ),
    "ollama": Dialect("/ollama/api/chat", {"messages": _HI}, **_OLLAMA),
    # Who speaks it is not scripted; `test_stream_matrix_framed.py` has its answers as they come.
    "converse": Dialect(
        "/model/{model}/converse-stream",
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
        home="openai",
        own_format="bedrock.converse",
        model="openai%2Fgpt-4o",
        said=_frames,
        content_type="application/vnd.amazon.eventstream",
        unended=True,
        statuses=((502, 424), (504, 408)),
    ),
    "ollama prompts": Dialect("/ollama/api/generate", {"prompt": "hi"}, textual=True, **_OLLAMA),
}
"""Every dialect in which a client may hear a conversation as a stream, by a name for tests."""
