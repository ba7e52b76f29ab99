"""What the messages of a realtime session mean: an answer requested, begun, or ended with its
usage.

A session may also transcribe what the caller says. Another model does that, which the session names
and which is billed separately.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from stockyard.core.money import Usage
from stockyard.wire.fields import object_in
from stockyard.wire.media_usage import read_media_usage
from stockyard.wire.openai_responses.usage import read_usage

ASKS, CANCELS = "response.create", "response.cancel"
_ESCAPED = re.compile(rb"\\u00[2-7]")
"""What may be a sign of a type that is spelled otherwise."""
_MARKS = (
    b"response.created",
    b"response.done",
    b'"error"',
    b"session.created",
    b"session.updated",
    b"transcription.completed",
)
"""One of them stands in each message of a provider that is of interest, and in hardly any other."""
_SESSIONS = frozenset(
    {
        "session.created",
        "session.updated",
        "transcription_session.created",
        "transcription_session.updated",
    }
)
_TRANSCRIPTIONS = (("audio", "input", "transcription"), ("input_audio_transcription",))
"""Where a session says who writes down what it hears; the second in its first version."""
_NAMES = {
    "input_token_details": "input_tokens_details",
    "output_token_details": "output_tokens_details",
}


class Asks(msgspec.Struct, frozen=True):
    """The client asks for an answer."""

    event_id: str = ""
    """How the client calls this message, if it calls it anything."""
    model: str = ""
    """Which it wants from now on, if it says so."""


class Begun(msgspec.Struct, frozen=True):
    """An answer has begun."""

    id: str


class Done(msgspec.Struct, frozen=True):
    """An answer has ended."""

    usage: Usage | None
    """None when nothing was said of it."""
    id: str = ""


class Transcribes(msgspec.Struct, frozen=True):
    """From now on, this model writes down what the caller says."""

    model: str


class Transcribed(msgspec.Struct, frozen=True):
    """Something that the caller said is written down."""

    usage: Usage | None


class Failed(msgspec.Struct, frozen=True):
    """The provider did not do what a message asked for."""

    event_id: str
    message: str


def asks_in(message: bytes) -> Asks | None:
    """What a client's message asks for, if that is an answer."""
    if ASKS.encode() not in message and not _ESCAPED.search(message):
        return None
    told = object_in(message)
    if told.get("type") != ASKS:
        return None
    return Asks(_text(told.get("event_id")))


Heard = Begun | Done | Transcribes | Transcribed | Failed


class Words(Protocol):
    """Reads and writes the messages of one session, in its dialect."""

    binary: bool
    """Messages come as bytes, too."""

    def asks_in(self, message: bytes) -> Asks | None:
        """What a client's message asks for, if that must be judged."""

    def heard_in(self, message: bytes) -> Iterable[Heard]:
        """What a provider's message tells of answers, or of what the caller said."""

    def ended(self) -> Iterable[Heard]:
        """What is to be told when the session is over."""

    def error_event(self, error: Mapping[str, Any], event_id: str, asked: str) -> bytes | None:
        """An error of ours as a provider tells one; None where sessions just end."""

    def cancelling(self, response_id: str) -> bytes | None:
        """What stops an answer; None where nothing but the end of the session does."""


class RealtimeWords:
    """Those of OpenAI."""

    binary = False

    def asks_in(self, message: bytes) -> Asks | None:
        return asks_in(message)

    def heard_in(self, message: bytes) -> Iterable[Heard]:
        heard = heard_in(message)
        return () if heard is None else (heard,)

    def ended(self) -> Iterable[Heard]:
        return ()

    def error_event(self, error: Mapping[str, Any], event_id: str, asked: str) -> bytes | None:
        return error_event(error, event_id, asked)

    def cancelling(self, response_id: str) -> bytes | None:
        return cancelling(response_id)


def heard_in(message: bytes) -> Heard | None:
    """What a provider's message tells of an answer, or of what the caller said."""
    if not any(mark in message for mark in _MARKS):
        return None
    told = object_in(message)
    response, error = told.get("response"), told.get("error")
    response = response if isinstance(response, dict) else {}
    match told.get("type"):
        case "response.created":
            return Begun(_text(response.get("id")))
        case "response.done":
            said = response.get("usage")
            usage = _usage(said) if isinstance(said, dict) else None
            return Done(usage, _text(response.get("id")))
        case "conversation.item.input_audio_transcription.completed":
            return Transcribed(read_media_usage(told.get("usage")))
        case str(kind) if kind in _SESSIONS:
            return Transcribes(_transcriber(told.get("session")))
        case "error" if isinstance(error, dict):
            return Failed(_text(error.get("event_id")), _text(error.get("message")))
    return None


def error_event(error: Mapping[str, Any], event_id: str, asked: str) -> bytes:
    """An error of ours as a provider tells one. `asked` is the message that it is about."""
    told = {**error, "event_id": asked or None}
    return msgspec.json.encode({"type": "error", "event_id": event_id, "error": told})


def cancelling(response_id: str) -> bytes:
    """What stops an answer."""
    return msgspec.json.encode({"type": CANCELS, "response_id": response_id})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _transcriber(session: Any) -> str:
    """The model that writes down what is heard; empty where a session names none."""
    for path in _TRANSCRIPTIONS:
        told = session
        for name in path:
            told = told.get(name) if isinstance(told, dict) else None
        if isinstance(told, dict):
            return _text(told.get("model"))
    return ""


def _usage(said: Mapping[str, Any]) -> Usage | None:
    """Counts as of Responses, with the names that sessions have for their details."""
    return read_usage({_NAMES.get(name, name): value for name, value in said.items()})
