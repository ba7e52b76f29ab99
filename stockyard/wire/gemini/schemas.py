"""Schemas in the format's own spelling, whose types are in capitals, and JSON Schema."""

from collections.abc import Callable
from typing import Any

from stockyard.core.messages import Extra
from stockyard.wire.gemini.names import FORMAT
from stockyard.wire.layout import has_word, layout_of, with_layout

CAPITALS = "capitals"
"""Word of a layout: the types of this schema were in capitals."""

_ONE = ("items", "additionalProperties", "not")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions")


def decode_schema(schema: Any, extra: Extra, field: str) -> tuple[Any, Extra]:
    """JSON Schema from the format's own, and a layout from which that can be written again."""
    plain = _with_types(schema, str.lower)
    capitals = plain != schema and _with_types(plain, str.upper) == schema
    return plain, with_layout(extra, FORMAT, f"{field} {CAPITALS}" if capitals else field)


def encode_schema(schema: Any, extra: Extra, default: str) -> tuple[str, Any]:
    """The field in which this schema stands, and the schema as it is written there."""
    layout = layout_of(extra, FORMAT)
    if not layout:
        return default, schema
    if has_word(layout, CAPITALS):
        schema = _with_types(schema, str.upper)
    return layout.split()[0], schema


def _with_types(schema: Any, spell: Callable[[str], str]) -> Any:
    """The schema with all its types spelled otherwise; names and values stay as they are."""
    if type(schema) is not dict:
        return schema
    changed: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, str):
            value = spell(value)
        elif key in _ONE:
            value = _with_types(value, spell)
        elif key in _MANY and isinstance(value, list):
            value = [_with_types(item, spell) for item in value]
        elif key in _NAMED and isinstance(value, dict):
            value = {name: _with_types(item, spell) for name, item in value.items()}
        changed[key] = value
    return changed
