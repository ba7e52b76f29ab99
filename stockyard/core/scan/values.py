"""The texts inside values that only one format knows: blocks, items, citations, JSON Schemas.

The meaning of such a value is not known here, so every string in it counts as text for the model,
except those that are clearly for machines: ids, signatures, encrypted and encoded bytes, addresses,
names of types. Changing one of those would break the value.
"""

from collections.abc import Callable
from re import compile as pattern
from typing import Any

Change = Callable[[str, bool], str]
"""(text, whether it is a JSON document) -> its replacement."""

MACHINES = frozenset(
    {
        "type",
        "id",
        "name",
        "role",
        "status",
        "language",
        "format",
        "url",
        "uri",
        "file_data",
        "media_type",
        "mime_type",
        "mimeType",
        "cache_control",
        "cachePoint",
    }
)
ENDINGS = ("_id", "_url", "_uri", "Id", "Url", "Uri", "signature", "Signature")
"""Endings of names of further fields without texts."""
SEALED = "encrypted"
"""The beginning of names of such fields."""
JSON_TEXTS = frozenset({"arguments"})
DESCRIBING = frozenset(
    {"description", "title", "default", "const", "enum", "example", "examples", "$comment"}
)
"""Keywords of a JSON Schema with texts for people and models."""
ENCODED = pattern(r"[A-Za-z0-9+/_-]{512,}={0,2}")
"""Bytes in base64, which are no text and may be megabytes."""


def map_value(value: Any, change: Change) -> Any:
    """Change every text in a value. Returns the same object if nothing changed."""
    return _mapped(value, change, json=False)


def map_schema(schema: Any, change: Change) -> Any:
    """Change the texts of a JSON Schema. Returns the same object if nothing changed."""
    if isinstance(schema, dict):
        return _same_or(
            schema,
            {
                key: map_value(inner, change) if key in DESCRIBING else map_schema(inner, change)
                for key, inner in schema.items()
            },
        )
    if isinstance(schema, list):
        return _same_or_list(schema, [map_schema(inner, change) for inner in schema])
    return schema


def _mapped(value: Any, change: Change, *, json: bool) -> Any:
    if isinstance(value, str):
        changed = value if not value or _is_encoded(value) else change(value, json)
        return value if changed == value else changed
    if isinstance(value, dict):
        return _same_or(
            value,
            {
                key: inner
                if _is_machines(value, key)
                else _mapped(inner, change, json=key in JSON_TEXTS)
                for key, inner in value.items()
            },
        )
    if isinstance(value, list):
        return _same_or_list(value, [_mapped(inner, change, json=False) for inner in value])
    return value


def _is_machines(value: dict[str, Any], key: str) -> bool:
    if key == "data":
        return value.get("type") != "text"  # the source of a document: bytes, or plain text
    return key in MACHINES or key.endswith(ENDINGS) or key.startswith(SEALED)


def _is_encoded(text: str) -> bool:
    return text.startswith("data:") or ENCODED.fullmatch(text) is not None


def _same_or(value: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    return value if all(changed[key] is inner for key, inner in value.items()) else changed


def _same_or_list(value: list[Any], changed: list[Any]) -> list[Any]:
    return value if all(a is b for a, b in zip(value, changed, strict=True)) else changed
