"""Read a provider's error, whatever shape its body has (`wire.md` 10.1).

The shapes of all providers are told apart by their keys alone, so one reader serves every format,
even when a proxy in between answers in its own dialect.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

MAX_BODY = 64 * 1024


class ErrorBody(Struct, frozen=True, kw_only=True):
    """The contents of an error body, as the provider spelled them."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None
    status: int | None = None
    """A status named in the body, such as `raw_status_code` or an integer `code`."""
    body: dict[str, Any] = {}
    """The error object itself, for details and retry hints."""


NO_ERROR_BODY = ErrorBody()

_NO_WORDS = ("<", "{", "[", "data:", "event:")
"""How pages begin, and JSON and streams that were cut off."""


def read_error(body: bytes) -> ErrorBody:
    """Read an error body. HTML, empty and unknown bodies give `NO_ERROR_BODY`."""
    try:
        value = msgspec.json.decode(body[:MAX_BODY])
    except (ValueError, RecursionError):
        return NO_ERROR_BODY
    return error_body(value)


def plain_words(body: bytes) -> str:
    """What a server says that answers in neither JSON nor HTML; empty for everything else."""
    try:
        text = " ".join(body[:MAX_BODY].decode().split())
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() and not text.startswith(_NO_WORDS) else ""


def error_body(value: Any) -> ErrorBody:
    """The same from decoded JSON."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str):
        return ErrorBody(message=value)
    if not isinstance(value, dict):
        return NO_ERROR_BODY
    error = value.get("error")
    if isinstance(error, dict):
        return _from_object(error, beside=value)
    if isinstance(error, str):
        return _from_object({**value, "message": error}, beside=value)
    errors = value.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return _from_object(errors[0], beside=value)
    detail = value.get("detail")
    if detail is not None and "message" not in value:
        return _from_object({**value, "message": _detail_text(detail)}, beside=value)
    return _from_object(value, beside=value)


def _from_object(error: dict[str, Any], *, beside: dict[str, Any]) -> ErrorBody:
    details = error.get("details")
    typed = details if isinstance(details, dict) else {}
    message = error.get("message")
    if isinstance(message, dict):  # Mistral's form of validation errors
        error = {**error, "message": _detail_text(message.get("detail"))}
    return ErrorBody(
        message=_first(error, "message", "detail", "title"),
        type=_first(error, "type", "error_type", "status"),
        code=_first(error, "code")
        or _first({**error, **typed}, "error_code")
        or _first(beside, "code"),
        param=_text(error.get("param")) or None,
        status=_status(error, beside),
        body=error,
    )


def _status(error: dict[str, Any], beside: dict[str, Any]) -> int | None:
    for value in (
        error.get("raw_status_code"),
        error.get("status_code"),
        error.get("code"),
        error.get("status"),
        beside.get("status_code"),
    ):
        if type(value) is int and 400 <= value <= 599:
            return value
    return None


def _detail_text(detail: Any) -> str:
    if isinstance(detail, str):
        return detail
    if isinstance(detail, Mapping):
        return _text(detail.get("message"))
    if isinstance(detail, list):
        texts = [_text(item.get("msg")) for item in detail if isinstance(item, Mapping)]
        return "; ".join(text for text in texts if text)
    return ""


def _first(said: Mapping[str, Any], *keys: str) -> str:
    return next((text for key in keys if (text := _text(said.get(key)))), "")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""
