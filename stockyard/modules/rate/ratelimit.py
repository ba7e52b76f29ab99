"""Limit how many calls and tokens someone may use in a period, and how many calls at once.

Why
    One runaway script should not use up what everybody shares. A limit in front of the provider
    costs nothing when it refuses, and tells the caller when to come back. Keys may also have limits
    of their own (`stockyard keys change ID --limit calls=60,per=1m`).

Example
    [modules.ratelimit]
    limits = [{ by = "key", calls = 60, per_seconds = 60, burst = 10 }]

Caller sees
    HTTP 429 `rate_limited` or `concurrency_exceeded` with an exact `Retry-After`. On every answer,
    `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` show the limit closest to being
    reached; `x-ratelimit-…-requests` and `-tokens` show those for calls and for tokens.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import ceil
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.structs import asdict

from stockyard.core.adaptive import AdaptiveShare
from stockyard.core.allowance import Allowance
from stockyard.core.exchange import Exchange
from stockyard.core.glob import Glob, Globs
from stockyard.core.kind import Kind
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.money import Usage, together
from stockyard.core.ports import Charge, Ports, Room, Verdict
from stockyard.core.subscriber import subscriber
from stockyard.errors import Abandoned, Refused, StockyardError

By = Literal["global", "team", "key", "user", "address", "project", "model"]
MAX_WAITERS = 1000
"""Calls that may wait for room at the same time."""
MAX_SUBJECT = 256
"""Characters of a model's or user's name used as key: callers choose them."""
MAX_MODELS = 1000
MAX_KEYS = 1000
"""Keys whose own limits are kept compiled."""
NEWEST_WEIGHT = 0.2
"""Weight of the newest answer in the moving average of a model's answer lengths."""


