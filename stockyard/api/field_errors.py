"""Validation errors of single fields, as a message and a code (`api.md` 1.2)."""

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "null",
}


class FieldError(Struct, frozen=True, kw_only=True):
    """One invalid field. `pointer` is its place, as a JSON Pointer."""

    pointer: str
    code: str
    message: str
    allowed: dict[str, Any] | None = None
    """The allowed values, where they can be stated as data."""


Said = tuple[str, str, dict[str, Any] | None]
"""Code, message, and what is allowed."""


def number(written: str) -> int | float:
    value = float(written)
    return int(value) if value.is_integer() else value


def wrong_type(wanted: str, got: str) -> Said:
    words = " or ".join(TYPES.get(one, one) for one in wanted.split(" | "))
    return "wrong_type", f"must be {words}, not {TYPES.get(got, got)}", None


PATTERNS: tuple[tuple[re.Pattern[str], Callable[..., Said]], ...] = tuple(
    (re.compile(pattern), say)
    for pattern, say in (
        (
            r"Expected `(?:int|float)` >= (\S+)",
            lambda n: ("too_small", f"must be at least {number(n)}", {"min": number(n)}),
        ),
        (
            r"Expected `(?:int|float)` <= (\S+)",
            lambda n: ("too_large", f"must be at most {number(n)}", {"max": number(n)}),
        ),
        (
            r"Expected `(?:int|float)` > (\S+)",
            lambda n: ("too_small", f"must be more than {number(n)}", {"more_than": number(n)}),
        ),
        (
            r"Expected `(?:int|float)` < (\S+)",
            lambda n: ("too_large", f"must be less than {number(n)}", {"less_than": number(n)}),
        ),
        (
            r"Expected `\w+` of length >= (\d+)",
            lambda n: ("too_short", f"must have a length of at least {n}", {"min_length": int(n)}),
        ),
        (
            r"Expected `\w+` of length <= (\d+)",
            lambda n: ("too_long", f"must have a length of at most {n}", {"max_length": int(n)}),
        ),
        (
            r"Expected `str` matching regex (.+)",
            lambda p: ("not_allowed", "holds what may not stand there", {"pattern": p.strip("'")}),
        ),
        (r"Expected `([^`]+)`, got `([^`]+)`", wrong_type),
        (
            r"Invalid enum value (.+)",
            lambda given: ("not_allowed", f"{given} is none of the possible values", None),
        ),
        (r"Object contains unknown field `[^`]*`", lambda: ("unknown", "is not known here", None)),
        (r"Object missing required field `[^`]*`", lambda: ("missing", "is missing", None)),
    )
)
FIELD_NAMED = re.compile(r"Object (?:contains unknown|missing required) field `([^`]*)`")


def in_words(told: str) -> Said:
    """A msgspec error in our words."""
    for pattern, say in PATTERNS:
        found = pattern.fullmatch(told)
        if found:
            return say(*found.groups())
    return "invalid", told, None


def field_error(place: str, told: str) -> FieldError:
    """An error of msgspec about what is at this place, or about a field in it."""
    code, message, allowed = in_words(told)
    named = FIELD_NAMED.fullmatch(told)
    below = pointer("", named[1]) if named else ""
    return FieldError(pointer=place + below, code=code, message=message, allowed=allowed)


def pointer(root: str, path: str) -> str:
    """A path such as `limits[0].calls` as a JSON Pointer below `root`."""
    parts = [part for part in re.split(r"[.\[\]]+", path) if part]
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in parts)
    return "".join(f"/{part}" for part in ((root,) if root else ()) + tuple(escaped))
