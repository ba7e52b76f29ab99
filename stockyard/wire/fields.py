"""Take known fields from a JSON object, check their types, and keep the rest.

What a decoder does not take stays in `rest` and is carried as `extra`, so that the same format
writes it back. An explicit null of a known field counts as absent.
"""

from typing import Any

import msgspec

from stockyard.core.messages import Extra
from stockyard.errors import UpstreamError
from stockyard.wire.width import weighed


class FieldError(ValueError):
    """A missing field, or one of the wrong type. `path` is its place in the client's request."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(f"'{path}' must be {expected}." if path else f"Expected {expected}.")
        self.path = path


class Fields:
    __slots__ = ("path", "rest")

    def __init__(self, value: Any, path: str = "") -> None:
        if type(value) is not dict:
            raise FieldError(path, "an object")
        self.rest: dict[str, Any] = dict(value)
        self.path = path

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def any(self, key: str) -> Any:
        return self.rest.pop(key, None)

    def text(self, key: str) -> str | None:
        value = self.rest.pop(key, None)
        if value is not None and type(value) is not str:
            raise FieldError(self.at(key), "a string")
        return value

    def required_text(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise FieldError(self.at(key), "a string")
        return value

    def integer(self, key: str) -> int | None:
        value = self.rest.pop(key, None)
        if value is None or type(value) is int:
            return value
        if type(value) is float and value.is_integer():
            return int(value)
        raise FieldError(self.at(key), "an integer")

    def number(self, key: str) -> float | None:
        value = self.rest.pop(key, None)
        if value is None or type(value) is float or type(value) is int:
            return value
        raise FieldError(self.at(key), "a number")

    def flag(self, key: str) -> bool | None:
        value = self.rest.pop(key, None)
        if value is not None and type(value) is not bool:
            raise FieldError(self.at(key), "true or false")
        return value

    def items(self, key: str) -> list[Any] | None:
        value = self.rest.pop(key, None)
        if value is not None and type(value) is not list:
            raise FieldError(self.at(key), "an array")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        value = self.items(key)
        if value is not None and any(type(item) is not str for item in value):
            raise FieldError(self.at(key), "an array of strings")
        return None if value is None else tuple(value)

    def object(self, key: str) -> dict[str, Any] | None:
        value = self.rest.pop(key, None)
        if value is not None and type(value) is not dict:
            raise FieldError(self.at(key), "an object")
        return value

    def inside(self, key: str) -> "Fields | None":
        """The object under a key, as Fields of its own."""
        value = self.object(key)
        return None if value is None else Fields(value, self.at(key))

    def left(self, format: str) -> Extra:
        """The fields not taken, tagged with the format they belong to."""
        return {format: self.rest} if self.rest else {}


def object_in(data: bytes) -> dict[str, Any]:
    """The JSON object in some bytes; empty for anything else, and for one of too many parts."""
    try:
        value = msgspec.json.decode(weighed(data))
    except (ValueError, RecursionError, UpstreamError):
        return {}
    return value if isinstance(value, dict) else {}


def objects_in(value: object) -> list[dict[str, Any]]:
    """The objects in a list; empty for anything else."""
    found = value if isinstance(value, list | tuple) else ()
    return [item for item in found if isinstance(item, dict)]
