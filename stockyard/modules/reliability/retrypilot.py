"""Retry a failed call on the same target when that is likely to help.

Why
    Many failures are brief: an overloaded server, a dropped connection, a rate limit that ends in
    two seconds. A retry usually works. Unlimited retries make an outage worse, so there is a retry
    budget: a share of the calls to each target.

Example
    [modules.retrypilot]
    retries = 2
    classes = ["connect", "overloaded", "rate"]

Caller sees
    If all attempts fail, the provider's last error with its `Retry-After`; at once if the provider
    said not to retry (`x-should-retry: false`). `X-Stockyard-Attempts` is the number of attempts,
    `X-Stockyard-Step-Down` the model that took over.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stockyard.core.exchange import Exchange
from stockyard.core.glob import Glob
from stockyard.core.kind import ALL_KINDS
from stockyard.core.module import Call, Module, ModuleConfig, Stage
from stockyard.core.ports import Ports
from stockyard.core.stream import Answer
from stockyard.errors import EgressDenied, ErrorKind, UpstreamError

Class = Literal["connect", "first_byte", "overloaded", "rate", "server", "broken_stream"]
CLASSES: dict[ErrorKind, Class] = {
    "unreachable": "connect",
    "timeout": "first_byte",
    "overloaded": "overloaded",
    "rate_limited": "rate",
    "provider_fault": "server",
    "bad_answer": "server",
    "interrupted": "broken_stream",
}
MAX_BUDGETS = 10_000
LONGEST_NAME = 256
"""Characters of a target's name used as key: callers may send model names of any length."""
MAX_SAVED_RETRIES = 10.0
"""Retries that one target can save up while calls succeed."""
FAILURES_TO_STEP_DOWN = 2

ModelName = Annotated[str, Meta(min_length=1, max_length=500)]


class StepDown(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"of": "from"}
):
    of: Annotated[ModelName, Meta(description="Models this is for; `*` stands for any text.")]
    to: Annotated[ModelName, Meta(description="The model or alias to ask instead.")]


class Config(ModuleConfig, frozen=True):
    retries: Annotated[
        int, Meta(ge=0, le=10, description="Retries on one target, after the first attempt.")
    ] = 2
    total_attempts: Annotated[
        int, Meta(ge=1, le=20, description="Attempts of one call in all, over all its targets.")
    ] = 3
    base_ms: Annotated[
        int, Meta(ge=1, le=60_000, description="The first wait; it doubles with each retry.")
    ] = 250
    max_ms: Annotated[
        int,
        Meta(ge=1, le=600_000, description="The longest wait, unless the provider asks for more."),
    ] = 8000
    retry_after_max_seconds: Annotated[
        int,
        Meta(
            ge=0, le=3600, description="No retry if the provider asks for a longer wait than this."
        ),
    ] = 60
    budget_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Retries allowed as a share of all calls to a target.")
    ] = 0.1
    budget_min_per_second: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Retries per second that are allowed even when calls are few.",
        ),
    ] = 1
    min_remaining_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=600,
            description="No retry if less than this would be left of the call's total time.",
        ),
    ] = 5
    classes: Annotated[
        tuple[Class, ...],
        Meta(
            max_length=6,
            description="Which failures are retried: no connection, no answer in time, "
            "overloaded, rate limit, server error, stream broken before its first content.",
        ),
    ] = ("connect", "first_byte", "overloaded", "rate", "server", "broken_stream")
    step_down: Annotated[
        tuple[StepDown, ...],
        Meta(max_length=1000, description="Which model takes over after two failures."),
    ] = ()


class Budget:
    """The retries that one target may still have: saved up by its calls, and spare ones."""

    __slots__ = ("_most_spare", "_saved", "_spare", "_spare_at")

    def __init__(self, most_spare: float, now: float) -> None:
        self._most_spare = most_spare
        self._saved = 0.0
        """Retries saved up by calls; negative after spare ones were spent."""
        self._spare = most_spare
        """Retries available even when calls are few, as of `_spare_at`."""
        self._spare_at = now

    def save(self, share: float) -> None:
        """A call was made: save a share of a retry."""
        self._saved = min(self._saved + share, MAX_SAVED_RETRIES)

    def spend(self, now: float, spare_per_second: float) -> bool:
        """Spend one retry, if there is one.

        A spare retry is paid back from later savings, so an outage gets no extra retries.
        """
        grown = self._spare + (now - self._spare_at) * spare_per_second
        self._spare, self._spare_at = min(grown, self._most_spare), now
        if self._saved < 1 and self._spare < 1:
            return False
        self._saved = max(self._saved - 1, -self._most_spare)
        self._spare = max(self._spare - 1, 0)
        return True


