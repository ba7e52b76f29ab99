"""Read the head of a request: what routing needs, and nothing of the messages.

On the hot path: one typed decode that skips everything else, and a few searches for repeated keys.
"""

import re
from typing import TypeVar

import msgspec

from stockyard.errors import Refused
from stockyard.wire.strict import check_head, not_json

Head = TypeVar("Head")
Keys = tuple[tuple[str, bytes], ...]
"""Names of head fields, and the same names quoted, as they stand in the body."""

_AT = re.compile(r" - at `\$\.?(.*?)`")
_MISSING = re.compile(r"missing required field `(\w+)`")


def read_head(body: bytes, decoder: "msgspec.json.Decoder[Head]", keys: Keys) -> Head:
    """The head fields. None of them may be repeated; one that is absent (UNSET) cannot be."""
    try:
        head = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from None
    except RecursionError:
        raise not_json("The JSON body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        check_head(body, ())
        raise not_json(f"The body is not valid JSON: {error}.") from None
    check_head(body, [key for name, key in keys if getattr(head, name) is not msgspec.UNSET])
    return head


def quoted(*names: str) -> Keys:
    return tuple((name, b'"' + name.encode() + b'"') for name in names)


def _wrong(param: str, message: str) -> Refused:
    return Refused(400, "invalid_request", message, param=param or None)


def _wrong_field(text: str) -> Refused:
    missing = _MISSING.search(text)
    at = _AT.search(text)
    param = ".".join(part for part in (at and at[1], missing and missing[1]) if part)
    if missing:
        return _wrong(param, f"The request has no '{param}'.")
    if not param:
        return _wrong("", "The body must be one JSON object.")
    expected = text.split(" - at ")[0].replace("`", "").lower()
    return _wrong(param, f"The field '{param}' is not usable: {expected}.")