class Limit(Allowance, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: Annotated[By, Meta(description="Whose calls are counted together.")] = "key"
    match: Annotated[
        str,
        Meta(
            max_length=500,
            description="Only those that match: the id of a Key or team, the name of a user, "
            "project or model, or an address; `*` is any text.",
        ),
    ] = "*"


class Config(ModuleConfig, frozen=True):
    limits: Annotated[
        tuple[Limit, ...], Meta(max_length=100, description="The limits. All that match apply.")
    ] = ()
    max_wait_ms: Annotated[
        int,
        Meta(ge=0, le=30_000, description="How long a call may wait for room."),
    ] = 0
    adaptive: Annotated[
        bool,
        Meta(
            description="Shrink the limits while providers answer 429 or this process is "
            "overloaded, and grow them back afterwards."
        ),
    ] = False
    adaptive_floor_ratio: Annotated[
        float, Meta(ge=0.01, le=1, description="Never shrink below this share of a limit.")
    ] = 0.2
    headers: Annotated[bool, Meta(description="Send the headers that show what is left.")] = True


class Row(NamedTuple):
    """A limit, ready to be matched."""

    name: str
    """Its place in the configuration, for Findings."""
    key: str
    """The key of its counts: a digest of what it limits, whatever its place."""
    limit: Limit
    match: Glob
    models: Globs
    kinds: frozenset[Kind]


class RateLimit(Module[Config]):
    """Counts against the limits of its own table and those of the Key that calls."""

    name = "ratelimit"
    category = "rate"
    stage = Stage.ADMIT
    on_by_default = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        self._rows = _ready("", config.limits)
        self._mean_output: dict[str, float] = {}
        self._waiters = 0
        self._adaptive = (
            AdaptiveShare(ports, config.adaptive_floor_ratio) if config.adaptive else None
        )
        self.patience_seconds += config.max_wait_ms / 1000
        self.on_request: Callable[[Exchange], Awaitable[None] | None] = (
            self._wait_or_refuse if config.max_wait_ms else self._admit
        )

    def idle(self) -> bool:
        return not self._rows and not self.ports.limited_keys()

    def on_response(self, x: Exchange) -> None:
        if self._adaptive is not None:
            self._adaptive.count(x)
        usage = _usage(x)
        if x.stored_usage is not None or x.simulated:
            self._settle(x, 0)
        elif usage is None:
            self._settle(x, x.reserved_tokens)
        else:
            self._learn(x.received.model[:MAX_SUBJECT], usage.completion)
            self._settle(x, usage.total)

    def on_error(self, x: Exchange, error: Exception) -> None:
        if self._adaptive is not None:
            self._adaptive.count(x)
        usage = _usage(x)
        if usage is not None:
            self._settle(x, usage.total)
        elif isinstance(error, Abandoned) and x.attempts:
            # The caller left before the provider said what it used; it did use something.
            self._settle(x, x.reserved_tokens)
        else:
            self._settle(x, 0)

    def _admit(self, x: Exchange) -> None:
        if x.usage is not None:
            self._owe(x, x.usage.total)
        else:
            self._act_on(x, self._take(x))

    def _owe(self, x: Exchange, used: int) -> None:
        """Charge a call that has already happened as part of another one: it cannot be refused."""
        charges = (charge._replace(calls=0) for charge in self._charges(x, 1.0))
        self.ports.limits.settle(tuple(charges), reserved=0, used=used, lease=x.id)

    async def _wait_or_refuse(self, x: Exchange) -> None:
        if x.usage is not None:
            self._owe(x, x.usage.total)
            return
        patience = self.config.max_wait_ms / 1000
        verdict = self._take(x)
        waited = 0.0
        while verdict is not None and not verdict.allowed:
            if waited + verdict.retry_after > patience or self._waiters >= MAX_WAITERS:
                break
            # Another call may take the room first; then this one waits again, while it may.
            wait = max(verdict.retry_after, 0.001)
            self._waiters += 1
            try:
                await self.ports.sleep(wait)
            finally:
                self._waiters -= 1
            waited += wait
            verdict = self._take(x)
        self._act_on(x, verdict)
        if waited:
            x.note(self.name, "waited", {"ms": int(waited * 1000)})

    def _act_on(self, x: Exchange, verdict: Verdict | None) -> None:
        if verdict is None:
            return
        if self.config.headers:
            _tell(x, verdict)
        if not verdict.allowed:
            raise self._refusal(x, verdict)

    def _take(self, x: Exchange) -> Verdict | None:
        """Charge the limits that concern this call; None if there are none."""
        share = 1.0
        if self._adaptive is not None:
            self._adaptive.update()
            share = self._adaptive.share
        charges = self._charges(x, share)
        if not charges:
            return None
        tokens = self._estimate(x) if any(charge.tokens for charge in charges) else 0
        verdict = self.ports.limits.take(charges, tokens=tokens, lease=x.id)
        if verdict.allowed:
            x.charges, x.reserved_tokens = charges, tokens
        return verdict

    def _charges(self, x: Exchange, share: float) -> tuple[Charge, ...]:
        rows = self._rows
        if x.caller.limits:
            rows += _rows_of_key(x.caller.limits)
        return tuple(self._charge(row, x, share) for row in rows if self._concerns(row, x))

    def _concerns(self, row: Row, x: Exchange) -> bool:
        if row.kinds and x.kind not in row.kinds:
            return False
        # A call whose model is unknown might be for any: an unreadable body evades no limit.
        if row.models and x.received.model and not self._is_for(row.models, x):
            return False
        if row.match.pattern == "*" or row.match.matches(self._subject(row.limit.by, x)):
            return True
        return row.limit.by == "model" and row.match.matches(x.received.model)

    def _is_for(self, models: Globs, x: Exchange) -> bool:
        return models.match(x.received.model) or models.match(self._model(x))

    def _model(self, x: Exchange) -> str:
        """The model's name at its provider, whichever alias or prefix the caller used."""
        name = self.ports.stands_for(x.received.model)
        provider, _, bare = name.partition("/")
        return bare if bare and self.ports.models.has_provider(provider) else name

    def _charge(self, row: Row, x: Exchange, share: float) -> Charge:
        limit = row.limit
        return Charge(
            subject=f"{limit.by}:{self._subject(limit.by, x)}",
            row=row.key,
            calls=_part(limit.calls, share),
            tokens=_part(limit.tokens, share),
            concurrent=0 if x.within else _part(limit.concurrent, share),
            per_seconds=limit.per_seconds,
            burst=_part(limit.burst, share),
        )

    def _subject(self, by: By, x: Exchange) -> str:
        match by:
            case "global":
                return "global"
            case "team":
                return x.caller.team_id
            case "key":
                return x.caller.key_id
            case "user":
                return x.user[:MAX_SUBJECT]
            case "project":
                return x.caller.project
            case "model":
                return self._model(x)[:MAX_SUBJECT]
            case "address":
                return subscriber(x.caller.address)

    def _estimate(self, x: Exchange) -> int:
        """Tokens of the prompt, plus those of the answer: the average, at most the call's limit."""
        count = self.ports.token_estimate
        prompt = sum(count(text) for text in x.received.texts())
        mean = self._mean_output.get(x.received.model[:MAX_SUBJECT], 0.0)
        most = x.received.meaning.max_output
        return prompt + int(mean if most is None or (mean and mean < most) else most)

    def _learn(self, model: str, output_tokens: int) -> None:
        mean = self._mean_output.get(model)
        if mean is None:
            if len(self._mean_output) >= MAX_MODELS:
                del self._mean_output[next(iter(self._mean_output))]
            mean = float(output_tokens)
        self._mean_output[model] = mean + NEWEST_WEIGHT * (output_tokens - mean)

    def _settle(self, x: Exchange, used: int) -> None:
        charges, x.charges = x.charges, ()
        if charges:
            self.ports.limits.settle(charges, reserved=x.reserved_tokens, used=used, lease=x.id)

    def _refusal(self, x: Exchange, verdict: Verdict) -> StockyardError:
        rows = (*self._rows, *_rows_of_key(x.caller.limits))
        row = next(row for row in rows if row.key == verdict.row)
        by = row.limit.by
        x.note(self.name, "refused", {"by": by, "row": row.name, "limit": verdict.failed})
        if verdict.failed == "concurrent":
            return Refused(
                429,
                "concurrency_exceeded",
                f"Too many calls at once: at most {verdict.limit} per {by}. "
                "Wait until one of them ends.",
                retry_after=verdict.retry_after,
            )
        seconds = max(1, ceil(verdict.retry_after))
        return Refused(
            429,
            "rate_limited",
            f"The limit of {verdict.failed} per {by} is reached. Try again in {seconds} s.",
            retry_after=verdict.retry_after,
        )


def _usage(x: Exchange) -> Usage | None:
    usage = x.response.usage if x.usage is None and x.response is not None else x.usage
    return usage if x.lost is None else together(x.lost, usage)


def _ready(table: str, limits: Sequence[Limit]) -> tuple[Row, ...]:
    alike: Counter[str] = Counter()
    rows = []
    for place, limit in enumerate(limits):
        what = (table, limit.by, limit.match, limit.models, limit.kinds, limit.per_seconds)
        digest = blake2b(msgspec.json.encode(what), digest_size=8).hexdigest()
        rows.append(
            Row(
                f"{table}{place}:{limit.by}",
                f"{digest}.{alike[digest]}",
                limit,
                Glob(limit.match),
                Globs(limit.models),
                frozenset[Kind](limit.kinds),
            )
        )
        alike[digest] += 1
    return tuple(rows)


@lru_cache(MAX_KEYS)
def _rows_of_key(limits: tuple[Allowance, ...]) -> tuple[Row, ...]:
    return _ready("own", [Limit(by="key", **asdict(limit)) for limit in limits])


def _part(count: int, share: float) -> int:
    """A share of a limit: at least 1, because 0 means no limit."""
    return count if share == 1.0 or not count else max(1, int(count * share))


def _tell(x: Exchange, verdict: Verdict) -> None:
    if verdict.limit and verdict.failed != "concurrent" and verdict.row:
        x.tell("RateLimit-Limit", str(verdict.limit))
        x.tell("RateLimit-Remaining", str(verdict.remaining))
        x.tell("RateLimit-Reset", str(ceil(verdict.reset_seconds)))
    for sort, room in (("requests", verdict.calls), ("tokens", verdict.tokens)):
        if room is not None:
            _tell_room(x, sort, room)


def _tell_room(x: Exchange, sort: str, room: Room) -> None:
    x.tell(f"x-ratelimit-limit-{sort}", str(room.limit))
    x.tell(f"x-ratelimit-remaining-{sort}", str(room.remaining))
    x.tell(f"x-ratelimit-reset-{sort}", f"{ceil(room.reset_seconds)}s")
