"""Follow each call through modules and attempts, and connect it to your own traces.

Why
    A slow answer has a reason: a module, a second attempt, the provider. Spans show it. When the
    caller sends its own trace along, ours hangs under it and one picture shows both.

Example
    [modules.tracelink]
    sample_ratio = 0.1
    slow_ms = 5000

Caller sees
    Nothing of its own. A `traceparent` header that is malformed starts a new trace and is no error.
"""

from hashlib import blake2b
from re import compile as pattern
from typing import Annotated

from msgspec import Meta

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.ports import Ports

# https://www.w3.org/TR/trace-context/#traceparent-header, version 00
PARENT = pattern(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16


class Config(ModuleConfig, frozen=True):
    sample_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of the calls whose spans are kept.")
    ] = 1.0
    keep_errors: Annotated[
        bool, Meta(description="Always keep the spans of calls that failed or were refused.")
    ] = True
    slow_ms: Annotated[
        int,
        Meta(ge=0, le=600_000, description="Always keep the spans of calls slower than this."),
    ] = 10_000
    accept_parent: Annotated[
        bool, Meta(description="Hang our trace under the one that the caller sent.")
    ] = True


class TraceLink(Module[Config]):
    name = "tracelink"
    category = "observe"
    stage = Stage.OBSERVE
    on_by_default = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        self._samples = config.sample_ratio < 1
        if not self._samples:
            self.skips = frozenset({"on_response", "on_error"})

    def on_request(self, x: Exchange) -> None:
        if x.asked.trace and self.config.accept_parent:
            self._link(x)
        if self._samples:
            x.sampled = _place(x.trace_parent[:32] or x.trace_id) < self.config.sample_ratio

    def on_response(self, x: Exchange) -> None:
        if not x.sampled:
            x.sampled = x.elapsed_us() >= self.config.slow_ms * 1000

    def on_error(self, x: Exchange, error: Exception) -> None:
        if not x.sampled:
            slow = x.elapsed_us() >= self.config.slow_ms * 1000
            x.sampled = self.config.keep_errors or slow

    def _link(self, x: Exchange) -> None:
        parent = PARENT.fullmatch(x.asked.trace)
        if parent is None or parent[1] == NO_TRACE or parent[2] == NO_SPAN:
            x.note(self.name, "bad_parent")
            return
        x.trace_parent = f"{parent[1]}-{parent[2]}"


def _place(trace_id: str) -> float:
    """Where a trace stands between 0 and 1: the same on every node."""
    digest = blake2b(trace_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
