"""What modules may use of the world outside core. Each Port is a protocol, implemented elsewhere.

`app.py` chooses the implementations. A Port that is used on the hot path answers from memory, so
its cost is the same whether the data belongs to this process or to another one.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from stockyard.core.claim import Claim, Shelf
from stockyard.core.offer import Offer
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
    """What the usage is counted for, such as `key:key_01…` or `global`."""
    row: str
    """Which limit, so that two limits on one subject are counted separately."""
    calls: int
    """Allowed per window; 0 is no limit."""
    tokens: int
    concurrent: int
    per_seconds: float
    burst: int
    """Calls that may come at once; 0 is all of `calls`."""


class Room(NamedTuple):
    """How much is left of one limit."""

    limit: int
    remaining: int
    reset_seconds: float
    """Until the full limit is available again."""


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
    calls: Room | None = None
    """The tightest limit on calls, if there is one."""
    tokens: Room | None = None


class Limits(Protocol):
    """Rate and concurrency limits: all rows are checked, then all are charged, or none."""

    def take(self, charges: Sequence[Charge], *, tokens: int, lease: str) -> Verdict: ...
    def settle(self, charges: Sequence[Charge], *, reserved: int, used: int, lease: str) -> None:
        """Correct the tokens and end the concurrency lease. Once per call, however it ends."""


class BreakerRule(NamedTuple):
    """When a breaker opens, and for how long at first."""

    error_ratio: float = 0.5
    min_calls: int = 10
    window_seconds: int = 30
    open_seconds: int = 15


class Health(Protocol):
    """Circuit breakers and latencies of Targets, for failover and for display."""

    def allow(self, target: Target) -> bool:
        """Whether the breaker lets a call through. If it is half open, that call is the probe.

        A call that was let through counts as in flight until `forget`.
        """

    def report(
        self,
        target: Target,
        *,
        ok: bool,
        first_byte_us: int | None = None,
        retry_after: float = 0,
        rule: BreakerRule = BreakerRule(),  # noqa: B008  a tuple: it cannot be changed
    ) -> Literal["opened", "closed"] | None:
        """Record how a call ended. Returns how that changed the breaker."""

    def forget(self, target: Target) -> None:
        """The call is over. If it was a probe without a report (the caller left), another may be
        made."""

    def latency_us(self, target: Target) -> float | None: ...
    def in_flight(self, target: Target) -> int: ...
    def reopens_in(self, target: Target) -> float: ...


class Stored(Struct, frozen=True):
    """A cached answer, and the attributes by which it can be purged."""

    value: bytes
    stored_at: float
    expires_at: float
    model: str
    key_id: str
    user: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    useless_at: float = float("inf")
    """From then on it is not even served stale."""


class Answers(Protocol):
    """Cached answers by key. At its bounds the least recently used ones are dropped."""

    def get(self, key: bytes) -> Stored | None: ...
    def put(self, key: bytes, stored: Stored, *, max_entries: int, max_bytes: int) -> None: ...


class Claims(Shelf, Protocol):
    """Calls with an `Idempotency-Key`: those that run, and complete answers until they expire."""

    def find(self, name: bytes) -> Claim | None: ...
    def add(self, claim: Claim) -> bool:
        """Keep the Claim of a call that begins. False if there is no room."""


class Timer(Protocol):
    def cancel(self) -> None: ...


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
    """The models and providers that can be called now."""

    def targets(self, model: str, kind: str) -> tuple[Target, ...]: ...
    def elsewhere(self, target: Target, kind: str) -> tuple[Target, ...]:
        """The same model id at the other providers that offer it."""

    def has_provider(self, name: str) -> bool: ...
    def offer(self, target: Target) -> Offer | None:
        """The price list's entry for this model at this provider, if there is one."""


class Held(Struct, frozen=True):
    """Where something with an id is stored: at which provider, under which Credential."""

    provider: str
    credential_id: str = ""
    """Empty if the provider needs none."""


class HeldIds(Protocol):
    """Ids of things that providers store for our teams, such as answers and files. A team does not
    find the ids of another."""

    def find(self, team_id: str, id: str) -> Held | None: ...
    def hold(self, team_id: str, id: str, held: Held) -> None:
        """Remember an id as the team's. Found from now on; written to the database soon."""

    def is_others(self, team_id: str, id: str) -> bool:
        """Whether another team has this id, and this team does not."""

    def announce(self, team_id: str, held: Held) -> None:
        """The team begins to create something whose id only its caller will learn."""

    def claim(self, team_id: str, id: str) -> Held | None:
        """Give this id to what the team announced, unless it already belongs to a team."""


