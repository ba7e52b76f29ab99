"""Watch a forwarded stream of the format for usage, the finish and errors."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.wire.bedrock_converse.errors import error_in_frame
from stockyard.wire.bedrock_converse.names import FAILED_FINISHES, FINISHES
from stockyard.wire.bedrock_converse.response import failed_finish, is_failure
from stockyard.wire.bedrock_converse.usage import read_usage
from stockyard.wire.eventstream import Frame, Frames
from stockyard.wire.finishes import odd
from stockyard.wire.look import Look, read_as


class _Event(Struct, gc=False):
    start: Any = None
    delta: Any = None
    stopReason: Any = None
    usage: Any = None


_EVENT = msgspec.json.Decoder(_Event)


class ConverseLook(Look[Frame]):
    def __init__(self, *, native: bool) -> None:
        self._frames = Frames()
        super().__init__(self._frames, native=native)
        self.usage: Usage | None = None

    @property
    def complete(self) -> bool:
        return bool(self.finish)

    def end(self) -> bytes:
        return self._frames.rest() if self._native else b""

    def _pass(self, frame: Frame, /) -> bytes:
        if not frame.is_event:
            raise error_in_frame(frame)
        kind = frame.event
        if kind == "contentBlockDelta":
            self.content = self.content or _says(_read(frame).delta)
        elif kind == "contentBlockStart":
            self.content = self.content or bool(_read(frame).start)
        elif kind == "messageStop":
            self._finish(_read(frame).stopReason)
        elif kind == "metadata":
            usage = _read(frame).usage
            self.usage = read_usage(usage) if isinstance(usage, dict) else None
            return self._keep(frame.raw)
        return self._keep(frame.raw) if self.terminator else frame.raw

    def _finish(self, reason: Any) -> None:
        if is_failure(reason) and not self._native:
            raise failed_finish(reason)
        self.content = True
        self.finish = self.finish or str(reason)
        self.odd_finish = odd(self.finish, {*FINISHES, *FAILED_FINISHES})


def _read(frame: Frame) -> _Event:
    return read_as(_EVENT, frame.payload) or _Event()


def _says(delta: Any) -> bool:
    """Whether a delta says anything."""
    if not isinstance(delta, dict):
        return False
    inner = next(iter(delta.values()), None)
    return any(inner.values()) if isinstance(inner, dict) else bool(inner)