class RetryPilot(Module[Config]):
    """Bounds each wait; dispatch enforces the deadline of the whole call."""

    name = "retrypilot"
    category = "reliability"
    stage = Stage.CALL
    handles = ALL_KINDS - {"realtime"}

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        self._steps = tuple((Glob(row.of), row.to) for row in config.step_down)
        self._budgets: dict[str, Budget] = {}
        # A single call gets all its retries, even within one second.
        floor = config.budget_min_per_second
        self._most_spare = max(floor, config.retries) if floor else 0

    def on_request(self, x: Exchange) -> None:
        x.attempt_cap = self.config.total_attempts

    async def around(self, x: Exchange, call: Call) -> Answer:
        entered, target = x.request, x.target
        first = target or next(iter(x.targets), None)
        budget = self._budget(first.name if first else entered.model)
        budget.save(self.config.budget_ratio)
        failures = 0
        while True:
            try:
                return await call(x)
            except UpstreamError as error:
                failures += 1
                wait = self._wait(x, error, budget, failures)
                if wait is None:
                    raise
                x.note(
                    self.name, "retried", {"class": CLASSES[error.kind], "wait_ms": int(wait * 1e3)}
                )
            await self.ports.sleep(wait)
            x.request, x.target = entered, target
            if failures >= FAILURES_TO_STEP_DOWN:
                self._step_down(x)

    def on_head(self, x: Exchange) -> None:
        if len(x.attempts) > 1:
            x.retell("X-Stockyard-Attempts", str(len(x.attempts)))

    def _wait(
        self, x: Exchange, error: UpstreamError, budget: Budget, failures: int
    ) -> float | None:
        """Seconds until the next attempt; None for no further attempt."""
        if isinstance(error, EgressDenied) or CLASSES.get(error.kind) not in self.config.classes:
            return None
        most = min(self.config.max_ms, self.config.base_ms << (failures - 1))
        wait = max(error.retry_after or 0.0, self.ports.random() * most / 1000)
        objection = self._objection(x, error, wait, failures)
        rate = self.config.budget_min_per_second
        if not objection and not budget.spend(self.ports.clock(), rate):
            objection = "budget"
        if objection:
            x.note(self.name, "gave_up", {"why": objection})
            return None
        return wait

    def _objection(
        self, x: Exchange, error: UpstreamError, wait: float, failures: int
    ) -> Literal["", "in_vain", "retries", "attempts", "retry_after", "deadline", "budget"]:
        """Why not to try again after this wait; empty if there is no reason."""
        if error.in_vain:
            return "in_vain"
        if failures > self.config.retries:
            return "retries"
        if len(x.attempts) >= x.attempt_cap:
            return "attempts"
        if (error.retry_after or 0) > self.config.retry_after_max_seconds:
            return "retry_after"
        left = x.total_seconds - x.elapsed_us() / 1e6 - wait
        return "deadline" if x.total_seconds and left < self.config.min_remaining_seconds else ""

    def _step_down(self, x: Exchange) -> None:
        model, first = x.request.model, x.target or next(iter(x.targets), None)
        names = {model, first.model if first else model}  # asked with its provider's name, and bare
        smaller = next((to for glob, to in self._steps if any(map(glob.matches, names))), None)
        if smaller is None:
            return
        targets = self.ports.models.targets(self.ports.stands_for(smaller), x.needs)
        target = next((target for target in targets if x.constraints.allow(target)), None)
        if target is None:
            x.note(self.name, "no_step_down", {"to": smaller})
            return
        x.target = target
        x.request = x.request.with_model(target.model)
        x.note(self.name, "stepped_down", {"from": model, "to": smaller})
        x.retell("X-Stockyard-Step-Down", smaller)

    def _budget(self, name: str) -> Budget:
        name = name[:LONGEST_NAME]
        budget = self._budgets.get(name)
        if budget is None:
            if len(self._budgets) >= MAX_BUDGETS:
                del self._budgets[next(iter(self._budgets))]
            budget = self._budgets[name] = Budget(self._most_spare, self.ports.clock())
        return budget
