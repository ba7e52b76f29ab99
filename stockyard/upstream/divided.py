"""Ask for more than a provider takes in one request: one after the other, answered together."""

from collections.abc import Sequence

from stockyard.core.exchange import Exchange
from stockyard.core.module import Call
from stockyard.core.money import together
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.core.whole import whole
from stockyard.errors import UpstreamError
from stockyard.upstream.asking import asking
from stockyard.upstream.batches import are_complete, batches_of, in_order
from stockyard.upstream.several import joined, prompts_of

DIVIDED = frozenset({"completions", "embeddings"})
"""Kinds of call that may ask for more than a provider takes in one request."""


def requests_of(x: Exchange, most_items: int) -> Sequence[Request]:
    """The requests that a call becomes for a provider that takes less at once; mostly its own."""
    if x.kind == "completions":
        return prompts_of(x.request)
    return batches_of(x.request, most_items) if most_items else (x.request,)


async def in_turn(x: Exchange, requests: Sequence[Request], call: Call) -> Response:
    """Call with one after the other, and answer all together. The first error ends it."""
    asked = x.request
    responses: list[Response] = []
    try:
        for request in requests:
            with asking(x, request):
                responses.append(await whole(await call(x)))
    finally:
        if len(responses) < len(requests):
            _lose(x, responses)
    if x.kind == "embeddings":
        if not are_complete(requests, responses):
            _lose(x, responses)
            raise UpstreamError("bad_answer", "The provider did not answer every input.")
        return in_order(responses)
    return joined(responses, asked.content.n or 1)


def _lose(x: Exchange, responses: Sequence[Response]) -> None:
    """What was answered before an error is paid for all the same, also if another try follows."""
    for response in responses:
        x.lost = together(x.lost, response.usage)