class Unreported(NamedTuple):
    """Something whose usage nobody has asked for."""

    team_id: str
    id: str
    place: str
    """The path that reports it, on a provider's native route."""


class Owed(Protocol):
    """Things whose usage a provider reports later, such as batches and background answers. Each is
    counted once, however often it is reported."""

    def owes(self, team_id: str, id: str) -> bool:
        """Whether the usage of this id, or of what it reports on, is still to be counted."""

    def owe(
        self,
        team_id: str,
        id: str,
        of: str = "",
        place: str = "",
    ) -> Coroutine[Any, Any, None]:
        """Remember that this id will report usage: its own, or that of `of` (a file that holds the
        results of a batch). `place` is where it can be read if nobody asks. Effective at once, and
        durable when the result was awaited."""

    async def settle(self, team_id: str, id: str) -> bool:
        """Mark this id, and everything that reports the same usage, as counted. False if it was
        counted before."""

    async def settle_parts(self, team_id: str, id: str, parts: Sequence[str]) -> set[str]:
        """Mark these parts of it as counted; more may follow. Returns those that were not yet."""

    async def unreported(self, most: int) -> list[Unreported]:
        """What began more than a day ago and was not looked at since, the least recent first."""

    async def looked(self, team_id: str, id: str) -> None:
        """The gateway has looked at this one now."""


class KeptAnswer(Struct, frozen=True):
    """An answer that we store because its caller asked for that."""

    items: bytes
    """JSON array: the whole input, including earlier turns."""
    answer: bytes
    """JSON object: the answer as its caller got it."""


class KeptAnswers(Protocol):
    """Answers that we store, by team and id. A team does not find those of another."""

    max_bytes: int
    """The largest that is stored: items and answer together."""

    def find(self, team_id: str, id: str) -> KeptAnswer | None: ...
    async def keep(self, team_id: str, id: str, kept: KeptAnswer) -> None:
        """Returns when it is on stable storage. Raises Refused where it cannot be stored."""

    async def forget(self, team_id: str, id: str) -> bool:
        """Whether there was one."""


class Envelopes(Protocol):
    """Encrypt texts that callers keep for us and send back, and that they cannot read or change."""

    def seal(self, team_id: str, text: str) -> str: ...
    def sealed(self, text: str) -> bool:
        """Whether a text looks like an envelope of ours."""

    def open(self, team_id: str, sealed: str) -> str | None:
        """The text; None if it was changed, or sealed for another team or with another key."""


class Ports:
    """The Ports of this installation. Asking for one that is not there raises PortMissing."""

    kv: KeyValue
    limits: Limits
    limited_keys: Callable[[], bool]
    """Whether some Key has limits of its own. When that changes, every Pipeline is rebuilt."""
    health: Health
    models: Models
    stands_for: Callable[[str], str]
    """The model behind an operator's alias; for any other name, that name."""
    matcher: Callable[..., Matcher]
    answers: Answers
    """The cache in memory."""
    lasting_answers: Answers
    """The cache in memory, backed by the database."""
    claims: Claims
    call_fingerprint: Callable[[], bytes]
    """A digest of the Configs of the modules at stage CALL."""
    now: Callable[[], float]
    """Seconds since 1970."""
    clock: Callable[[], float]
    """Seconds on a monotonic clock, for durations."""
    sleep: Callable[[float], Awaitable[None]]
    """Wait so many seconds."""
    later: Callable[[float, Callable[[], None]], Timer]
    """Call a function after so many seconds, unless the Timer is cancelled before."""
    random: Callable[[], float]
    """0 <= r < 1."""
    token_estimate: Callable[[str], int]
    background: Callable[[Coroutine[Any, Any, None]], None]
    offload: Callable[[Callable[[], T]], Awaitable[T]]
    """Run a computation in a thread, so that it does not block the event loop."""
    pseudonym: Callable[[str], str]
    """A stable name for a text, in hexadecimal digits. It depends on a key of this installation, so
    nobody else can find out the text by trying."""
    secrets: Callable[[], Iterable[str]]
    """All secrets in use here, which must never appear in what leaves the installation."""

    def __init__(self, **ports: Any) -> None:
        self.__dict__.update(ports)

    def __getattr__(self, name: str) -> Any:
        raise PortMissing(f"Needs {name}, which is not installed.")
