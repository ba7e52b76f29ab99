"""The modules that run around a call, compiled.

A Pipeline is immutable: the enabled modules of one kind of call, in catalog order, compiled into
flat tuples of hooks. Toggling or configuring a module builds a new Pipeline and swaps it with one
assignment, so a running call keeps the one it started with, and a disabled module costs nothing.
`passage.py` takes a call through it.
"""

from collections.abc import Sequence

from stockyard.core.exchange import Reads
from stockyard.core.module import AnyModule
from stockyard.core.standing import Standings
from stockyard.core.stop import Stop


class Pipeline:
    """The enabled modules of one kind of call, compiled."""

    __slots__ = (
        "arounds",
        "edits",
        "heads",
        "is_keyed",
        "keeps",
        "modules",
        "outward",
        "reads",
        "requests",
        "stops",
        "version",
        "waits",
    )

    def __init__(
        self, modules: Sequence[AnyModule], standings: Standings, *, version: int = 0
    ) -> None:
        self.modules = tuple(modules)
        self.version = version
        self.stops = tuple(Stop(module, standings.of(module.name)) for module in modules)
        self.requests = tuple(
            (depth, stop, stop.on_request)
            for depth, stop in enumerate(self.stops)
            if stop.on_request is not None
        )
        self.heads = tuple(
            (stop, stop.on_head) for stop in reversed(self.stops) if stop.on_head is not None
        )
        self.outward = tuple(
            (depth, stop)
            for depth, stop in reversed(tuple(enumerate(self.stops)))
            if stop.edits or stop.holds or stop.on_response is not None or stop.on_error is not None
        )
        """Modules with hooks for the answer or error, innermost first."""
        self.arounds = tuple(stop for stop in reversed(self.stops) if stop.around is not None)
        """Innermost first."""
        self.waits = any(stop.waits for stop in self.stops)
        """Whether some hook is async, so that a call needs a task of its own."""
        self.is_keyed = any(module.only_keyed for module in modules)
        """Whether it has modules for calls with an `Idempotency-Key`."""
        self.edits = any(stop.edits for stop in self.stops)
        self.keeps = next((module.keeps for module in modules if module.keeps), "")
        self.reads: Reads = "texts" if self.edits else "nothing"
        if any(
            stop.holds or (stop.module.wants_response and stop.on_response is not None)
            for stop in self.stops
        ):
            self.reads = "everything"
