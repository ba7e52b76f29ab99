"""Arguments of a call that arrive in pieces, each naming its place in the object by a path.

`{"jsonPath": "$.city", "stringValue": "Ro", "willContinue": true}`: a later text for the same
place is appended. What cannot be placed is left out; bounds keep a path from making huge lists.
"""

import re
from itertools import pairwise
from typing import Any

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,4})\]|\[(?:'([^']*)'|"([^"]*)")\]""")
_PATH = re.compile(rf"\$(?:{_STEP.pattern})+")
_VALUES = ("stringValue", "numberValue", "boolValue")
_DEEPEST = 64


class PartialArguments:
    def __init__(self) -> None:
        self.value: dict[str, Any] = {}

    def add(self, pieces: Any) -> None:
        for piece in pieces if isinstance(pieces, list) else ():
            steps = _steps(piece.get("jsonPath")) if isinstance(piece, dict) else None
            if steps:
                self._place(steps, piece)

    def _place(self, steps: list[str | int], piece: dict[str, Any]) -> None:
        holder: Any = self.value
        for step, following in pairwise(steps):
            holder = _inside(holder, step, [] if isinstance(following, int) else {})
        name = next((name for name in _VALUES if name in piece), None)
        value = piece[name] if name else None
        last = steps[-1]
        before = _inside(holder, last, None)
        if isinstance(before, str) and isinstance(value, str):
            value = before + value
        if _fits(holder, last):
            holder[last] = value


def _steps(path: Any) -> list[str | int] | None:
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        return None
    steps: list[str | int] = [
        int(index) if index else plain or single or double
        for plain, index, single, double in _STEP.findall(path)
    ]
    return steps if len(steps) <= _DEEPEST else None


def _inside(holder: Any, step: str | int, empty: Any) -> Any:
    """The value at a step of the path; `empty` is inserted if there is none."""
    if isinstance(step, int) and isinstance(holder, list):
        holder.extend([None] * (step + 1 - len(holder)))
    elif isinstance(step, str) and isinstance(holder, dict):
        holder.setdefault(step, None)
    else:
        return None
    if holder[step] is None:
        holder[step] = empty
    return holder[step]


def _fits(holder: Any, step: str | int) -> bool:
    return isinstance(holder, list if isinstance(step, int) else dict)
