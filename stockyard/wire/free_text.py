"""Tools that take free text, towards formats that have none (`wire.md` 9).

There such a tool is a function with one string argument. Whoever asked for it gets its calls back
as what they are: a tool, and the text it is called with.
"""

from typing import Any

import msgspec

INPUT = "input"
"""The one argument of a function that stands for a tool of free text."""

INPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {INPUT: {"type": "string"}},
    "required": [INPUT],
    "additionalProperties": False,
}

ANY_TEXT = {"type": "text"}
"""What the formats that have such tools say of one that takes any text, if they say anything."""


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
