"""The texts inside values that only one format knows: blocks, items, citations, JSON Schemas.

Nobody here knows what such a value means, so each string in it counts as text for the model, but
for what plainly is a machine's: ids, signatures, sealed and encoded bytes, addresses, names of
kinds. Changing one of those would break the value, and none of them is read.
"""

from collections.abc import Callable
from re import compile as pattern
from typing import Any

Change = Callable[[str, bool], str]
"""From a text, and whether it is the text of a JSON document, to what shall stand in its place."""

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
"""Fields whose names end so hold no text either."""
SEALED = "encrypted"
"""Nor do those whose names begin so."""
JSON_TEXTS = frozenset({"arguments"})
DESCRIBING = frozenset(
    {"description", "title", "default", "const", "enum", "example", "examples", "$comment"}
)
"""What a JSON Schema says to people and models. The rest of it are its own words."""
ENCODED = pattern(r"[A-Za-z0-9+/_-]{512,}={0,2}")
"""Bytes in base64: nobody reads them, and they may be megabytes."""


def map_value(value: Any, change: Change) -> Any:
    """Change every text in a value; the very same value if nothing changed."""
    return _mapped(value, change, json=False)


def map_schema(schema: Any, change: Change) -> Any:
    """Change what a JSON Schema tells a reader; the very same schema if nothing changed."""
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
