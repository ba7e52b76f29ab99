"""Embed more than a provider takes at once: several requests one after another, one answer.

Clients send up to 2,048 inputs in one call, and many formats know smaller numbers only (`wire.md`
11). The order is kept, and what the requests used is added up.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused

MAX_BATCHES = 100


def batches_of(request: Request, most: int) -> list[Request]:
    """What to send instead of a request with more than so many items; itself if it has not."""
    content = request.meaning
    if not isinstance(content, EmbeddingsContent) or len(content.items) <= most:
        return [request]
    if len(content.items) > most * MAX_BATCHES:
        message = f"The provider of this model takes {most * MAX_BATCHES} inputs at most."
        raise Refused(400, "invalid_request", message, param="input")
    pieces = (content.items[at : at + most] for at in range(0, len(content.items), most))
    return [request.with_content(replace(content, items=items)) for items in pieces]


def joined(answers: Sequence[Response]) -> Response:
    """One answer of several, in their order."""
    outputs = [answer.read_as(EmbeddingsOutput) for answer in answers]
    vectors = tuple(vector for output in outputs for vector in output.vectors)
    return Response(
        replace(outputs[0], vectors=vectors), usage=_sum([answer.usage for answer in answers])
    )


def _sum(parts: Sequence[Usage | None]) -> Usage | None:
    """What all of them used; None when one of them does not tell."""
    told = [usage for usage in parts if usage is not None]
    if len(told) < len(parts):
        return None
    costs = [u.provider_cost_micros for u in told if u.provider_cost_micros is not None]
    sources = {usage.source for usage in told}
    return Usage(
        in_fresh=sum(usage.in_fresh for usage in told),
        in_image=sum(usage.in_image for usage in told),
        provider_cost_micros=sum(costs) if len(costs) == len(told) else None,
        source=sources.pop() if len(sources) == 1 else "mixed",
        flags=tuple(dict.fromkeys(flag for usage in told for flag in usage.flags)),
    )
