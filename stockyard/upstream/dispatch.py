"""Target -> request -> send -> decode -> Answer. One Attempt is recorded for every try.

What is sent is made in `preparation.py`, whole answers are read in `reading.py`. Each try starts
from `x.request`, never from what was built for another Target.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from stockyard.core.exchange import ANYWHERE, Exchange
from stockyard.core.money import total_of
from stockyard.core.request import Request
from stockyard.core.response import Raw, Response
from stockyard.core.stream import Answer
from stockyard.core.target import Attempt, Outcome, Target
from stockyard.core.whole import whole
from stockyard.errors import Refused, StockyardError, UpstreamError
from stockyard.providers.directory import LONGEST_NAME, TRIED
from stockyard.providers.needs import needs_of
from stockyard.providers.provider import CHAT_LIKE
from stockyard.upstream.batches import are_complete, batches_of, in_order
from stockyard.upstream.image_fetch import ImageFetch
from stockyard.upstream.late_answer import late_answer
from stockyard.upstream.lossy import Policies
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.plan import Plan, Plans, no_target
from stockyard.upstream.polling import Pending, Polling
from stockyard.upstream.preparation import Preparation, owner_of
from stockyard.upstream.prover import Prover, proof_in
from stockyard.upstream.reading import Reading
from stockyard.upstream.reckoning import (
    reckoned_count,
    usage_of_nothing,
)
from stockyard.upstream.relayed_answer import RelayedAnswer
from stockyard.upstream.several import joined, prompts_of
from stockyard.upstream.signed import SIGNING, SignedStream, SignedTurns
from stockyard.upstream.streamed_answer import StreamedAnswer, Unstreamed
from stockyard.upstream.summary import in_words, summary_of
from stockyard.upstream.whole_answer import NEVER, WholeAnswer

MAX_ATTEMPTS = 20
IMAGES_IN = {"openai.responses": "input", "gemini": "contents", "gemini.array": "contents"}
"""Which field of a client's the messages are; mostly `messages`."""
DIVIDED = frozenset({"completions", "embeddings"})
"""Kinds of call that may ask for more than a provider takes in one request."""


