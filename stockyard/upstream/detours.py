"""Calls that need more steps than to write a request and to send it.

In the order in which a call takes them, if its Plan has such a Detour:

    images      that are named by URL are fetched first, for a provider that takes only bytes
    a summary   is requested with a prompt in a chat
    tools       together with a reasoning effort are requested in another of its formats
    a stream    is requested and folded, if the provider does not send the answer whole
    a proof     is made for each try, and once more if the first is refused
    an answer   that is made later is polled until it is there

Some change the request temporarily (`replaced_request`): another Target starts again from the
original one.
"""

import asyncio
from collections.abc import Awaitable

from msgspec.structs import replace

from stockyard.core.exchange import Exchange
from stockyard.core.request import Request
from stockyard.core.stream import Answer
from stockyard.core.target import Attempt
from stockyard.core.whole import whole
from stockyard.errors import UpstreamError
from stockyard.upstream.image_fetch import ImageFetch
from stockyard.upstream.late_answer import late_answer
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.plan import NO_DETOUR, Detour, Plan
from stockyard.upstream.polling import Pending, Polling
from stockyard.upstream.preparation import Preparation
from stockyard.upstream.prover import Prover, proved_for
from stockyard.upstream.reading import Reading
from stockyard.upstream.receiving import Receiving, came_whole
from stockyard.upstream.relayed_answer import RelayedAnswer
from stockyard.upstream.replaced_request import replaced_request
from stockyard.upstream.summary import in_words, summary_of

IMAGES_IN = {"openai.responses": "input", "gemini": "contents", "gemini.array": "contents"}
"""Format of the client -> field with the messages, if it is not `messages`."""


class Detours:
    def __init__(
        self,
        images: ImageFetch,
        preparation: Preparation,
        receiving: Receiving,
        reading: Reading,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._images = images
        self._prepared = preparation
        self._received = receiving
        self._reading = reading
        self._loop = loop

    # Each step returns what the next one returns: a step that is not taken costs no coroutine.

    def answer(self, x: Exchange, plan: Plan, attempt: Attempt) -> Awaitable[Answer]:
        """One try. Raises what a plain try raises."""
        detour = plan.detour or NO_DETOUR
        if detour.takes_bytes and _may_name_images(x, plan):
            return self._with_images(x, plan, detour, attempt)
        return self._in_words(x, plan, detour, attempt)

    async def _with_images(
        self, x: Exchange, plan: Plan, detour: Detour, attempt: Attempt
    ) -> Answer:
        field = IMAGES_IN.get(x.inbound.format, "messages")
        with replaced_request(x, await self._images.inlined(x.request, field, x.caller.key_id)):
            return await self._in_words(x, plan, detour, attempt)

    def _in_words(
        self, x: Exchange, plan: Plan, detour: Detour, attempt: Attempt
    ) -> Awaitable[Answer]:
        if detour.summarises:
            return self._summary(x, plan, detour, attempt)
        return self._otherwise(x, plan, detour, attempt)

    async def _summary(self, x: Exchange, plan: Plan, detour: Detour, attempt: Attempt) -> Answer:
        with replaced_request(x, in_words(x.request)):
            chat = replace(plan, detour=replace(detour, summarises=False))
            return summary_of(await whole(await self.answer(x, chat, attempt)))

    def _otherwise(
        self, x: Exchange, plan: Plan, detour: Detour, attempt: Attempt
    ) -> Awaitable[Answer]:
        """In another format, or as a stream."""
        if detour.for_reasoning_tools is not None and _reasons_with_tools(x.request):
            plan = detour.for_reasoning_tools
            detour = plan.detour or NO_DETOUR
            attempt.format = plan.format
        request, gathered = x.request, detour.gathered
        if gathered is None or request.stream or _is_short(detour, request):
            return self._written(x, plan, attempt)
        return self._gathered(x, gathered, attempt)

    async def _gathered(self, x: Exchange, plan: Plan, attempt: Attempt) -> Answer:
        with replaced_request(x, x.request.streamed()):
            return await whole(await self._written(x, plan, attempt))

    def _written(self, x: Exchange, plan: Plan, attempt: Attempt) -> Awaitable[Answer]:
        """Write the request, and send it with a proof if it needs one."""
        detour, plan = plan.detour or NO_DETOUR, plan.answering_to(x.request)
        outgoing = self._prepared.outgoing(x, plan)
        if detour.prover is not None:
            return self._with_proof(x, plan, detour.prover, attempt, outgoing)
        if detour.polling is not None:
            return self._polled(x, plan, detour.polling, attempt, outgoing)
        return self._received.answer(x, plan, attempt, outgoing)

    async def _with_proof(
        self, x: Exchange, plan: Plan, prover: Prover, attempt: Attempt, outgoing: Outgoing
    ) -> Answer:
        """Send with a proof made for this try; once more if a new proof may be accepted."""
        proved = await proved_for(attempt, prover, outgoing)
        try:
            answer = await self._received.answer(x, plan, attempt, proved)
        except UpstreamError as error:
            if error.status is None or not prover.refused(proved, error.status, error.code):
                raise
        else:
            # A relayed answer is not decoded, so its status must be checked here.
            if not isinstance(answer, RelayedAnswer) or answer.status < 400:
                return answer
            if not prover.refused(proved, answer.status, None):
                return answer
            answer.cancel()
        proved = await proved_for(attempt, prover, outgoing)
        return await self._received.answer(x, plan, attempt, proved)

    async def _polled(
        self, x: Exchange, plan: Plan, polling: Polling, attempt: Attempt, outgoing: Outgoing
    ) -> Answer:
        """Send, and poll for the answer if the provider has only accepted the call."""
        try:
            return await self._received.answer(x, plan, attempt, outgoing)
        except Pending as pending:
            head = polling.head(pending.name)
        attempt.ended_us = None  # the first response may have looked like the end
        raw = await late_answer(x, plan, head, attempt, self._loop)
        response = self._reading.response(x, plan, raw)
        came_whole(x, attempt)
        return response


def _may_name_images(x: Exchange, plan: Plan) -> bool:
    """Whether the request may name images by URL. A body that would be forwarded unchanged is
    searched first, which is faster than decoding it."""
    if x.inbound.native is not None:
        return False
    return not plan.forward or b'url"' in x.inbound.body


def _reasons_with_tools(request: Request) -> bool:
    content = request.content
    wish = content.reasoning
    return bool(content.tools) and wish is not None and wish.effort not in (None, "none")


def _is_short(detour: Detour, request: Request) -> bool:
    """Whether the answer is too short for a stream to be needed."""
    return (request.content.max_output or 0) < detour.gathered_from
