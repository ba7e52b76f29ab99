"""Take up changed settings while calls run: checked as a whole, then in effect, or not at all.

A call that is under way ends with the settings it began with. What is read at the start only stays
as it was, and is named, so that nothing is half in effect (`reliability.md` 9.4).
"""

from msgspec.structs import replace

from stockyard.app import Stockyard
from stockyard.errors import StockyardError
from stockyard.settings import Settings

LIVE = ("timeout", "overload", "cancel", "mock", "providers", "aliases", "modules")
"""Sections that can change while the process runs."""


async def reload(stockyard: Stockyard, wanted: Settings) -> tuple[str, ...]:
    """Put changed settings in effect. Names the sections that wait for a restart.

    Raises CannotStart for settings that cannot be used; everything is as it was then.
    """
    async with stockyard.changes.one_at_a_time:
        applied, waiting = applicable(stockyard.settings, wanted)
        before = stockyard.put_in_effect(applied)
        try:
            await stockyard.changes.take_up(applied.modules)
        except StockyardError:
            stockyard.put_in_effect(before)
            raise
    return waiting


def applicable(now: Settings, wanted: Settings) -> tuple[Settings, tuple[str, ...]]:
    """What of `wanted` can take effect now, and the names of the sections that hold the rest.

    Two sections are divided: who may call, and how much, is looked up for each call.
    """
    applied = replace(
        now,
        **{name: getattr(wanted, name) for name in LIVE},
        auth=replace(now.auth, bring_your_own=wanted.auth.bring_your_own),
        http=replace(now.http, max_body=wanted.http.max_body),
        file=wanted.file,
        warnings=wanted.warnings,
    )
    waiting = (
        name
        for name in Settings.__struct_fields__
        if getattr(applied, name) != getattr(wanted, name)
    )
    return applied, tuple(waiting)