class Dispatch:
    """The innermost call: one try at `x.target`."""

    def __init__(
        self,
        plans: Plans,
        images: ImageFetch,
        loop: asyncio.AbstractEventLoop,
        lossy: Policies = Policies(),  # noqa: B008  it cannot be changed
    ) -> None:
        self.plans = plans
        self._images = images
        self._signed = SignedTurns()
        self._prepared = Preparation(self._signed, lossy)
        self._read = Reading(self._signed)
        self._loop = loop

    def choose(self, x: Exchange) -> None:
        """Fill in the candidates for the model that is asked for now, unless a module did."""
        if not x.targets:
            directory, model = self.plans.directory, x.request.model
            x.targets = directory.targets(model, x.needs) or directory.at_home(
                model, x.inbound.format, x.needs
            )

    async def __call__(self, x: Exchange) -> Answer:
        """Call the Target. Raises UpstreamError, or Refused when there is none to call."""
        target = self._target(x)
        plan = self.plans.of(target, x)
        if not plan.forward:
            if plan.reckons:
                return reckoned_count(x)
            if x.kind in DIVIDED and len(requests := _several(x, plan)) > 1:
                return await self._each(x, requests)
        attempt = Attempt(target=target, started_us=x.elapsed_us(), format=plan.format)
        x.attempts.append(attempt)
        try:
            if plan.special:
                return await self._specially(x, plan, target, attempt)
            outgoing = self._prepared.outgoing(x, plan, target)
            return await self._sent(x, plan, attempt, outgoing)
        except asyncio.CancelledError:
            self._close(x, attempt, "abandoned")
            raise
        except UpstreamError as error:
            error.provider = target.provider
            error.own_credential = not (target.credential is not None and target.credential.own)
            attempt.error, attempt.timer = error.kind, error.timer
            attempt.status = attempt.status or error.status
            self._close(x, attempt, "failed")
            raise
        except StockyardError:
            self._close(x, attempt, "failed")
            raise

    async def _each(self, x: Exchange, requests: Sequence[Request]) -> Response:
        """Ask one after the other, and answer all together. The first error ends it."""
        asked = x.request
        responses: list[Response] = []
        try:
            for request in requests:
                x.request = request
                responses.append(await whole(await self(x)))
        finally:
            x.request = asked
            if len(responses) < len(requests):
                # What was answered before the error is paid for all the same.
                used = [response.usage for response in responses]
                x.usage = total_of([*used, x.usage] if x.usage is not None else used)
        if x.kind == "embeddings":
            if not are_complete(requests, responses):
                x.usage = total_of([response.usage for response in responses])
                raise UpstreamError("bad_answer", "The provider did not answer every input.")
            return in_order(responses)
        return joined(responses, asked.content.n or 1)

    def _sent(
        self, x: Exchange, plan: Plan, attempt: Attempt, outgoing: Outgoing
    ) -> Coroutine[Any, Any, Answer]:
        if plan.codec is None:
            return self._relayed(x, plan, attempt, outgoing)
        if x.request.stream:
            return self._streamed(x, plan, attempt, outgoing)
        return self._whole(x, plan, attempt, outgoing)

    async def _specially(self, x: Exchange, plan: Plan, target: Target, attempt: Attempt) -> Answer:
        """The few calls for which it is not enough to be written and sent."""
        if plan.takes_bytes and _may_name_images(x, plan):
            return await self._with_images(x, plan, target, attempt)
        return await self._by_detour(x, plan, target, attempt)

    async def _by_detour(self, x: Exchange, plan: Plan, target: Target, attempt: Attempt) -> Answer:
        if plan.summarises:
            return await self._summarised(x, plan, target, attempt)
        if plan.for_reasoning_tools is not None and _reasons_with_tools(x.request):
            plan = plan.for_reasoning_tools
            attempt.format = plan.format
        if plan.gathered is None or x.request.stream or _is_short(plan, x.request):
            return await self._written(x, plan, target, attempt)
        asked = x.request
        x.request = asked.with_stream(True)
        try:
            return await whole(await self._written(x, plan.gathered, target, attempt))
        finally:
            x.request = asked  # another Target may answer whole

    async def _with_images(
        self, x: Exchange, plan: Plan, target: Target, attempt: Attempt
    ) -> Answer:
        """With the bytes of images that are named by their URLs."""
        asked = x.request
        field = IMAGES_IN.get(x.inbound.format, "messages")
        x.request = await self._images.inlined(asked, field)
        try:
            return await self._by_detour(x, plan, target, attempt)
        finally:
            x.request = asked  # another Target may take URLs

    async def _summarised(
        self, x: Exchange, plan: Plan, target: Target, attempt: Attempt
    ) -> Answer:
        asked = x.request
        x.request = in_words(asked)
        try:
            plan = replace(plan, summarises=False)
            return summary_of(await whole(await self._specially(x, plan, target, attempt)))
        finally:
            x.request = asked  # another Target may have a way of its own

    async def _written(self, x: Exchange, plan: Plan, target: Target, attempt: Attempt) -> Answer:
        if plan.answering is not None:
            codec = plan.answering(x.request.meaning)
            plan = plan if codec is plan.codec else replace(plan, codec=codec)
        outgoing = self._prepared.outgoing(x, plan, target)
        if plan.prover is not None:
            return await self._proved(x, plan, plan.prover, attempt, outgoing)
        if plan.polling is not None:
            return await self._polled(x, plan, plan.polling, attempt, outgoing)
        return await self._sent(x, plan, attempt, outgoing)

    async def _polled(
        self, x: Exchange, plan: Plan, polling: Polling, attempt: Attempt, outgoing: Outgoing
    ) -> Answer:
        """Send, and ask again for as long as the provider has only accepted the call."""
        try:
            return await self._sent(x, plan, attempt, outgoing)
        except Pending as pending:
            head = polling.head(pending.name)
        attempt.ended_us = None  # what was heard first may have looked like an end
        response = self._read.response(
            x, plan, await late_answer(x, plan, head, attempt, self._loop)
        )
        _came_whole(x, attempt)
        return response

    async def _proved(
        self, x: Exchange, plan: Plan, prover: Prover, attempt: Attempt, outgoing: Outgoing
    ) -> Answer:
        """Send with a proof made for this try; once more if another proof may be taken."""
        proved = await prover.proved(outgoing)
        attempt.proof = proof_in(proved, outgoing)
        try:
            answer = await self._sent(x, plan, attempt, proved)
        except UpstreamError as error:
            if error.status is None or not prover.refused(proved, error.status, error.code):
                raise
        else:
            # What is relayed unread is an answer, whatever it says.
            if not isinstance(answer, RelayedAnswer) or answer.status < 400:
                return answer
            if not prover.refused(proved, answer.status, None):
                return answer
            answer.cancel()
        proved = await prover.proved(outgoing)
        attempt.proof = proof_in(proved, outgoing)
        return await self._sent(x, plan, attempt, proved)

    def _target(self, x: Exchange) -> Target:
        target = x.target
        if target is None:
            if not x.targets:
                raise self._unknown(x)
            target = x.target = self._first_allowed(x)
        elif not x.constraints.allow(target):
            target = None
        if target is None:
            raise no_target("No provider that this call may use serves the model.")
        if len(x.attempts) >= MAX_ATTEMPTS and _in_vain(x.attempts) >= MAX_ATTEMPTS:
            raise no_target("Too many attempts were made for this call.")
        return target

    def _first_allowed(self, x: Exchange) -> Target | None:
        if x.constraints is ANYWHERE:
            return x.targets[0]
        return next((target for target in x.targets if x.constraints.allow(target)), None)

    def _unknown(self, x: Exchange) -> Refused:
        model = x.request.model
        lacking = self.plans.directory.lacking(model) if x.needs not in CHAT_LIKE else None
        if lacking is not None:
            what = x.needs.replace("_", " ")
            return Refused(
                404,
                "model_not_found",
                f"The provider '{lacking.name}' does not offer {what}, so '{model}' cannot be "
                "used for it.",
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

    def _close(self, x: Exchange, attempt: Attempt, outcome: Outcome) -> None:
        if attempt.ended_us is None:
            attempt.ended_us = x.elapsed_us()
            attempt.outcome = outcome

    async def _whole(self, x: Exchange, plan: Plan, attempt: Attempt, outgoing: Outgoing) -> Answer:
        unread = x.reads == "nothing" or (plan.textless and x.reads == "texts")
        flows = unread and plan.format == x.inbound.format
        flows_from = plan.flows_from if flows else NEVER
        receiver = WholeAnswer(x, attempt, self._loop, flows_from=flows_from)
        attempt.bytes_out = len(outgoing.body)
        sending = receiver.sending = plan.transport.start(outgoing, receiver)
        try:
            await receiver.arrived
        except asyncio.CancelledError:
            sending.cancel()
            if receiver.status < 400:
                x.usage = usage_of_nothing(x)
            raise
        if receiver.onward is not None:
            return receiver.onward
        response = self._read.response(
            x, plan, Raw(plan.format, receiver.status, receiver.fields, receiver.body)
        )
        _came_whole(x, attempt)
        return response

    async def _relayed(
        self, x: Exchange, plan: Plan, attempt: Attempt, outgoing: Outgoing
    ) -> Answer:
        receiver = RelayedAnswer(x, attempt, plan.format, self._loop)
        attempt.bytes_out = len(outgoing.body)
        receiver.sending = plan.transport.start(outgoing, receiver)
        try:
            await receiver.begun
        except asyncio.CancelledError:
            receiver.cancel()
            raise
        return receiver

    async def _streamed(
        self, x: Exchange, plan: Plan, attempt: Attempt, outgoing: Outgoing
    ) -> Answer:
        assert plan.codec is not None  # noqa: S101  without one the answer is relayed
        receiver = StreamedAnswer(
            x,
            attempt,
            plan.codec,
            traits=plan.traits,
            forward=plan.forward,
            native=x.inbound.native is not None,
            keep_usage=x.received.wants_usage or not plan.include_usage,
            silence=plan.silence,
            loop=self._loop,
        )
        attempt.bytes_out = len(outgoing.body)
        receiver.sending = plan.transport.start(outgoing, receiver)
        try:
            await receiver.committed
        except asyncio.CancelledError:
            receiver.cancel()
            raise
        except Unstreamed as instead:
            response = self._read.response(x, plan, instead.raw)
            attempt.outcome = "ok"
            return response
        if not plan.forward and plan.format in SIGNING:
            return SignedStream(receiver, partial(self._signed.remember, owner_of(x, plan)))
        return receiver


def _came_whole(x: Exchange, attempt: Attempt) -> None:
    """The whole answer is there, and it is one."""
    now = x.elapsed_us()
    x.first_content_ns = now * 1000
    if attempt.ended_us is None:
        attempt.ended_us, attempt.outcome = now, "ok"


def _in_vain(attempts: Sequence[Attempt]) -> int:
    """How many did not succeed. A call that is divided makes many more that do."""
    return sum(attempt.outcome != "ok" for attempt in attempts)


def _several(x: Exchange, plan: Plan) -> Sequence[Request]:
    """The requests that a call becomes for a provider that takes less at once; mostly its own."""
    if x.kind == "completions":
        return prompts_of(x.request)
    return batches_of(x.request, plan.most_items) if plan.most_items else (x.request,)


def _may_name_images(x: Exchange, plan: Plan) -> bool:
    """Whether images may be named by URLs. Bytes that would go on as they are are asked first."""
    if x.inbound.native is not None:
        return False
    return not plan.forward or b'url"' in x.inbound.body


def _reasons_with_tools(request: Request) -> bool:
    content = request.content
    wish = content.reasoning
    return bool(content.tools) and wish is not None and wish.effort not in (None, "none")


def _is_short(plan: Plan, request: Request) -> bool:
    """Whether the caller waits for less than what is gathered."""
    return (request.content.max_output or 0) < plan.gathered_from
