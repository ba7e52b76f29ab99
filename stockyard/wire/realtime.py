"""What a realtime session says of its answers: asked for, begun, ended with so many tokens."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from stockyard.core.money import Usage
from stockyard.wire.openai_responses.usage import read_usage

ASKS, CANCELS = "response.create", "response.cancel"
_ESCAPED = re.compile(rb"\\u00[2-7]")
"""What may be a sign of a type that is spelled otherwise."""
_MARKS = (b"response.created", b"response.done", b'"error"')
"""One of them stands in each message of a provider that is of interest, and in hardly any other."""

_NAMES = {
    "input_token_details": "input_tokens_details",
    "output_token_details": "output_tokens_details",
}


class Asks(msgspec.Struct, frozen=True):
    """The client asks for an answer."""

    event_id: str = ""
    """How the client calls this message, if it calls it anything."""


class Begun(msgspec.Struct, frozen=True):
    """An answer has begun."""

    id: str


class Done(msgspec.Struct, frozen=True):
    """An answer has ended."""

    usage: Usage | None
    """None when nothing was said of it."""
    id: str = ""


class Failed(msgspec.Struct, frozen=True):
    """The provider did not do what a message asked for."""

    event_id: str
    message: str


def asks_in(message: bytes) -> Asks | None:
    """What a client's message asks for, if that is an answer."""
    if ASKS.encode() not in message and not _ESCAPED.search(message):
        return None
    told = _object(message)
    if told.get("type") != ASKS:
        return None
    return Asks(_text(told.get("event_id")))


def heard_in(message: bytes) -> Begun | Done | Failed | None:
    """What a provider's message tells of an answer."""
    if not any(mark in message for mark in _MARKS):
        return None
    told = _object(message)
    response, error = told.get("response"), told.get("error")
    response = response if isinstance(response, dict) else {}
    match told.get("type"):
        case "response.created":
            return Begun(_text(response.get("id")))
        case "response.done":
            said = response.get("usage")
            usage = _usage(said) if isinstance(said, dict) else None
            return Done(usage, _text(response.get("id")))
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


def _object(message: bytes) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(message)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _usage(said: Mapping[str, Any]) -> Usage | None:
    """Counts as of Responses, with the names that sessions have for their details."""
    return read_usage({_NAMES.get(name, name): value for name, value in said.items()})
