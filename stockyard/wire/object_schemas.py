"""Tool schemas without top-level alternatives, for providers that refuse those.

Tool servers use `anyOf` for "either this or that", and one such tool would get the whole request
refused. The alternatives are merged into one object: every property of any of them is allowed, and
those that all demand are required.
"""

from collections.abc import Iterator
from typing import Any

from stockyard.wire.drops import Drops

_Schema = dict[str, Any]

_ALTERNATIVES = ("anyOf", "oneOf")
_TOGETHER = "allOf"
_DEFINITIONS = ("$defs", "definitions")


def object_schema(schema: Any, drops: Drops) -> _Schema:
    """The schema of a tool's arguments; of no arguments where there is none."""
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    kind = schema.get("type", "object")
    if kind != "object":
        # Such as `["object", "null"]`: a tool is called with an object, and nothing else.
        drops.add("schema.type")
    if any(key in schema for key in (*_ALTERNATIVES, _TOGETHER)):
        return _merged(schema, drops)
    return schema if schema.get("type") == "object" else {**schema, "type": "object"}


def _merged(schema: _Schema, drops: Drops) -> _Schema:
    merged = {k: v for k, v in schema.items() if k not in (*_ALTERNATIVES, _TOGETHER)}
    properties = dict(_properties(schema))
    required = dict.fromkeys(_required(schema))
    for key in (*_ALTERNATIVES, _TOGETHER):
        parts = list(_parts(schema, key))
        if key in schema:
            drops.add(f"schema.{key}")
        for part in parts:
            for name, said in _properties(part).items():
                properties[name] = _either(properties.get(name, said), said)
        demanded = [set(_required(part)) for part in parts]
        if demanded:
            all_of = set[str].union if key == _TOGETHER else set[str].intersection
            wanted = all_of(*demanded)
            required |= dict.fromkeys(name for name in properties if name in wanted)
    merged |= {"type": "object", "properties": properties}
    if required:
        merged["required"] = list(required)
    return merged


def _parts(schema: _Schema, key: str) -> Iterator[_Schema]:
    for part in schema.get(key) or ():
        found = _found(part, schema)
        if isinstance(found, dict):
            yield found


def _found(part: Any, schema: _Schema) -> Any:
    """What a reference to a definition of the same schema stands for."""
    said = part.get("$ref") if isinstance(part, dict) else None
    if not isinstance(said, str):
        return part
    for key in _DEFINITIONS:
        if said.startswith(opening := f"#/{key}/") and isinstance(schema.get(key), dict):
            return schema[key].get(said.removeprefix(opening))
    return part


def _either(first: Any, second: Any) -> Any:
    """A property that two alternatives describe."""
    if first == second:
        return first
    earlier = first["anyOf"] if isinstance(first, dict) and first.keys() == {"anyOf"} else [first]
    return {"anyOf": [*earlier, second]} if second not in earlier else first


def _properties(schema: _Schema) -> _Schema:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _required(schema: _Schema) -> list[str]:
    found = schema.get("required")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
