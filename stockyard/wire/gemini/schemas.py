"""Schemas in the format's own spelling, and JSON Schema.

The format has two fields for every schema. What comes from others goes into the one that takes
JSON Schema, so nothing of it has to be left out (`schema_subset` of `wire.md` 12.2). The other
field has a dialect: types in capitals, `nullable`, and counts that are strings.
"""

from collections.abc import Callable, Mapping
from typing import Any

from stockyard.core.messages import Extra
from stockyard.wire.gemini.names import FORMAT, SCHEMA, Names, known
from stockyard.wire.layout import has_word, layout_of, with_layout

_Object = dict[str, Any]

CAPITALS = "capitals"
"""Word of a layout: the types of this schema were in capitals."""

_ONE = ("items", "additionalProperties", "not")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_NULL = {"type": "null"}
_NUMBERED = ("string", "number", "integer", "boolean", "array", "object", "null")
"""Types by their number, counted from 1. Libraries made from the service's protobufs send those."""
_ONE_WAY: Names = {}
"""JSON Schema spells its words in one way only."""

_OLD_DEFINITIONS, _DEFINITIONS = "definitions", "$defs"
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def decode_schema(schema: Any, extra: Extra, field: str) -> tuple[Any, Extra]:
    """JSON Schema from the format's own, and a layout from which that can be written again."""
    plain = _mapped(schema, _plain, SCHEMA)
    capitals = _capitals(schema)
    return plain, with_layout(extra, FORMAT, f"{field} {CAPITALS}" if capitals else field)


def encode_schema(schema: Any, extra: Extra, default: str, own: str) -> tuple[str, Any]:
    """The field in which this schema stands, and the schema as it is written there.

    `default` is the field for JSON Schema, `own` the one for the format's dialect.
    """
    layout = layout_of(extra, FORMAT)
    if not has_word(layout, own):
        return default, schema
    return own, _mapped(schema, _own_capitals if has_word(layout, CAPITALS) else _own)


def fitted(schema: Any) -> Any:
    """A schema that others gave for answers: the little of it that is refused or would be
    overlooked is said otherwise."""
    return _mapped(schema, _fit)


def _mapped(schema: Any, change: Callable[[_Object], _Object], spelled: Names = _ONE_WAY) -> Any:
    """The schema with each schema inside it changed; names and values stay as they are."""
    if type(schema) is not dict:
        return schema
    changed: _Object = {}
    for key, value in known(schema, spelled).items():
        if key in _ONE:
            value = _mapped(value, change, spelled)
        elif key in _MANY and isinstance(value, list):
            value = [_mapped(item, change, spelled) for item in value]
        elif key in _NAMED and isinstance(value, dict):
            value = {name: _mapped(item, change, spelled) for name, item in value.items()}
        changed[key] = value
    return change(changed)


def _plain(schema: _Object) -> _Object:
    kind = schema.get("type")
    if isinstance(kind, str):
        schema["type"] = kind.lower()
    elif type(kind) is int and 0 < kind <= len(_NUMBERED):
        schema["type"] = _NUMBERED[kind - 1]
    for name in _COUNTS:
        count = schema.get(name)
        if isinstance(count, str) and count.isdecimal():
            schema[name] = int(count)
    return _with_null(schema) if schema.get("nullable") is True else schema


def _with_null(schema: _Object) -> _Object:
    """What may be null says so as a type, which others read."""
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    elif isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], _NULL]
    else:
        return schema
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [*schema["enum"], None]
    del schema["nullable"]
    return schema


def _own(schema: _Object) -> _Object:
    kinds, forms = schema.get("type"), schema.get("anyOf")
    if isinstance(kinds, list) and len(kinds) == 2 and kinds[1] == "null":
        schema |= {"type": kinds[0], "nullable": True}
    elif isinstance(forms, list) and any(map(_is_null, forms)):
        others = [form for form in forms if not _is_null(form)]
        schema |= {"anyOf": others, "nullable": True}
    if schema.get("nullable") is True and isinstance(schema.get("enum"), list):
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    return schema


def _is_null(form: Any) -> bool:
    return form in (_NULL, {"type": "NULL"})


def _own_capitals(schema: _Object) -> _Object:
    schema = _own(schema)
    if isinstance(schema.get("type"), str):
        schema["type"] = schema["type"].upper()
    return schema


def _capitals(schema: Any) -> bool:
    """Whether all its types are in capitals."""
    said: list[str] = []

    def hear(inner: _Object) -> _Object:
        if isinstance(inner.get("type"), str):
            said.append(inner["type"])
        elif type(inner.get("type")) is int:
            said.append(CAPITALS.upper())  # as the names of those numbers are spelled
        return inner

    _mapped(schema, hear, SCHEMA)
    return bool(said) and all(kind.isupper() for kind in said)


def _fit(schema: _Object) -> _Object:
    parts = schema.get("allOf")
    if isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], dict):
        schema = parts[0] | {key: value for key, value in schema.items() if key != "allOf"}
    if "const" in schema:
        schema = _without_const(schema)
    if _OLD_DEFINITIONS in schema:
        old = schema.pop(_OLD_DEFINITIONS)
        schema[_DEFINITIONS] = {**old, **schema.get(_DEFINITIONS, {})}
    if isinstance(reference := schema.get("$ref"), str):
        # Beside a reference nothing else may be said.
        schema = {key: value for key, value in schema.items() if key.startswith("$")}
        schema["$ref"] = reference.replace(f"#/{_OLD_DEFINITIONS}/", f"#/{_DEFINITIONS}/", 1)
    return {key: value for key, value in schema.items() if key != "$schema"}


def _without_const(schema: Mapping[str, Any]) -> _Object:
    """The only value as the only one of several, where the format knows that of its type."""
    rest = {key: value for key, value in schema.items() if key != "const"}
    value = schema["const"]
    if type(value) in _TYPES:
        rest.setdefault("type", _TYPES[type(value)])
    if type(value) in (str, int, float):
        rest["enum"] = [value]
    return rest
