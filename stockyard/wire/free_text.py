"""Custom tools, which take free text, in formats that only have functions (`wire.md` 9).

There a custom tool is sent as a function with one string argument. The client that declared it gets
its calls back as calls of a custom tool.
"""

from typing import Any

import msgspec

INPUT = "input"
"""The argument of a function that stands for a custom tool."""

INPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {INPUT: {"type": "string"}},
    "required": [INPUT],
    "additionalProperties": False,
}

ANY_TEXT = {"type": "text"}
"""How formats with custom tools say that one takes any text."""


def as_arguments(text: str) -> str:
    """Free text as the arguments of a function."""
    return msgspec.json.encode({INPUT: text}).decode()


def as_input(arguments: str) -> str:
    """The free text of such arguments; whatever a model wrote instead, as it is."""
    try:
        value = msgspec.json.decode(arguments)
    except (ValueError, RecursionError):
        return arguments
    text = value.get(INPUT) if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments
