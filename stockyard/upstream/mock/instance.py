"""Make the smallest JSON value that satisfies a schema.

Knows the keywords that tools and structured outputs use, including references within the schema.
Ignores `pattern`: strings may not match it.
"""

from math import ceil, floor
from typing import Any

from msgspec import json

MOST_STEPS = 5_000
DEEPEST = 64
LONGEST = 10_000
"""Longest string or array, whatever the schema wants."""

_OF_FORMAT = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "a@b.example",
    "hostname": "a.example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "a:b",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_TYPE_OF_KEYWORD = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "minProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "minLength": "string",
    "pattern": "string",
    "format": "string",
    "minimum": "number",
    "exclusiveMinimum": "number",
    "maximum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "number",
}


def smallest_instance(schema: Any) -> Any:
    """A value that satisfies the schema, without anything optional."""
    return _Maker(schema).make(schema, 0)


def smallest_object(schema: Any) -> dict[str, Any]:
    """The same, but always an object, even if the schema says otherwise."""
    made = smallest_instance(schema)
    return made if isinstance(made, dict) else {}


class _Maker:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._steps = MOST_STEPS

    def make(self, schema: Any, depth: int) -> Any:
        self._steps -= 1
        if not isinstance(schema, dict) or depth > DEEPEST or self._steps < 0:
            return None  # anything goes, or there is no end to it
        if "const" in schema:
            return schema["const"]
        if _sequence(schema, "enum"):
            return _shortest(schema["enum"])
        if "$ref" in schema:
            return self.make(self._referred(schema["$ref"]), depth + 1)
        parts = _sequence(schema, "allOf")
        if parts:
            return self.make(_merged(_without(schema, "allOf"), *parts), depth + 1)
        for either in ("anyOf", "oneOf"):
            options = _sequence(schema, either)
            if options:
                rest = _without(schema, either)
                return _shortest([self.make(_merged(rest, one), depth + 1) for one in options])
        return self._of_type(_type(schema), schema, depth)

    def _of_type(self, type_: str, schema: dict[str, Any], depth: int) -> Any:
        match type_:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return _string(schema)
            case "integer" | "number":
                return _number(schema, whole=type_ == "integer")
            case "boolean":
                return False
        return None

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = _mapping(schema, "properties")
        wanted = _whole(schema, "minProperties")
        names = dict.fromkeys(n for n in _sequence(schema, "required") if isinstance(n, str))
        names |= dict.fromkeys(list(properties)[:wanted] if len(names) < wanted else ())
        others = schema.get("additionalProperties", True)
        names |= {f"p{n}": None for n in range(wanted - len(names))}
        return {name: self.make(properties.get(name, others), depth + 1) for name in names}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        first = _sequence(schema, "prefixItems")
        rest = schema.get("items", True)
        wanted = _whole(schema, "minItems")
        schemas = [*first[:wanted], *[rest] * (wanted - len(first))]
        return [self.make(one, depth + 1) for one in schemas]

    def _referred(self, reference: Any) -> Any:
        found = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        for step in reference[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            found = found.get(step) if isinstance(found, dict) else None
        return found


def _type(schema: dict[str, Any]) -> str:
    given = schema.get("type")
    if isinstance(given, list):
        given = next((one for one in given if one != "null"), "null")
    if isinstance(given, str):
        return given
    return next((type_ for word, type_ in _TYPE_OF_KEYWORD.items() if word in schema), "null")


def _string(schema: dict[str, Any]) -> str:
    format_ = schema.get("format")
    known = _OF_FORMAT.get(format_) if isinstance(format_, str) else None
    return known or "x" * _whole(schema, "minLength")


def _number(schema: dict[str, Any], *, whole: bool) -> int | float:
    """The allowed number nearest to zero."""
    step = _bound(schema, "multipleOf") or (1 if whole else None)
    least, most = _bound(schema, "minimum"), _bound(schema, "maximum")
    above, below = _bound(schema, "exclusiveMinimum"), _bound(schema, "exclusiveMaximum")
    number: int | float = 0
    if least is not None:
        number = max(number, least)
    if most is not None:
        number = min(number, most)
    if step:
        number = (ceil if number >= 0 else floor)(number / step) * step
    if above is not None and number <= above:
        between = (above + below) / 2 if below is not None else above + 1
        number = (floor(above / step) + 1) * step if step else between
    if below is not None and number >= below:
        number = (ceil(below / step) - 1) * step if step else below - 1
    return int(number) if whole else number


def _bound(schema: dict[str, Any], name: str) -> int | float | None:
    value = schema.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        return None
    return value


def _whole(schema: dict[str, Any], name: str) -> int:
    value = schema.get(name)
    return min(max(value, 0), LONGEST) if isinstance(value, int) else 0


def _mapping(schema: dict[str, Any], name: str) -> dict[str, Any]:
    value = schema.get(name)
    return value if isinstance(value, dict) else {}


def _sequence(schema: dict[str, Any], name: str) -> list[Any]:
    value = schema.get(name)
    return value if isinstance(value, list) else []


def _merged(*schemas: Any) -> dict[str, Any]:
    """One schema that demands what all of these demand."""
    merged: dict[str, Any] = {}
    for schema in schemas:
        if not isinstance(schema, dict):
            continue
        properties = _mapping(merged, "properties") | _mapping(schema, "properties")
        required = [*_sequence(merged, "required"), *_sequence(schema, "required")]
        merged |= schema
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = required
    return merged


def _without(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in schema.items() if k != name}


def _shortest(values: list[Any]) -> Any:
    return min(values, key=lambda value: len(json.encode(value)))
