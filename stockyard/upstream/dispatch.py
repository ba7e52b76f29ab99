"""Make one try at a Target and record it as an Attempt.

`preparation.py` builds the request; `receiving.py` sends it and receives the Answer. Calls that
need further steps go through `detours.py`. Each try starts from `x.request`, never from what was
built for another Target.
"""

import asyncio
from collections.abc import Sequence

from stockyard.core.exchange import ANYWHERE, Exchange
from stockyard.core.stream import Answer
from stockyard.core.target import Attempt, Outcome, Target
from stockyard.errors import Refused, StockyardError, UpstreamError
from stockyard.providers.directory import LONGEST_NAME, TRIED
from stockyard.providers.needs import needs_of, own_way_of
from stockyard.providers.provider import CHAT_LIKE
from stockyard.upstream import tuned_models
from stockyard.upstream.detours import Detours
from stockyard.upstream.divided import DIVIDED, in_turn, requests_of
from stockyard.upstream.image_fetch import ImageFetch
from stockyard.upstream.lossy import Policies
from stockyard.upstream.plan import Plan
from stockyard.upstream.plans import Plans, no_target
from stockyard.upstream.preparation import Preparation
from stockyard.upstream.reading import Reading
from stockyard.upstream.receiving import Receiving
from stockyard.upstream.reckoning import reckoned_count
from stockyard.upstream.signed import SignedTurns
from stockyard.upstream.tuned_models import IsOthers, of_nobody

MAX_ATTEMPTS = 20


class Dispatch:
    """The innermost call: one try at `x.target`."""

    def __init__(
        self,
        plans: Plans,
        images: ImageFetch,
        loop: asyncio.AbstractEventLoop,
        lossy: Policies = Policies(),  # noqa: B008  it cannot be changed
        is_others: IsOthers = of_nobody,
    ) -> None:
        self.plans = plans
        signed = SignedTurns()
        reading = Reading(signed)
        self._prepared = Preparation(signed, lossy)
        self._received = Receiving(reading, signed, loop)
        self._detours = Detours(images, self._prepared, self._received, reading, loop)
        self._is_others = is_others

    def choose(self, x: Exchange) -> None:
        """Fill in the candidates for the model of the request, unless a module did."""
        if not x.targets:
            directory, model = self.plans.directory, x.request.model
            x.targets = directory.targets(model, x.needs) or directory.at_home(
                model, x.inbound.format, x.needs
            )

    def check_model(self, x: Exchange, plan: Plan) -> None:
        """Raises Refused (404) for a model that only another team may call."""
        if plan.tuned:
            tuned_models.check(x, plan.target, self._is_others)

    async def __call__(self, x: Exchange) -> Answer:
        """Call the Target. Raises UpstreamError, or Refused if there is none to call."""
        target = self._target(x)
        plan = self.plans.of(target, x)
        if not plan.forward:
            if plan.reckons:
                return reckoned_count(x)
            if x.kind in DIVIDED and len(requests := requests_of(x, plan.most_items)) > 1:
                return await in_turn(x, requests, self)
        attempt = Attempt(target=target, started_us=x.elapsed_us(), format=plan.format)
        x.attempts.append(attempt)
        try:
            if plan.tuned:
                self.check_model(x, plan)
            if plan.detour is not None:
                return await self._detours.answer(x, plan, attempt)
            if plan.answering is not None:
                plan = plan.answering_to(x.request)
            outgoing = self._prepared.outgoing(x, plan)
            return await self._received.answer(x, plan, attempt, outgoing)
        except asyncio.CancelledError:
            self._close(x, attempt, "abandoned")
            raise
        except UpstreamError as error:
            error.provider = target.provider
            error.own_credential = not (target.credential is not None and target.credential.own)
            attempt.error, attempt.timer = error.kind, error.timer
            attempt.status = attempt.status or error.status
            self._fail(x, attempt)
            raise
        except StockyardError:
            self._fail(x, attempt)
            raise

    def _target(self, x: Exchange) -> Target:
        target = x.target
        if target is None:
            if not x.targets:
                raise self._unknown(x)
            anywhere = x.constraints is ANYWHERE
            target = x.target = x.targets[0] if anywhere else self._first_allowed(x)
        elif not x.constraints.allow(target):
            target = None
        if target is None:
            raise no_target("No provider that this call may use serves the model.")
        if len(x.attempts) >= MAX_ATTEMPTS and _in_vain(x.attempts) >= MAX_ATTEMPTS:
            raise no_target("Too many attempts were made for this call.")
        return target

    def _first_allowed(self, x: Exchange) -> Target | None:
        return next((target for target in x.targets if x.constraints.allow(target)), None)

    def _unknown(self, x: Exchange) -> Refused:
        model = x.request.model
        directory = self.plans.directory
        lacking = directory.lacking(model)
        if lacking is not None and not lacking.serves(x.needs, directory.formats):
            what = "chats" if x.needs in CHAT_LIKE else x.needs.replace("_", " ")
            own_way = own_way_of(lacking, x.needs, model)
            return Refused(
                404,
                "model_not_found",
                f"The provider '{lacking.name}' does not offer {what} on this path, so "
                f"'{model[:LONGEST_NAME]}' cannot be used for it.{own_way[:LONGEST_NAME]}",
                param="model",
                detail={"provider": lacking.name, "needs": x.needs},
            )
        if self.plans.directory.trial and x.needs not in TRIED:
            raise no_target("This cannot be tried without a provider. Add one that offers it.")
        near = self.plans.directory.near(model)
        model = model[:LONGEST_NAME]  # it may be as long as the body
        hint = f"Nearest: {', '.join(near)}." if near else "See `stockyard models`."
        if (unready := self.plans.directory.unready(model)) is not None:
            hint = f"'{unready.name}' would, and cannot be called yet. {needs_of(unready)}"
        return Refused(
            404,
            "model_not_found",
            f"No enabled provider serves '{model}'. {hint}",
            param="model",
            detail={"nearest": near},
        )

    def _fail(self, x: Exchange, attempt: Attempt) -> None:
        if x.usage is not None:
            attempt.lost = x.usage
            x.set_usage_aside()
        self._close(x, attempt, "failed")

    def _close(self, x: Exchange, attempt: Attempt, outcome: Outcome) -> None:
        if attempt.ended_us is None:
            attempt.ended_us = x.elapsed_us()
            attempt.outcome = outcome


def _in_vain(attempts: Sequence[Attempt]) -> int:
    """How many tries did not succeed. A call that is split makes many that do."""
    return sum(attempt.outcome != "ok" for attempt in attempts)
