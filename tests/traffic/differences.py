"""What is not the same in two JSON values, and the reasons that are known for it.

`reasons.toml` holds the reasons. A difference that has none is a failure, and so is a reason that
nothing needs any more.
"""

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, NamedTuple

REASONS = Path(__file__).with_name("reasons.toml")
ALL = "(all)"
"""The place of a difference that is not at any one place."""


class Difference(NamedTuple):
    """One place where two values differ. Places in lists have no number: `messages[].content`."""

    place: str
    what: Literal["added", "left_out", "changed"]
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        if self.what == "changed":
            return f"{self.place}: {_short(self.before)} became {_short(self.after)}"
        said = self.after if self.what == "added" else self.before
        return f"{self.place}: {_short(said)} {self.what.replace('_', ' ')}"


@dataclass
class Reason:
    """Why a difference is right. Every field is a pattern as file names have them; `place` and
    `where` may be several, with a blank between them."""

    because: str
    check: str
    """`request`, `answer`, `stream`, or the same of another converter: `their request`, ..."""
    place: str
    formats: str = "*"
    """A format, or two with an arrow between them."""
    what: str = "*"
    where: str = "*"
    """The recording or case."""
    elsewhere: bool = False
    """Recordings that are not beside the project need it; those that are need not."""
    uses: int = field(default=0, compare=False)

    def explains(self, difference: Difference, check: str, formats: str, where: str) -> bool:
        return (
            fnmatchcase(check, self.check)
            and fnmatchcase(formats, self.formats)
            and fnmatchcase(difference.what, self.what)
            and any(fnmatchcase(difference.place, place) for place in self.place.split())
            and any(fnmatchcase(where, one) for one in self.where.split())
        )


class Reasons:
    """All that is known, and which of it was needed."""

    def __init__(self, known: Sequence[Reason]) -> None:
        self._known = list(known)

    @classmethod
    def read(cls) -> "Reasons":
        tables = tomllib.loads(REASONS.read_text())["reason"]
        return cls([Reason(**_escaped(table), uses=0) for table in tables])

    def of(self, difference: Difference, check: str, formats: str, where: str) -> str | None:
        for reason in self._known:
            if reason.explains(difference, check, formats, where):
                reason.uses += 1
                return reason.because
        return None

    @property
    def unused(self) -> list[Reason]:
        return [reason for reason in self._known if not (reason.uses or reason.elsewhere)]

    @property
    def used(self) -> list[Reason]:
        return [reason for reason in self._known if reason.uses]


def differences(before: Any, after: Any, place: str = "") -> Iterator[Difference]:
    """From one value to the other. Null is the same as absent."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            inner = f"{place}.{name}" if place else name
            if old is None and new is not None:
                yield Difference(inner, "added", after=new)
            elif old is not None and new is None:
                yield Difference(inner, "left_out", before=old)
            elif old is not None:
                yield from differences(old, new, inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for old, new in zip(before, after, strict=True):
            yield from differences(old, new, f"{place}[]")
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield Difference(place, "changed", before, after)


def _escaped(table: dict[str, Any]) -> dict[str, Any]:
    """`[]` in a place means itself, not a choice of characters."""
    return table | {"place": table["place"].replace("[]", "[[][]]")}


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:100]} ... {text[-15:]}"
