"""A line of the log, as JSON for programs and as text for people."""

import json
import time
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

Level = Literal["debug", "info", "warning", "error"]
MAX_SHOWN = 500
"""Characters of a text on a terminal."""


class Line(Protocol):
    """Something to be written. It is rendered in the log's own thread, so it must not change."""

    @property
    def sort(self) -> Hashable:
        """Lines of one sort are limited to one in a second; None is never limited."""

    def facts(self) -> dict[str, Any]:
        """For programs. `ts`, `level` and `event` come first."""

    def text(self) -> str:
        """For people: one line, without a line end."""


class Event(Struct, frozen=True):
    """A line about the process itself: started, stopped, a signal, lines that were lost."""

    name: str
    """Such as `ready`; what programs look for."""
    message: str
    level: Level = "info"
    detail: dict[str, Any] = {}
    at_ns: int = 0

    @classmethod
    def now(cls, name: str, message: str, level: Level = "info", **detail: Any) -> "Event":
        return cls(name, message, level, detail, time.time_ns())

    @property
    def sort(self) -> Hashable:
        return None

    def facts(self) -> dict[str, Any]:
        head = {"ts": timestamp(self.at_ns), "level": self.level, "event": self.name}
        return head | {"message": self.message} | self.detail

    def text(self) -> str:
        return f"{clock(self.at_ns)} {printable(self.message)}"


ENCODER = msgspec.json.Encoder(enc_hook=str)


def as_json(line: Line) -> bytes:
    facts = line.facts()
    try:
        return ENCODER.encode(facts) + b"\n"
    except UnicodeEncodeError:  # Half of a character, as in the name of an odd file.
        return json.dumps(facts, default=str).encode() + b"\n"


def as_text(line: Line) -> bytes:
    return line.text().encode(errors="replace") + b"\n"


def timestamp(at_ns: int) -> str:
    """`2026-11-21T14:03:07.123Z`."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{utc(seconds)}.{rest // 1_000_000:03}Z"


def clock(at_ns: int) -> str:
    """`14:03:07`, as the clock on the wall shows it."""
    return local(at_ns // 1_000_000_000)


@lru_cache(maxsize=4)
def utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(maxsize=4)
def local(seconds: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def printable(text: str) -> str:
    """The text without what could move a terminal's cursor or fake another line."""
    text = text[:MAX_SHOWN]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
