"""What a module may ask of the world. Each Port is a protocol; `app.py` says who fulfils it.

A call of a Port on the hot path answers from memory, so that it costs the same whether the truth
is in this process or in another one.
"""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from stockyard.core.target import Target
from stockyard.errors import PortMissing

T = TypeVar("T")


class KeyValue(Protocol):
    """Small shared state that expires."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, key: str, value: bytes, *, ttl_seconds: float) -> None: ...
    async def delete(self, key: str) -> None: ...


class Charge(NamedTuple):
    """One row of a limit applied to one subject."""

    subject: str
    """Who is counted, such as `key:key_01…` or `global`."""
    row: str
    """Which limit, so that two limits over one subject count apart."""
    calls: int
    """Allowed per window; 0 is no limit."""
    tokens: int
    concurrent: int
    per_seconds: float
    burst: int
    """Calls that may come at once; 0 is all of `calls`."""


class Verdict(NamedTuple):
    """Whether a call may pass, and where its tightest limit stands."""

    allowed: bool
    retry_after: float
    failed: str
    """`calls`, `tokens` or `concurrent` when refused."""
    row: str
    limit: int
    remaining: int
    reset_seconds: float


class Limits(Protocol):
    """Rate and concurrency limits: all rows are checked, then all are charged, or none."""

    def take(self, charges: Sequence[Charge], *, tokens: int, lease: str) -> Verdict: ...
    def settle(self, charges: Sequence[Charge], *, reserved: int, used: int, lease: str) -> None:
        """Correct the tokens and end the concurrency lease. Called once, whatever the end."""


class Health(Protocol):
    """How targets are doing. Shared by failover and whoever shows it."""

    def allow(self, target: Target) -> bool:
        """Whether the breaker lets a call through; takes the probe's place if it is half open."""

    def report(
        self, target: Target, *, ok: bool, first_byte_us: int | None = None, retry_after: float = 0
    ) -> None: ...
    def forget(self, target: Target) -> None:
        """The call ended without a verdict (the caller left): give a probe's place back."""

    def latency_us(self, target: Target) -> float | None: ...
    def in_flight(self, target: Target) -> int: ...
    def reopens_in(self, target: Target) -> float: ...


class Span(Struct, frozen=True):
    """Where a rule matched in a text, in characters."""

    start: int
    end: int
    rule: str
    confidence: float = 1.0


class Matcher(Protocol):
    """Finds words or patterns in a text, in linear time."""

    def find(self, text: str) -> list[Span]: ...
    def found_in(self, texts: Iterable[str]) -> bool: ...
    def replace(self, text: str, mask: str | Callable[[Span, str], str]) -> str: ...


class Models(Protocol):
    """Which models and providers can be reached now."""

    def targets(self, model: str, kind: str) -> tuple[Target, ...]: ...
    def elsewhere(self, target: Target, kind: str) -> tuple[Target, ...]:
        """The same model id at the other providers that offer it."""

    def has_provider(self, name: str) -> bool: ...


class Ports:
    """The Ports of this installation. Asking for one that is not there raises PortMissing."""

    kv: KeyValue
    limits: Limits
    health: Health
    models: Models
    matcher: Callable[..., Matcher]
    now: Callable[[], float]
    """Seconds since 1970."""
    random: Callable[[], float]
    """0 <= r < 1."""
    token_estimate: Callable[[str], int]
    background: Callable[[Coroutine[Any, Any, None]], None]
    secrets: Callable[[], Iterable[str]]
    """Live secrets of this installation, which must never leave it."""

    def __init__(self, **ports: Any) -> None:
        self.__dict__.update(ports)

    def __getattr__(self, name: str) -> Any:
        raise PortMissing(f"Needs {name}, which is not installed.")
