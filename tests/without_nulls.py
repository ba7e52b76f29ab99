"""JSON values as they mean where null is the same as absent."""

from typing import Any


def without_nulls(value: Any) -> Any:
    """The value without the members of objects that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value
