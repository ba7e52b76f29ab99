"""Move a call to the next target when one fails, and keep away from targets that are failing.

Why
    Every provider has outages. When another one offers the same model, or one that will do, the
    call should move there by itself, and later calls should avoid the target that is failing.

Example
    [modules.failover]
    strategy = "priority"
    max_targets = 2

Caller sees
    The answer of the target that succeeded, with `X-Stockyard-Attempts` and
    `X-Stockyard-Failover-From` if it was not the first. If one target was tried, its own error; if
    several were, or all are known to fail, HTTP 503 `no_target` with `Retry-After` set to when the
    first of them is tried again. `X-Stockyard-Fallback: off` keeps a call at its first target.
    Targets whose format cannot express the call, or without a Credential, are skipped.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stockyard.core.exchange import Exchange
from stockyard.core.glob import Globs
from stockyard.core.kind import ALL_KINDS
from stockyard.core.messages import Image
from stockyard.core.module import Call, Module, ModuleConfig, Stage
from stockyard.core.money import Usage
from stockyard.core.ports import BreakerRule, Ports
from stockyard.core.request import Content
from stockyard.core.roundrobin import RoundRobin
from stockyard.core.stream import Answer, Stream
from stockyard.core.target import Target
from stockyard.core.watched import Watched
from stockyard.errors import (
    RETRYABLE,
    ErrorKind,
    InvalidConfig,
    Refused,
    StockyardError,
    UpstreamError,
)

Strategy = Literal["priority", "weighted", "round_robin", "least_latency", "least_busy", "cheapest"]
OURS_TO_CURE: frozenset[ErrorKind] = frozenset({"auth", "no_credit", "permission"})
"""Failures of our own Credential: nothing the caller can fix, but another target may work."""
ELSEWHERE: frozenset[ErrorKind] = RETRYABLE | {"model_unknown", "quota_exhausted"}
DEFAULT_WEIGHT = 100
USUAL_ANSWER_TOKENS = 500
"""Assumed length of an answer when the caller set no limit."""


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: Annotated[str, Meta(min_length=1, max_length=64, description="The provider's name.")]
    model: Annotated[
        str,
        Meta(max_length=500, description="Its name for the model; empty for the requested name."),
    ] = ""
    weight: Annotated[
        int, Meta(ge=1, le=1000, description="Its share of the calls, with `weighted`.")
    ] = DEFAULT_WEIGHT


class Chain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(max_length=64, description="What you call this row.")] = ""
    models: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=500)], ...],
        Meta(max_length=200, description="Models this is for; `*` stands for any text."),
    ] = ("*",)
    targets: Annotated[
        tuple[Step, ...], Meta(max_length=200, description="Where else to go, in order.")
    ] = ()


class Config(ModuleConfig, frozen=True):
    chains: Annotated[
        tuple[Chain, ...],
        Meta(
            max_length=100,
            description="Where to go for which models; the first matching row applies. Without "
            "one, the same model at every provider that offers it.",
        ),
    ] = ()
    strategy: Annotated[Strategy, Meta(description="The order among the candidates.")] = "priority"
    max_targets: Annotated[int, Meta(ge=1, le=10, description="Targets tried per call.")] = 3
    total_seconds: Annotated[
        int,
        Meta(ge=1, le=1800, description="No further target is tried for a stream after this time."),
    ] = 120
    breaker_error_ratio: Annotated[
        float, Meta(ge=0.05, le=1, description="Share of failures at which a target is avoided.")
    ] = 0.5
    breaker_min_calls: Annotated[
        int, Meta(ge=1, le=1000, description="Calls in the window before that share counts.")
    ] = 10
    breaker_window_seconds: Annotated[
        int, Meta(ge=5, le=600, description="How far back calls are counted.")
    ] = 30
    breaker_open_seconds: Annotated[
        int, Meta(ge=1, le=600, description="How long a target is avoided at first; it doubles.")
    ] = 15
    on_content_policy: Annotated[
        bool, Meta(description="Also move on when a provider declines because of the content.")
    ] = False


class Failover(Module[Config]):
    name = "failover"
    category = "routing"
    stage = Stage.CALL
    handles = ALL_KINDS - {"realtime"}

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        self._rows = tuple((Globs(chain.models), chain) for chain in config.chains)
        self._check_providers()
        self._rule = BreakerRule(
            config.breaker_error_ratio,
            config.breaker_min_calls,
            config.breaker_window_seconds,
            config.breaker_open_seconds,
        )
        self._moves_on = ELSEWHERE | ({"content_filtered"} if config.on_content_policy else set())
        self._turn = 0
        self._weighted: dict[str, RoundRobin] = {}
        """Name of the chain that applies -> its turns."""

    async def around(self, x: Exchange, call: Call) -> Answer:
        candidates, chain = self._candidates(x)
        if not candidates:
            return await call(x)  # dispatch explains why there is no target
        entered, tried = x.request, 0
        last: UpstreamError | None = None
        last_tried = ""
        unable: Refused | None = None
        for target in self._in_order(x, candidates, chain):
            if last is not None and not self._may_go_on(x, tried):
                break
            if not self.ports.health.allow(target):
                x.note(self.name, "skipped_open", {"target": target.name})
                continue
            if last is not None:
                moved = {"from": last_tried, "to": target.name, "class": last.kind}
                x.note(self.name, "moved", moved)
            tried += 1
            x.target = target
            x.request = (
                entered if target.model == entered.model else entered.with_model(target.model)
            )
            try:
                return await self._try(x, call, target)
            except UpstreamError as error:
                if not self._may_move(error):
                    raise
                last, last_tried = error, target.name
            except Refused as refused:
                if refused.module is not None:
                    raise
                # Nothing was sent: this target cannot take the call, which is no failure of it.
                tried, unable = tried - 1, unable or refused
                lacks = [refused.param or refused.code]
                x.note(self.name, "skipped_capability", {"target": target.name, "lacks": lacks})
        if tried == 1 and last is not None:
            raise last
        if tried == 0 and unable is not None:
            raise unable
        x.note(self.name, "exhausted", {"tried": tried})
        raise self._no_target(candidates) from last

    def on_head(self, x: Exchange) -> None:
        if len(x.attempts) < 2:
            return
        x.retell("X-Stockyard-Attempts", str(len(x.attempts)))
        first = x.attempts[0].target
        if x.target is not None and (first.provider, first.model) != (
            x.target.provider,
            x.target.model,
        ):
            x.retell("X-Stockyard-Failover-From", first.name)

    async def _try(self, x: Exchange, call: Call, target: Target) -> Answer:
        """Call one target and report to its breaker. A stream stays in flight until it ends."""
        health, streaming = self.ports.health, False
        try:
            answer = await call(x)
            self._tell_breaker(x, target, None)
            if isinstance(answer, Stream):
                streaming = True
                return Watched(answer, lambda error: self._stream_ended(x, target, error))
            return answer
        except UpstreamError as error:
            self._tell_breaker(x, target, error)
            raise
        finally:
            if not streaming:
                health.forget(target)

    def _no_target(self, candidates: list[Target]) -> Refused:
        wait = min(self.ports.health.reopens_in(target) for target in candidates)
        return Refused(
            503,
            "no_target",
            "None of the providers for this model could answer. Try again later.",
            retry_after=max(1.0, wait),
        )

    def _stream_ended(self, x: Exchange, target: Target, error: StockyardError | None) -> None:
        if isinstance(error, UpstreamError):
            self._tell_breaker(x, target, error)
        self.ports.health.forget(target)

    def _tell_breaker(self, x: Exchange, target: Target, error: UpstreamError | None) -> None:
        attempt = x.attempts[-1] if x.attempts else None
        came = attempt and (attempt.first_content_us or attempt.first_byte_us)
        change = self.ports.health.report(
            target,
            # A failure that would follow the call to any other target is not held against this one.
            ok=error is None or not error.retryable,
            first_byte_us=came - attempt.started_us if attempt and came else None,
            retry_after=(error.retry_after or 0) if error is not None and error.retryable else 0,
            rule=self._rule,
        )
        if change is not None:
            x.note(self.name, change, {"target": target.name})

    def _may_go_on(self, x: Exchange, tried: int) -> bool:
        if tried >= self.config.max_targets:
            return False
        if x.attempt_cap and len(x.attempts) >= x.attempt_cap:
            return False
        return not x.request.stream or x.elapsed_us() < self.config.total_seconds * 1_000_000

    def _may_move(self, error: UpstreamError) -> bool:
        if error.kind in OURS_TO_CURE:
            return error.own_credential
        return error.kind in self._moves_on

    def _candidates(self, x: Exchange) -> tuple[list[Target], Chain | None]:
        """All targets this call may go to, routed ones first, and the chain that applies."""
        routed = x.targets or self.ports.models.targets(x.request.model, x.needs)
        # Callers may put the provider's name before the model's. Providers know the bare one.
        asked = x.request.model
        bare = routed[0].model if routed else asked
        matching = (row for globs, row in self._rows if globs.match(asked) or globs.match(bare))
        chain = next(matching, None)
        if chain is not None:
            further = tuple(t for step in chain.targets for t in self._targets(step, bare, x))
        else:
            further = self.ports.models.elsewhere(routed[0], x.needs) if routed else ()
        candidates: dict[str, Target] = {}
        for target in (*routed, *further):
            if x.constraints.allow(target):
                candidates.setdefault(target.name, target)
        allowed = list(candidates.values())
        own = next((t.credential for t in routed if t.credential and t.credential.own), None)
        if own is not None:
            allowed = [target for target in allowed if target.provider == own.provider]
        if x.asked.fallback == "off":
            allowed = allowed[:1]
        return (self._able(x, allowed) if len(allowed) > 1 else allowed), chain

    def _targets(self, step: Step, bare: str, x: Exchange) -> tuple[Target, ...]:
        """The targets of a step; if none, one without a Credential, which dispatch refuses."""
        model = step.model or bare
        found = self.ports.models.targets(f"{step.provider}/{model}", x.needs)
        return found or (Target(step.provider, model),)

    def _able(self, x: Exchange, targets: list[Target]) -> list[Target]:
        """The first target, which was asked for, and the others that can do what the call needs.

        Capabilities come from the price list. A model that is not in it counts as able.
        """
        wanted, prompt = _wanted(x), self._prompt_tokens(x)
        able = targets[:1]
        for target in targets[1:]:
            lacks = self._lacks(target, wanted, prompt)
            if lacks:
                lacking = {"target": target.name, "lacks": sorted(lacks)}
                x.note(self.name, "skipped_capability", lacking)
            else:
                able.append(target)
        return able

    def _lacks(self, target: Target, wanted: set[str], prompt: int) -> set[str]:
        offer = self.ports.models.offer(target)
        if offer is None:
            return set()
        lacks = wanted.difference(offer.can) if offer.can else set()
        if offer.context is not None and prompt > offer.context:
            lacks.add("context")
        return lacks

    def _prompt_tokens(self, x: Exchange) -> int:
        return sum(self.ports.token_estimate(text) for text in x.request.texts())

    def _in_order(self, x: Exchange, candidates: list[Target], chain: Chain | None) -> list[Target]:
        if len(candidates) == 1:
            return candidates
        match self.config.strategy:
            case "priority":
                return candidates
            case "round_robin":
                self._turn += 1
                start = (self._turn - 1) % len(candidates)
                return candidates[start:] + candidates[:start]
            case "weighted":
                return _first(candidates, self._heaviest(candidates, chain))
            case "least_latency":
                return _first(candidates, self._quicker(candidates))
            case "least_busy":
                return sorted(candidates, key=self.ports.health.in_flight)
            case "cheapest":
                return self._by_price(x, candidates)

    def _by_price(self, x: Exchange, candidates: list[Target]) -> list[Target]:
        """Cheapest first, by the estimated cost of this call. Targets without a price come last."""
        answer = x.request.meaning.max_output or USUAL_ANSWER_TOKENS
        usage = Usage(in_fresh=self._prompt_tokens(x), out_text=answer, source="estimated")
        now = int(self.ports.now() * 1000)

        def price(target: Target) -> tuple[bool, int]:
            offer = self.ports.models.offer(target)
            cost = offer.cost(usage, at_ms=now).picodollars if offer is not None else None
            return (cost is None, cost or 0)

        return sorted(candidates, key=price)

    def _heaviest(self, candidates: list[Target], chain: Chain | None) -> Target:
        turns = self._weighted.setdefault(chain.name if chain else "", RoundRobin())
        return candidates[turns.next([_share(target, chain) for target in candidates])]

    def _quicker(self, candidates: list[Target]) -> Target:
        """The faster of two random candidates. One that was never measured counts as fastest."""
        count = len(candidates)
        one = int(self.ports.random() * count)
        other = (one + 1 + int(self.ports.random() * (count - 1))) % count
        latency = self.ports.health.latency_us
        return min(candidates[one], candidates[other], key=lambda t: latency(t) or 0.0)

    def _check_providers(self) -> None:
        for i, chain in enumerate(self.config.chains):
            for j, step in enumerate(chain.targets):
                if not self.ports.models.has_provider(step.provider):
                    raise InvalidConfig(
                        f"chains[{i}].targets[{j}].provider",
                        f"There is no provider '{step.provider}'. See `stockyard models`.",
                    )


def _wanted(x: Exchange) -> set[str]:
    """The capabilities the call needs, as the price list names them."""
    content = x.request.meaning
    if not isinstance(content, Content):
        return set()
    wanted = {"tools"} if content.tools else set()
    if any(isinstance(part, Image) for message in content.messages for part in message.parts):
        wanted.add("vision")
    return wanted


def _share(target: Target, chain: Chain | None) -> tuple[str, int]:
    """The chain step that a target belongs to, by name, and its weight."""
    for step in chain.targets if chain else ():
        if step.provider == target.provider and step.model in ("", target.model):
            return f"{step.provider}/{step.model}", step.weight
    return target.provider, DEFAULT_WEIGHT


def _first(candidates: list[Target], chosen: Target) -> list[Target]:
    return [chosen, *(target for target in candidates if target is not chosen)]
