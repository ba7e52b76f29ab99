"""Arguments of a call that arrive in pieces, each naming its place in the object by a path.

`{"jsonPath": "$.city", "stringValue": "Ro", "willContinue": true}`: a later text for the same
place is appended. What cannot be placed is left out; bounds keep paths from making huge lists.
"""

import re
from itertools import pairwise
from typing import Any

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,4})\]|\[(?:'([^']*)'|"([^"]*)")\]""")
_PATH = re.compile(rf"\$(?:{_STEP.pattern})+")
_VALUES = ("stringValue", "numberValue", "boolValue")
_DEEPEST = 64
_LONGEST = 4096
MAX_PLACES = 100_000
"""Places in all lists of one call."""


class _Texts(list[str]):
    """A text that comes in pieces."""


class PartialArguments:
    def __init__(self) -> None:
        self._value: dict[str, Any] = {}
        self._room = MAX_PLACES

    @property
    def value(self) -> dict[str, Any]:
        """What has come so far."""
        whole: dict[str, Any] = _joined(self._value)
        return whole

    def add(self, pieces: Any) -> None:
        for piece in pieces if isinstance(pieces, list) else ():
            steps = _steps(piece.get("jsonPath")) if isinstance(piece, dict) else None
            if steps:
                self._place(steps, piece)

    def _place(self, steps: list[str | int], piece: dict[str, Any]) -> None:
        holder: Any = self._value
        for step, following in pairwise(steps):
            holder = self._inside(holder, step, [] if isinstance(following, int) else {})
        name = next((name for name in _VALUES if name in piece), None)
        value = piece[name] if name else None
        last = steps[-1]
        before = self._inside(holder, last, None)
        if isinstance(before, _Texts) and isinstance(value, str):
            before.append(value)
        elif _fits(holder, last):
            holder[last] = _Texts([value]) if isinstance(value, str) else value

    def _inside(self, holder: Any, step: str | int, empty: Any) -> Any:
        """The value at a step of the path; `empty` is inserted if there is none."""
        if isinstance(step, int) and type(holder) is list:
            missing = max(step + 1 - len(holder), 0)
            if missing > self._room:
                return None
            self._room -= missing
            holder.extend([None] * missing)
        elif isinstance(step, str) and isinstance(holder, dict):
            holder.setdefault(step, None)
        else:
            return None
        if holder[step] is None:
            holder[step] = empty
        return holder[step]


def _steps(path: Any) -> list[str | int] | None:
    if not isinstance(path, str) or len(path) > _LONGEST or not _PATH.fullmatch(path):
        return None
    steps: list[str | int] = [
        int(index) if index else plain or single or double
        for plain, index, single, double in _STEP.findall(path)
    ]
    return steps if len(steps) <= _DEEPEST else None


def _fits(holder: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return type(holder) is list and step < len(holder)
    return isinstance(holder, dict)


def _joined(value: Any) -> Any:
    """The value with its texts in one piece."""
    if isinstance(value, _Texts):
        return "".join(value)
    if isinstance(value, dict):
        return {name: _joined(item) for name, item in value.items()}
    return [_joined(item) for item in value] if isinstance(value, list) else value
