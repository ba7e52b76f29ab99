"""Send calls to the mock provider, in place of the HTTP client."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count, islice

import msgspec

from stockyard.errors import Refused
from stockyard.upstream.mock import (
    chat,
    embeddings,
    images,
    messages,
    moderations,
    rerank,
    speech,
    transcriptions,
)
from stockyard.upstream.mock.behaviour import ECHO, Behaviour, behaviour_of
from stockyard.upstream.mock.delivery import Delivered, Delivery, End, Performance
from stockyard.upstream.mock.dialect import Dialect, Frames, Piece, Signature
from stockyard.upstream.mock.mock_request import MockRequest
from stockyard.upstream.mock.record import MockCall, Outcome, Record
from stockyard.upstream.mock.reply import Estimate, MockReply
from stockyard.upstream.outgoing import Outgoing, Receiver

Fields = Sequence[tuple[bytes, bytes]]

_DIALECTS: dict[bytes, Dialect] = {
    b"/v1/chat/completions": chat,
    b"/v1/messages": messages,
    b"/v1/audio/speech": speech,
    b"/v1/audio/transcriptions": transcriptions,
    b"/v1/audio/translations": transcriptions,
    b"/v1/images/generations": images,
    b"/v1/images/edits": images,
    b"/v1/images/variations": images,
    b"/v1/embeddings": embeddings,
    b"/v1/rerank": rerank,
    b"/v1/moderations": moderations,
}
_COUNT_TOKENS = b"/v1/messages/count_tokens"
_JSON = (b"content-type", b"application/json")
_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
_RETRY_AFTER: dict[int, Fields] = {429: ((b"retry-after", b"1"),), 503: ((b"retry-after", b"1"),)}
_OUTCOMES: dict[End | None, Outcome] = {End.DONE: "ok", End.CUT: "cut", None: "cancelled"}


def four_characters_a_token(text: str) -> int:
    return (len(text) + 3) // 4


class MockTransport:
    """A Transport. Answers in the next turn of the event loop; streams one word per turn."""

    def __init__(
        self,
        latency_seconds: float = 0.0,
        *,
        estimate: Estimate = four_characters_a_token,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.record = Record()
        self._latency = latency_seconds
        self._estimate = estimate
        self._now = now
        self._numbers = count(1)

    def start(self, outgoing: Outgoing, receiver: Receiver) -> Delivery:
        """Begin a call. The Receiver gets nothing before this returns."""
        answer = self._answer(outgoing)
        delivery = Delivery(
            asyncio.get_running_loop(),
            receiver,
            answer.performance,
            outgoing.timers,
            answer.recorded,
        )
        delivery.begin(self._latency + answer.behaviour.delay_seconds)
        return delivery

    def _answer(self, outgoing: Outgoing) -> "_Answer":
        method, _, rest = outgoing.head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        dialect = _DIALECTS.get(path, messages if path == _COUNT_TOKENS else chat)
        answer = _Answer(self.record, dialect, outgoing.body, next(self._numbers), self._now())
        if method != b"POST" or (path not in _DIALECTS and path != _COUNT_TOKENS):
            return answer.refuse(404, "The mock provider has no such endpoint.")
        try:
            if path == _COUNT_TOKENS:
                return answer.count_tokens(self._estimate)
            return answer.say(self._estimate)
        except (msgspec.DecodeError, RecursionError, Refused) as error:
            return answer.refuse(400, f"This is not a request of its format: {error}")


class _Answer:
    """Makes the answer to one request, and records it."""

    def __init__(
        self, record: Record, dialect: Dialect, body: bytes, number: int, now: float
    ) -> None:
        self._record = record
        self._dialect = dialect
        self._body = body
        self._number = number
        self._now = now
        self._request = MockRequest(model="")
        self._reply = MockReply()
        self.behaviour: Behaviour = ECHO
        self.performance = Performance(200, [], iter(()))

    def say(self, estimate: Estimate) -> "_Answer":
        request = self._request = self._dialect.read(self._body)
        behaviour = self.behaviour = behaviour_of(request.model)
        if behaviour.status != 200:
            return self.refuse(behaviour.status, "The mock provider fails, as its model asks for.")
        reply = self._reply = self._dialect.reply(request, behaviour, estimate)
        frames = self._dialect.frames
        if request.stream and frames is not None:
            return self._stream(frames(request, reply, self._signature))
        kind = (b"content-type", reply.content_type)
        return self._whole(self._dialect.whole(request, reply, self._signature), kind=kind)

    def count_tokens(self, estimate: Estimate) -> "_Answer":
        return self._whole(messages.count(estimate("\n".join(messages.counted_texts(self._body)))))

    def refuse(self, status: int, message: str) -> "_Answer":
        body = self._dialect.error(status, message, self._signature)
        return self._whole(body, status, _RETRY_AFTER.get(status, ()))

    def _whole(
        self,
        body: bytes,
        status: int = 200,
        fields: Fields = (),
        kind: tuple[bytes, bytes] = _JSON,
    ) -> "_Answer":
        end = _end(self.behaviour)
        if self.behaviour.broken_json:
            body = body[:-1]
        elif end is not End.DONE:
            body = body[: len(body) // 2]
        self.performance = Performance(
            status, [kind, self._name, *fields], iter((Piece(body),)), end
        )
        return self

    def _stream(self, frames: Frames) -> "_Answer":
        behaviour = self.behaviour
        end = _end(behaviour)
        content: Iterator[Piece] = frames.pieces
        if behaviour.broken_json:
            content = iter((Piece(self._dialect.broken),))
        closing = [Piece(frames.closing)]
        if end is not End.DONE:
            after = behaviour.cut_after if end is End.CUT else behaviour.stall_after
            content, closing = islice(content, after), []
        pieces = chain([Piece(frames.opening)], content, closing)
        self.performance = Performance(200, [_STREAM, self._name], pieces, end)
        return self

    def recorded(self, delivered: Delivered) -> None:
        """Record the call. Called once, when the answer has ended."""
        status = self.performance.status
        self._record.add(
            MockCall(
                at_ms=int(self._now * 1000),
                model=self._request.model,
                format=self._dialect.name,
                streamed=self._request.stream,
                status=status,
                outcome="error" if status >= 400 else _OUTCOMES[delivered.end],
                input_tokens=self._reply.input_tokens,
                output_tokens=self._output_tokens(delivered),
                bytes_in=len(self._body),
                bytes_out=delivered.bytes_out,
            )
        )

    def _output_tokens(self, delivered: Delivered) -> int:
        """Those of the answer; of a stream that was cut, in proportion to what was sent."""
        reply = self._reply
        if not self._request.stream:
            return reply.output_tokens if delivered.bytes_out else 0
        if delivered.end is End.DONE:
            return reply.output_tokens
        calls = sum(len(call.name) + len(call.arguments) for call in reply.calls)
        said = (len(reply.text) + len(reply.thoughts) + calls) * self._request.n
        return reply.output_tokens * delivered.characters // said if said else 0

    @property
    def _signature(self) -> Signature:
        return Signature(self._number, int(self._now), f"mock/{self._request.model}")

    @property
    def _name(self) -> tuple[bytes, bytes]:
        return (self._dialect.request_id, b"req_mock%d" % self._number)


def _end(behaviour: Behaviour) -> End:
    if behaviour.cut_after is not None:
        return End.CUT
    return End.STALL if behaviour.stall_after is not None else End.DONE
