"""Split a call into several requests, for providers that take less at once, and join the
answers."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

from msgspec.structs import replace

from stockyard.core.exchange import Exchange
from stockyard.core.inbound import Headers
from stockyard.core.module import Call
from stockyard.core.money import together
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.core.whole import whole
from stockyard.errors import UpstreamError
from stockyard.upstream.batches import are_complete, batches_of, in_order
from stockyard.upstream.replaced_request import replaced_request
from stockyard.upstream.several import joined, prompts_of

DIVIDED = frozenset({"completions", "embeddings"})
"""Kinds of call that may have to be split."""

_ONCE = re.compile(rb"(?m)^(idempotency-key: )([^\r\n]*)")


def requests_of(x: Exchange, most_items: int) -> Sequence[Request]:
    """The requests that a call is split into; mostly just its own."""
    if x.kind == "completions":
        return prompts_of(x.request)
    return batches_of(x.request, most_items) if most_items else (x.request,)


async def in_turn(x: Exchange, requests: Sequence[Request], call: Call) -> Response:
    """Call with one after the other, and answer all together. The first error ends it."""
    asked = x.request
    responses: list[Response] = []
    begun = len(x.attempts)
    try:
        for place, request in enumerate(requests):
            with replaced_request(x, request), _once(x, place):
                responses.append(await whole(await call(x)))
    finally:
        if len(responses) < len(requests):
            _lose(x, responses, begun)
    if x.kind == "embeddings":
        if not are_complete(requests, responses):
            _lose(x, responses, begun)
            raise UpstreamError("bad_answer", "The provider did not answer every input.")
        return in_order(responses)
    return joined(responses, asked.content.n or 1)


@contextmanager
def _once(x: Exchange, place: int) -> Iterator[None]:
    """A provider that does once what has the same `Idempotency-Key` would answer each request with
    what it answered the first."""
    inbound = x.inbound
    x.inbound = replace(inbound, headers=_HeadersOfOne(inbound.headers, place))
    try:
        yield
    finally:
        x.inbound = inbound


class _HeadersOfOne(Headers):
    """The client's fields for one of the requests that its own became."""

    def __init__(self, headers: Headers, place: int) -> None:
        self._headers = headers
        self._place = b"%d\0" % place

    def field(self, name: bytes) -> bytes | None:
        return self._headers.field(name)

    def forward(self, format: str) -> bytes:
        return _ONCE.sub(self._apart, self._headers.forward(format))

    def _apart(self, said: re.Match[bytes]) -> bytes:
        return said[1] + sha256(self._place + said[2]).hexdigest().encode()

    def forward_native(self) -> list[tuple[bytes, bytes]]:
        return self._headers.forward_native()


def _lose(x: Exchange, responses: Sequence[Response], begun: int) -> None:
    """What was answered before an error is paid for all the same, also if another try follows.
    `begun`: how many Attempts there were before."""
    answered = (attempt for attempt in x.attempts[begun:] if attempt.outcome == "ok")
    for attempt, response in zip(answered, responses, strict=False):
        attempt.lost = response.usage
        x.lost = together(x.lost, response.usage)
