"""Bridge from the standard library's `logging` to the log.

The standard library's `logging` is how every file of ours speaks, and the libraries we use; here
it ends. Nothing is written on the event loop: a record becomes a Line and is queued.
"""

import logging
import traceback
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any

from msgspec import Struct

from stockyard.process.logs.lines import Level, Line, clock, printable, timestamp

MAX_MESSAGE = 2_000
MAX_FRAMES = 12
LEVELS: tuple[tuple[int, Level], ...] = (
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
    (0, "debug"),
)
NUMBERS = {name: number or logging.DEBUG for number, name in LEVELS}


class Record(Struct, frozen=True):
    """One log call of the program."""

    at_ns: int
    level: Level
    logger: str
    message: str
    sort: Hashable
    error: str = ""
    stack: tuple[str, ...] = ()
    request_id: str = ""
    trace_id: str = ""

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "ts": timestamp(self.at_ns),
            "level": self.level,
            "event": self.logger.removeprefix("stockyard."),
            "message": self.message,
        }
        rest = {
            "error": self.error,
            "stack": self.stack,
            "request_id": self.request_id,
            "trace_id": self.trace_id,
        }
        return facts | {name: value for name, value in rest.items() if value}

    def text(self) -> str:
        about = " ".join(part for part in (self.message, self.error, self.request_id) if part)
        return f"{clock(self.at_ns)} {self.level} {printable(about)}"


class Records(logging.Handler):
    """Takes what `logging` hands out. Never raises, never waits."""

    def __init__(self, put: Callable[[Line], None]) -> None:
        super().__init__()
        self._put = put

    def createLock(self) -> None:  # noqa: N802  the name in `logging`
        """None is needed: putting is safe from any thread."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._put(
            Record(
                at_ns=int(record.created * 1e9),
                level=level_of(record.levelno),
                logger=record.name,
                message=message_of(record).strip()[:MAX_MESSAGE],
                sort=(record.name, record.levelno, str(record.msg)[:MAX_MESSAGE], type(error)),
                error=describe(error)[:MAX_MESSAGE] if error else "",
                stack=frames(error.__traceback__) if error else (),
                request_id=str(getattr(record, "request_id", "")),
                trace_id=str(getattr(record, "trace_id", "")),
            )
        )


def install(put: Callable[[Line], None], level: Level) -> None:
    """From now on everything that is logged goes to `put`."""
    logging.raiseExceptions = False
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    root.addHandler(Records(put))
    # Libraries tell more than an operator wants to know.
    root.setLevel(max(NUMBERS[level], logging.WARNING))
    logging.getLogger("stockyard").setLevel(NUMBERS[level])


def level_of(number: int) -> Level:
    return next(name for least, name in LEVELS if number >= least)


def message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


def describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def frames(trace: TracebackType | None) -> tuple[str, ...]:
    """The stack, innermost frame last. No values: they may hold a prompt."""
    found = traceback.extract_tb(trace)[-MAX_FRAMES:]
    return tuple(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in found)
