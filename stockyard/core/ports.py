"""What a module may ask of the world. Each Port is a protocol; `app.py` says who fulfils it.

A call of a Port on the hot path answers from memory, so that it costs the same whether the truth
is in this process or in another one.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from msgspec import Struct

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


class Room(NamedTuple):
    """How much is left of one limit."""

    limit: int
    remaining: int
    reset_seconds: float
    """Until all of it is there again."""


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
        """Correct the tokens and end the concurrency lease. Called once, whatever the end."""


class BreakerRule(NamedTuple):
    """When a breaker opens, and for how long at first."""

    error_ratio: float = 0.5
    min_calls: int = 10
    window_seconds: int = 30
    open_seconds: int = 15


class Health(Protocol):
    """How targets are doing. Shared by failover and whoever shows it."""

    def allow(self, target: Target) -> bool:
        """Whether the breaker lets a call through; takes the probe's place if it is half open.

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
        """A verdict on a call, and what it changed."""

    def forget(self, target: Target) -> None:
        """The call is over. Without a verdict (the caller left) a probe gives its place back."""

    def latency_us(self, target: Target) -> float | None: ...
    def in_flight(self, target: Target) -> int: ...
    def reopens_in(self, target: Target) -> float: ...


class Stored(Struct, frozen=True):
    """A kept answer: bytes, and what it can be found by."""

    value: bytes
    stored_at: float
    expires_at: float
    model: str
    key_id: str
    user: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    useless_at: float = float("inf")
    """From then on nobody is served it, not even a stale one."""


class Answers(Protocol):
    """Kept answers by key. At its bounds the least recently used ones go."""

    def get(self, key: bytes) -> Stored | None: ...
    def put(self, key: bytes, stored: Stored, *, max_entries: int, max_bytes: int) -> None: ...


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
    """Which models and providers can be reached now."""

    def targets(self, model: str, kind: str) -> tuple[Target, ...]: ...
    def elsewhere(self, target: Target, kind: str) -> tuple[Target, ...]:
        """The same model id at the other providers that offer it."""

    def has_provider(self, name: str) -> bool: ...
    def offer(self, target: Target) -> Offer | None:
        """What the price list knows of a model as this provider sells it; None is nothing."""


class Held(Struct, frozen=True):
    """Who keeps something that a provider gave an id."""

    provider: str
    credential_id: str = ""
    """Empty where the provider wants none."""


class HeldIds(Protocol):
    """Ids of what providers keep for our teams, such as answers. Another team's are not found."""

    def find(self, team_id: str, id: str) -> Held | None: ...  # noqa: A002  the word of the field
    def hold(self, team_id: str, id: str, held: Held) -> None:  # noqa: A002  the API's word
        """Remember it. Found at once; written soon."""

    def is_others(self, team_id: str, id: str) -> bool:  # noqa: A002  the word of the field
        """Whether another team has it, and this one has not."""

    def announce(self, team_id: str, held: Held) -> None:
        """The team begins something whose id its caller alone will be told."""

    def claim(self, team_id: str, id: str) -> Held | None:  # noqa: A002  the API's word
        """What the team has announced gets this id and is held, unless some team has that id."""


class Owed(Protocol):
    """What a team has begun at a provider, and what it used is told later: batches, answers in the
    background. It is counted once."""

    def owes(self, team_id: str, id: str) -> bool:  # noqa: A002  the word of the field
        """Whether this is still to be counted, or tells of something that is."""

    def owe(self, team_id: str, id: str, of: str = "") -> Coroutine[Any, Any, None]:  # noqa: A002  the word of the field
        """Remember it: at once, and for good when what is returned was awaited. `of` is what it
        tells of, if that is still to be counted."""

    async def settle(self, team_id: str, id: str) -> bool:  # noqa: A002  the word of the field
        """It is counted now, and whatever else tells of it. False where it was before."""

    async def settle_parts(self, team_id: str, id: str, parts: Sequence[str]) -> set[str]:  # noqa: A002  the word of the field
        """These parts of it are counted now, and more may follow. Those that were not before."""


class KeptAnswer(Struct, frozen=True):
    """An answer that we keep because its caller asked for it."""

    items: bytes
    """JSON array: everything it answers, earlier turns included."""
    answer: bytes
    """JSON object: the answer as its caller got it."""


class KeptAnswers(Protocol):
    """Answers that we keep, by team and id. Another team's are not found."""

    max_bytes: int
    """The largest that is kept: items and answer together."""

    def find(self, team_id: str, id: str) -> KeptAnswer | None: ...  # noqa: A002  the API's word
    async def keep(self, team_id: str, id: str, kept: KeptAnswer) -> None:  # noqa: A002  the API's word
        """Returns when it is on stable storage. Raises Refused where it cannot be stored."""

    async def forget(self, team_id: str, id: str) -> bool:  # noqa: A002  the API's word
        """Whether there was one."""


class Envelopes(Protocol):
    """Texts of ours that callers carry for us and nobody else can read or change."""

    def seal(self, team_id: str, text: str) -> str: ...
    def sealed(self, text: str) -> bool:
        """Whether it claims to be one of ours."""

    def open(self, team_id: str, sealed: str) -> str | None:
        """The text; None for another team's, a changed one, or one sealed with another key."""


class Ports:
    """The Ports of this installation. Asking for one that is not there raises PortMissing."""

    kv: KeyValue
    limits: Limits
    limited_keys: Callable[[], bool]
    """Whether some Key has limits of its own. When that changes, every Pipeline is built anew."""
    health: Health
    models: Models
    stands_for: Callable[[str], str]
    """The model that a name of the operator's stands for; of any other name, that name."""
    matcher: Callable[..., Matcher]
    answers: Answers
    """Those in memory."""
    lasting_answers: Answers
    """The same, and behind them what outlives the process."""
    call_fingerprint: Callable[[], bytes]
    """A digest of the Configs of the modules at stage CALL."""
    now: Callable[[], float]
    """Seconds since 1970."""
    clock: Callable[[], float]
    """Seconds on a clock that never steps, for durations."""
    sleep: Callable[[float], Awaitable[None]]
    """Wait so many seconds."""
    later: Callable[[float, Callable[[], None]], Timer]
    """Call something after so many seconds, unless it is cancelled before."""
    random: Callable[[], float]
    """0 <= r < 1."""
    token_estimate: Callable[[str], int]
    background: Callable[[Coroutine[Any, Any, None]], None]
    offload: Callable[[Callable[[], T]], Awaitable[T]]
    """Run something that only computes in a thread, so that the loop is not held meanwhile."""
    pseudonym: Callable[[str], str]
    """A name for a text in hexadecimal digits, the same for as long as this installation lives.
    Nobody else can tell what it stands for."""
    secrets: Callable[[], Iterable[str]]
    """Live secrets of this installation, which must never leave it."""

    def __init__(self, **ports: Any) -> None:
        self.__dict__.update(ports)

    def __getattr__(self, name: str) -> Any:
        raise PortMissing(f"Needs {name}, which is not installed.")
