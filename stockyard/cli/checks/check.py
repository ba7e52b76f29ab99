"""One thing that was looked at, and what to do if it is not as it should be."""

from typing import Literal

from msgspec import Struct

State = Literal["ok", "info", "warn", "fail", "skip"]


class Check(Struct, frozen=True):
    id: str
    state: State
    title: str
    """One line: what was found."""
    fix: str = ""
    """What to type or change."""
    mends: tuple[str, int] | None = None
    """A file and the mode it should have, where that is all there is to change."""
