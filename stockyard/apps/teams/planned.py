"""Dry runs of changes to Keys (`?dry_run=true`)."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from stockyard.apps.teams.models import KeyRecord

NOT_A_CHANGE = frozenset({"id", "prefix", "last4", "created_at", "created_by"})
"""Fields that no change can set."""


class KeyDifference(Struct, frozen=True, kw_only=True):
    """One thing that would change. `pointer` is where, as a JSON Pointer."""

    key_id: str | None
    """None for a Key that is not made yet."""
    pointer: str
    before: Any
    after: Any


class PlannedKeys(Struct, frozen=True, kw_only=True):
    """What a change would do: validated, and not made."""

    dry_run: Literal[True] = True
    differences: list[KeyDifference]


def made(record: KeyRecord) -> PlannedKeys:
    """A new Key, as it would be."""
    return PlannedKeys(
        differences=[
            KeyDifference(key_id=None, pointer=f"/{name}", before=None, after=value)
            for name, value in asdict(record).items()
            if name not in NOT_A_CHANGE and value not in (None, ())
        ]
    )


def changed(pairs: Iterable[tuple[KeyRecord, KeyRecord]]) -> PlannedKeys:
    """Keys as they are and as they would be."""
    return PlannedKeys(
        differences=[
            KeyDifference(
                key_id=before.id,
                pointer=f"/{name}",
                before=getattr(before, name),
                after=getattr(after, name),
            )
            for before, after in pairs
            for name in KeyRecord.__struct_fields__
            if getattr(before, name) != getattr(after, name)
        ]
    )
