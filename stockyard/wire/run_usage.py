"""Usage of assistant runs, from a run, a list of runs or a stream."""

from collections.abc import Mapping
from typing import Any

from stockyard.errors import UpstreamError
from stockyard.wire.fields import object_in
from stockyard.wire.late_usage import MOST_OBJECT, UsageReader, Use
from stockyard.wire.sse import Blocks, parse_block
from stockyard.wire.usage import read_chat_usage

KIND = "thread.run"
MARK = b'"thread.run"'
"""Stands in each event that tells of a run, and not in those of its steps."""
MOST_RUNS = 100
"""Lists have no more."""
_NAMES = {"prompt_token_details": "prompt_tokens_details"}


class RunsUsage(UsageReader):
    """Reads answers about runs. The `part` of each Use is the run's id."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._events: Blocks | None = None
        self._used: dict[str, Use] = {}

    def feed(self, data: bytes) -> None:
        if self._events is not None:
            self._look(data)
        elif len(self._data) <= MOST_OBJECT:
            self._data += data
            begun = self._data.lstrip()[:1]
            if begun and begun != b"{":
                self._events = Blocks()
                self._look(bytes(self._data))
                self._data.clear()

    def uses(self) -> list[Use]:
        if self._data:
            told = object_in(bytes(self._data))
            listed = told.get("data")
            for one in (told, *(listed[:MOST_RUNS] if isinstance(listed, list) else ())):
                self._add(one)
        return list(self._used.values())

    def _look(self, data: bytes) -> None:
        assert self._events is not None  # noqa: S101  it is a stream
        try:
            blocks = self._events.feed(data)
        except UpstreamError:
            return  # an event too large to be looked at
        for block in blocks:
            if MARK in block:
                self._add(object_in(parse_block(block).data or b""))

    def _add(self, told: Any) -> None:
        if not (isinstance(told, Mapping) and told.get("object") == KIND):
            return
        run, model, counts = told.get("id"), told.get("model"), told.get("usage")
        if not (isinstance(run, str) and isinstance(model, str) and isinstance(counts, dict)):
            return
        renamed = {str(_NAMES.get(name, name)): count for name, count in counts.items()}
        usage = read_chat_usage(renamed)
        if run and model and len(self._used) < MOST_RUNS and usage is not None and usage.total:
            self._used[run] = Use(model, usage, part=run)
