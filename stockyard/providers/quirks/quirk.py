"""What a quirk is: a pure function of an encoded request, and what it looks at."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct

Body = dict[str, Any]
Message = dict[str, Any]
ModelTraits = frozenset[str]
"""The traits of the call's model: `reasoning`, `no_sampling`, ..."""


class Change(NamedTuple):
    body: Body
    dropped: tuple[str, ...] = ()
    """Fields that were left out or weakened, as the provider's format spells them."""


class Quirk(Struct, frozen=True):
    looks_at: tuple[str, ...]
    """Keys without which it changes nothing; empty if it always does."""
    change: Callable[[Body, ModelTraits], Change]
    """Gives the body itself back when there is nothing to do."""
    format: str = "openai.chat"
    """The format whose bodies it is about. In all others the provider needs no such correction."""
    looks_for: tuple[str, ...] = ()
    """Values that make it look, besides those keys."""
    looks_inside: tuple[str, ...] = ()
    """Openings of values that do so, too."""
    looks_like: tuple[bytes, bytes] | None = None
    """A word without which it changes nothing, and an expression that says so more exactly."""


def without(fields: Body, *names: str) -> Body:
    return {k: v for k, v in fields.items() if k not in names}


def without_deep(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {k: without_deep(v, name) for k, v in value.items() if k != name}
    if isinstance(value, list):
        return [without_deep(v, name) for v in value]
    return value


def with_messages(body: Body, change: Callable[[Message], Message]) -> Body:
    """The body with changed messages; the body itself if none was."""
    messages = body.get("messages") or []
    changed = [change(message) for message in messages]
    return body if changed == messages else body | {"messages": changed}
