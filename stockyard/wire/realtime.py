"""What a realtime session says of the tokens that each answer in it used."""

from collections.abc import Mapping
from typing import Any

import msgspec

from stockyard.core.money import Usage
from stockyard.wire.openai_responses.usage import read_usage

DONE = b"response.done"
"""Stands in the message that ends an answer, and in hardly any other."""

_NAMES = {
    "input_token_details": "input_tokens_details",
    "output_token_details": "output_tokens_details",
}


class Done(msgspec.Struct, frozen=True):
    """An answer in a session has ended."""

    usage: Usage | None
    """None when nothing was said of it."""


def done_in(message: bytes) -> Done | None:
    """The end of an answer, if that is what the message tells."""
    if DONE not in message:
        return None
    try:
        told = msgspec.json.decode(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("type") != "response.done":
        return None
    response = told.get("response")
    said = response.get("usage") if isinstance(response, dict) else None
    return Done(_usage(said) if isinstance(said, dict) else None)


def _usage(said: Mapping[str, Any]) -> Usage | None:
    """Counts as of Responses, with the names that sessions have for their details."""
    return read_usage({_NAMES.get(name, name): value for name, value in said.items()})
