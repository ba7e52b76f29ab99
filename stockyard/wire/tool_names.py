"""Names for tools that the other side accepts, the same ones every time (`wire.md` 8, rule 7)."""

import re
from collections.abc import Iterable, Mapping

from stockyard.wire.tool_ids import derived

NO_NAMES: Mapping[str, str] = {}

_KEPT, _HASHED = 50, 12
"""Characters of a name that is too long, and of the hash behind them."""


class ToolNames:
    """What one format takes for the name of a tool."""

    __slots__ = ("_accepted", "_refused")

    def __init__(self, letters: str, *, first: str = "", longest: int = 64) -> None:
        """`letters` as in a class of a pattern; `first` where not all of them may begin a name."""
        self._refused = re.compile(f"[^{letters}]")
        self._accepted = re.compile(f"[{first or letters}][{letters}]{{0,{longest - 1}}}")

    def fitting(self, name: str) -> str:
        """The name under which a tool is offered: its own, or one that is derived from it."""
        if self._accepted.fullmatch(name):
            return name
        cleaned = self._refused.sub("_", name)[:_KEPT] + derived(name, prefix="_", length=_HASHED)
        return cleaned if self._accepted.fullmatch(cleaned) else f"_{cleaned}"

    def renamed(self, names: Iterable[str]) -> dict[str, str]:
        """Derived names and what they stand for, of those that could not be kept."""
        return {self.fitting(name): name for name in names if not self._accepted.fullmatch(name)}
