"""Follow each call through modules and attempts, and connect it to your own traces.

Why
    A slow answer has a reason: a module, a second attempt, the provider. Spans show which. When the
    caller sends a `traceparent`, our spans become children of its trace.

Example
    [modules.tracelink]
    sample_ratio = 0.1
    slow_ms = 5000
    otlp_url = "http://collector.example.com:4318/v1/traces"

Caller sees
    Nothing. A malformed `traceparent` header starts a new trace and is not an error.
"""

from collections.abc import Mapping
from re import compile as pattern
from typing import Annotated, ClassVar

from msgspec import Meta

from stockyard.core.exchange import Exchange
from stockyard.core.glob import Globs
from stockyard.core.module import HIDDEN, Module, ModuleConfig, Stage
from stockyard.core.ports import Ports
from stockyard.core.sampling import in_sample
from stockyard.core.sharing import Dialect, Export, Spread
from stockyard.errors import InvalidConfig

# https://www.w3.org/TR/trace-context/#traceparent-header, version 00
PARENT = pattern(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type"})
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16


class Config(ModuleConfig, frozen=True):
    secret: ClassVar[tuple[str, ...]] = ("otlp_headers",)

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
        bool, Meta(description="Continue the trace that the caller sent in `traceparent`.")
    ] = True
    propagate_to: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=253)], ...],
        Meta(
            max_length=100,
            description="Hosts of providers that receive `traceparent`; `*` stands for any text.",
        ),
    ] = ()
    baggage_tags: Annotated[
        tuple[Annotated[str, Meta(max_length=50, pattern="^[A-Za-z0-9_-]+$")], ...],
        Meta(max_length=10, description="Tags of a call that those hosts receive as `baggage`."),
    ] = ()
    otlp_url: Annotated[
        str,
        Meta(
            max_length=2000,
            pattern="^(https?://[!-~]+)?$",
            description="Where spans are sent as OTLP/HTTP JSON; empty sends none. A private "
            "address must be opened in `egress.allow_private`.",
        ),
    ] = ""
    otlp_headers: Annotated[
        dict[
            Annotated[str, Meta(max_length=64, pattern="^[A-Za-z0-9-]+$")],
            Annotated[str, Meta(max_length=2000, pattern="^[!-~]([ -~]*[!-~])?$")],
        ],
        Meta(max_length=20, description="Header fields to send with them, such as an API key."),
    ] = {}  # noqa: RUF012  a Struct copies it
    dialect: Annotated[
        Dialect, Meta(description="Naming convention for the attributes of exported spans.")
    ] = "genai"
    service: Annotated[
        str, Meta(min_length=1, max_length=100, description="The service name on exported spans.")
    ] = "stockyard"


class TraceLink(Module[Config]):
    name = "tracelink"
    category = "observe"
    stage = Stage.OBSERVE
    on_by_default = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        _check_headers(config.otlp_headers)
        self._samples = config.sample_ratio < 1
        self._spread = (
            Spread(Globs(config.propagate_to), config.baggage_tags) if config.propagate_to else None
        )
        self._export = (
            Export(
                config.otlp_url,
                tuple(config.otlp_headers.items()),
                config.dialect,
                config.service,
            )
            if config.otlp_url
            else None
        )
        if not self._samples:
            self.skips = frozenset({"on_response", "on_error"})

    def on_request(self, x: Exchange) -> None:
        if x.asked.trace and self.config.accept_parent:
            self._link(x)
        if self._spread is not None:
            x.spread = self._spread
        if self._export is not None:
            x.export = self._export
        if self._samples:
            trace = x.trace_parent[:32] or x.trace_id
            x.sampled = in_sample(trace, self.config.sample_ratio)

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


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if name.lower() in OURS:
            raise InvalidConfig(f"otlp_headers.{name}", "This field is written by the sender.")
        if value == HIDDEN:
            raise InvalidConfig(
                f"otlp_headers.{name}", "Values are not shown. Send the value itself."
            )
