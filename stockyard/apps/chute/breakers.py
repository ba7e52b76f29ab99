"""The endpoints for circuit breakers: which targets are avoided now, and resetting one."""

from collections.abc import Sequence
from typing import Literal, Protocol

from litestar import Controller, get, post
from litestar.params import FromPath
from msgspec import Struct

from stockyard.api.parameters import Given
from stockyard.api.permission import needs
from stockyard.errors import Refused


class Breaker(Protocol):
    """The state of one breaker."""

    @property
    def id(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def credential(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def state(self) -> Literal["closed", "open", "half_open", "cooling"]: ...
    @property
    def reopens_in(self) -> float: ...
    @property
    def calls(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def latency_us(self) -> float | None: ...


class Breakers(Protocol):
    """All breakers. Implemented by the gateway."""

    def states(self) -> Sequence[Breaker]: ...
    def reset(self, id: str) -> bool:
        """Close one; whether there is one with that id."""


class BreakerView(Struct, frozen=True, kw_only=True):
    """`calls` and `failures` are those of the window; `retry_in_s` is 0 where calls may pass."""

    id: str
    provider: str
    credential: str
    model: str
    state: str
    retry_in_s: float
    calls: int
    failures: int
    in_flight: int
    first_byte_ms: float | None


class BreakerList(Struct, frozen=True, kw_only=True):
    breakers: list[BreakerView]
    count: int
    next: None = None


class BreakerReset(Struct, frozen=True, kw_only=True):
    id: str
    status: str = "closed"


class BreakerEndpoints(Controller):
    """Which targets are avoided now. They are watched while the module failover is on."""

    tags = ["Chute"]  # noqa: RUF012  the framework's own declaration

    @get("/breakers", opt=needs("chute.read"))
    async def list_breakers(self, breakers: Given[Breakers]) -> BreakerList:
        """All targets that were called, and the state of their breakers."""
        found = [_view(breaker) for breaker in breakers.states()]
        return BreakerList(breakers=found, count=len(found))

    @post("/breakers/{breaker_id:str}/reset", opt=needs("chute.write"), status_code=200)
    async def reset_breaker(
        self, breakers: Given[Breakers], breaker_id: FromPath[str]
    ) -> BreakerReset:
        """Let calls to a target pass again at once."""
        if not breakers.reset(breaker_id):
            raise Refused(404, "not_found", "There is no such breaker.")
        return BreakerReset(id=breaker_id)


def _view(breaker: Breaker) -> BreakerView:
    latency = breaker.latency_us
    return BreakerView(
        id=breaker.id,
        provider=breaker.provider,
        credential=breaker.credential,
        model=breaker.model,
        state=breaker.state,
        retry_in_s=round(breaker.reopens_in, 3),
        calls=breaker.calls,
        failures=breaker.failures,
        in_flight=breaker.in_flight,
        first_byte_ms=None if latency is None else round(latency / 1000, 3),
    )
