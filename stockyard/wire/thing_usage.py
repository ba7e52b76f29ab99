"""Usage of something that goes on after its call: a prediction, as its provider reports it."""

import msgspec
from msgspec import Struct

from stockyard.wire.late_usage import MOST_OBJECT, OVER, UsageReader, Use
from stockyard.wire.stray_usage import TAIL_BYTES, stray_usage

_OVER = OVER | {
    "succeeded",
    "successful",
    "complete",
    "done",
    "finished",
    "error",
    "aborted",
    "terminated",
}


class _Thing(Struct):
    status: str = ""
    model: str = ""


_thing = msgspec.json.Decoder(_Thing).decode


class ThingUsage(UsageReader):
    """Reads an answer about one thing, of whatever kind. Its usage counts once it is over."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        if len(self._data) <= MOST_OBJECT:
            self._data += data

    def uses(self) -> list[Use]:
        data = bytes(self._data)
        try:
            thing = _thing(data)
        except (ValueError, RecursionError):
            return []
        usage = stray_usage(data[-TAIL_BYTES:])
        if usage is None or thing.status.lower() not in _OVER:
            return []
        return [Use(thing.model, usage)]
