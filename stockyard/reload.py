"""Take up changed settings while calls run: checked as a whole, then in effect, or not at all.

A call that is under way ends with the settings it began with. What is only read at the start stays
as it was, and is named, so that nothing is half in effect (`reliability.md` 9.4).
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stockyard.app import Stockyard
from stockyard.errors import StockyardError
from stockyard.settings import Settings

LIVE = (
    "timeout",
    "overload",
    "cancel",
    "mock",
    "providers",
    "aliases",
    "translation",
    "modules",
)
"""Sections that can change while the process runs."""
SECRETS = "the secrets of providers"
"""What changed when the settings did not: files that they, or variables, name."""
NOT_SET = ("file", "warnings")
"""What the settings say of themselves."""


class Reloaded(Struct, frozen=True, kw_only=True):
    """What came of it. Places are named as in the config file; their values are not told."""

    changed: tuple[str, ...] = ()
    """What is in effect for the next call."""
    waiting: tuple[str, ...] = ()
    """What is only read at the start, and waits for a restart."""
    warnings: tuple[str, ...] = ()


async def reload(stockyard: Stockyard, wanted: Settings) -> Reloaded:
    """Put changed settings in effect.

    Raises CannotStart for settings that cannot be used; everything is as it was then.
    """
    async with stockyard.changes.one_at_a_time:
        applied = applicable(stockyard.settings, wanted)
        shown = set(stockyard.reach.directory.secrets())
        before = stockyard.put_in_effect(applied)
        try:
            await stockyard.changes.take_up(applied.modules)
        except StockyardError:
            stockyard.put_in_effect(before)
            raise
    changed = tuple(differing(before, applied))
    if not changed and shown != set(stockyard.reach.directory.secrets()):
        changed = (SECRETS,)
    return Reloaded(
        changed=changed,
        waiting=tuple(differing(applied, wanted)),
        warnings=wanted.warnings,
    )


def applicable(now: Settings, wanted: Settings) -> Settings:
    """What of `wanted` can take effect now; the rest as it is.

    Two sections are divided: who may call, and how much, is looked up for each call.
    """
    return replace(
        now,
        **{name: getattr(wanted, name) for name in LIVE},
        auth=replace(now.auth, bring_your_own=wanted.auth.bring_your_own),
        http=replace(now.http, max_body=wanted.http.max_body),
        file=wanted.file,
        warnings=wanted.warnings,
    )


def differing(one: Settings, other: Settings) -> Iterator[str]:
    """The places that differ, as `section.key`."""
    for name in Settings.__struct_fields__:
        a, b = getattr(one, name), getattr(other, name)
        if a == b or name in NOT_SET:
            continue
        keys = sorted(key for key in {*_keys(a), *_keys(b)} if _get(a, key) != _get(b, key))
        yield from (f"{name}.{key}" for key in keys) if keys else (name,)


def _keys(section: Any) -> tuple[str, ...]:
    return section.__struct_fields__ if isinstance(section, Struct) else tuple(_table(section))


def _get(section: Any, key: str) -> Any:
    return getattr(section, key, None) if isinstance(section, Struct) else _table(section).get(key)


def _table(section: Any) -> dict[str, Any]:
    return section if isinstance(section, dict) else {}
