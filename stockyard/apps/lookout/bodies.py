"""Keep the request and answer of a call, cut to a size, without secrets.

Long ones are encoded in a thread. No call waits for this: what exceeds the bounds, or what the disk
cannot keep up with, is dropped and counted.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stockyard.apps.lookout import store
from stockyard.core.exchange import Exchange
from stockyard.core.messages import AnyPart, Message, texts_of
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import StockyardError
from stockyard.storage.database import Bulk, Database
from stockyard.storage.rowqueue import UNENCODABLE

log = logging.getLogger("stockyard.lookout")

LONG_BYTES = 16 * 1024
"""Bytes. Longer bodies are cut and encoded in a thread."""
MOST_AT_ONCE = 64
MOST_BYTES = 32 * 1024 * 1024
"""At most this much waits for a thread."""
HITS = ("hit", "stale")

Redact = Callable[[bytes], bytes]
Offload = Callable[[Callable[[], bytes]], Awaitable[bytes]]


class Said(Struct, frozen=True):
    """What is needed to write a call's body, without keeping the Exchange alive."""

    trace_id: str
    at_ms: int
    level: str
    most: int
    """Bytes of the request, and of the answer."""
    request: Request | None
    response: Response | None
    size: int
    """About how many bytes there are to read."""
    searched: bool = False
    """Its words may be searched for."""


class BodyRecorder:
    """Queues the texts of the calls that may be kept."""

    def __init__(
        self,
        database: Database,
        redact: Redact,
        *,
        offload: Offload,
        background: Callable[[Coroutine[Any, Any, None]], None],
        dropped: Callable[[], None],
        searchable: Callable[[], bool] = lambda: False,
    ) -> None:
        self.queue: Bulk = database.bulk("bodies", store.INSERT_BODIES, encode)
        self._redact = redact
        self._offload = offload
        self._background = background
        self._dropped = dropped
        self._searchable = searchable
        self._waiting = self._waiting_bytes = 0

    def record(self, x: Exchange) -> None:
        """The call is over. Whether anything of it is kept was decided before."""
        if not x.body_bytes:
            return
        said = said_in(x, searched=self._searchable())
        if said.size <= LONG_BYTES:
            self._queue(self._row(said))
        elif self._waiting >= MOST_AT_ONCE or self._waiting_bytes + said.size > MOST_BYTES:
            self._dropped()
        else:
            self._waiting += 1
            self._waiting_bytes += said.size
            self._background(self._elsewhere(said))

    async def _elsewhere(self, said: Said) -> None:
        try:
            self._queue(await self._offload(lambda: self._row(said)))
        finally:
            self._waiting -= 1
            self._waiting_bytes -= said.size

    def _row(self, said: Said) -> bytes:
        """Empty when it holds something that no JSON can say."""
        try:
            return row_of(said, self._redact)
        except UNENCODABLE as error:
            log.error("What was said cannot be written: %s", type(error).__name__)
            return b""

    def _queue(self, row: bytes) -> None:
        if not row or not self.queue.put(row, len(row)):
            self._dropped()


def encode(batch: Sequence[bytes]) -> bytes:
    """The rows of a batch in the order of `store.INSERT_BODIES`. Runs in the writer thread."""
    return b"[%b]" % b",".join(batch)


def said_in(x: Exchange, *, searched: bool = False) -> Said:
    """What was sent and came back; with `full`, what the caller sent and got.

    What was sent to no provider may not have passed every module that masks.
    """
    request: Request | None = x.received
    if x.capture == "redacted":
        request = x.request if x.attempts or x.cache_state in HITS else None
    came = sum(attempt.bytes_in for attempt in x.attempts)
    size = len(x.inbound.body) + came
    return Said(
        x.trace_id, x.started_at_ms, x.capture, x.body_bytes, request, x.kept, size, searched
    )


def row_of(said: Said, redact: Redact) -> bytes:
    bodies = (request_of(said.request, said.most), response_of(said.response, said.most))
    kept = [redact(body.json).decode() if body is not None else None for body in bodies]
    words = None
    if said.searched:
        texts = "\n".join(text for body in bodies if body is not None for text in body.texts)
        words = redact(texts.encode()).decode()
    return msgspec.json.encode((said.trace_id, said.at_ms, said.level, *kept, words))


class Body(NamedTuple):
    """The stored part of a request or an answer."""

    json: bytes
    texts: list[str]


class Room:
    """How much may still be kept."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.cut = False
        self.texts: list[str] = []
        """Those that did fit."""

    def has(self, value: object) -> bool:
        """Whether a value still fits; the first that does not ends it."""
        size = len(msgspec.json.encode(value))
        self.cut = self.cut or size > self.left
        self.left -= size
        return not self.cut

    def messages(self, messages: Iterable[Message]) -> Iterator[Message]:
        """As many of them as fit, the last one with as many of its parts as do."""
        for message in messages:
            parts = tuple(self._parts(message.parts))
            self.texts += texts_of(parts)
            if parts or not self.cut:
                yield replace(message, parts=parts)
            if self.cut:
                return

    def _parts(self, parts: Sequence[AnyPart]) -> Iterator[AnyPart]:
        for part in parts:
            if not self.has(part):
                return
            yield part


def request_of(request: Request | None, most: int) -> Body | None:
    """JSON of a request; for kinds of call other than chats, its texts."""
    if request is None:
        return None
    try:
        content = request.meaning
    except StockyardError:
        return None  # nobody could read it
    room = Room(most)
    said: dict[str, Any] = {"model": request.model, "stream": request.stream}
    if not isinstance(content, Content):
        said["texts"] = room.texts = [text for text in content.texts() if room.has(text)]
        return _written(said, room)
    options = msgspec.to_builtins(replace(content, messages=(), tools=()))
    said |= options if room.has(options) else {}
    said["messages"] = list(room.messages(content.messages))
    said["tools"] = [tool for tool in content.tools if room.has(tool)]
    return _written(said, room)


def response_of(response: Response | None, most: int) -> Body | None:
    """JSON of an answer in words. Vectors, pictures and sounds are not kept."""
    if response is None:
        return None
    try:
        output = response.meaning
    except StockyardError:
        return None
    if not isinstance(output, Output):
        return None
    room = Room(most)
    messages = room.messages(choice.message for choice in output.choices)
    choices = [
        {"index": choice.index, "finish": choice.finish, "message": message}
        for choice, message in zip(output.choices, messages, strict=False)
    ]
    return _written({"id": output.id, "model": output.model, "choices": choices}, room)


def _written(said: dict[str, Any], room: Room) -> Body:
    return Body(msgspec.json.encode({**said, "cut": True} if room.cut else said), room.texts)
