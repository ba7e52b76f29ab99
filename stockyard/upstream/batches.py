"""Split an embeddings call into several requests, and join their answers.

Clients send up to 2,048 inputs in one call, and many formats take fewer (`wire.md` 11). The order
of the vectors is kept, and usage is added up.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput
from stockyard.core.money import total_of
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused

MAX_BATCHES = 64
"""Enough for 2,048 inputs at a provider that takes 32 at a time."""


def batches_of(request: Request, most: int) -> list[Request]:
    """The requests to send instead of one with too many items; else the request itself."""
    content = request.meaning
    if not isinstance(content, EmbeddingsContent) or len(content.items) <= most:
        return [request]
    if len(content.items) > most * MAX_BATCHES:
        message = f"The provider of this model takes {most * MAX_BATCHES} inputs at most."
        raise Refused(400, "invalid_request", message, param="input")
    pieces = (content.items[at : at + most] for at in range(0, len(content.items), most))
    return [request.with_content(replace(content, items=items)) for items in pieces]


def are_complete(requests: Sequence[Request], answers: Sequence[Response]) -> bool:
    """Whether there is a vector for each item: after a missing one, all others would be wrong."""
    return all(
        len(request.read_as(EmbeddingsContent).items)
        == len(answer.read_as(EmbeddingsOutput).vectors)
        for request, answer in zip(requests, answers, strict=True)
    )


def in_order(answers: Sequence[Response]) -> Response:
    """The answers joined to one, in their order."""
    outputs = [answer.read_as(EmbeddingsOutput) for answer in answers]
    vectors = tuple(vector for output in outputs for vector in output.vectors)
    usage = total_of([answer.usage for answer in answers])
    return Response(replace(outputs[0], vectors=vectors), usage=usage)
