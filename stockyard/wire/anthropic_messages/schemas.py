"""JSON Schema as this format accepts it for structured output.

It accepts no bounds on numbers, strings and arrays, and requires closed objects; anything else is a
400 (https://platform.claude.com/docs/en/build-with-claude/structured-outputs). A schema that was
written for another provider is told with fewer words rather than refused.
"""

from typing import Any

from stockyard.wire.drops import Drops

_REFUSED = frozenset(
    (
        "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength maxItems "
        "uniqueItems minProperties maxProperties prefixItems propertyOrdering"
    ).split()
)
_ONE = ("items", "not")
_MANY = ("anyOf", "oneOf", "allOf")
_NAMED = ("properties", "$defs", "definitions")


def closed_schema(schema: Any, drops: Drops) -> Any:
    """The schema without what is refused here, and with every object closed."""
    if type(schema) is not dict:
        return schema
    changed: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _REFUSED or (key == "minItems" and value not in (0, 1)):
            drops.add(f"schema.{key}")
            continue
        if key in _ONE:
            value = closed_schema(value, drops)
        elif key in _MANY and isinstance(value, list):
            value = [closed_schema(item, drops) for item in value]
        elif key in _NAMED and isinstance(value, dict):
            value = {name: closed_schema(item, drops) for name, item in value.items()}
        changed[key] = value
    if changed.get("type") == "object" or "properties" in changed:
        changed.setdefault("additionalProperties", False)
    return changed
