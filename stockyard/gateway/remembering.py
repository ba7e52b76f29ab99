"""Watch an answer of `/v1/responses` on its way to the client, to remember its ids or to store it.

Ids that a provider issued (for the answer, its items, or a container in which the model ran code)
belong to the team from then on. An answer that no provider stores is stored here, before its last
byte is sent, so that a client that has all of it can refer to it at once. This works for whole and
streamed, encoded and forwarded answers alike, because all of them end with the same object.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from stockyard.core.ports import Held, KeptAnswer
from stockyard.errors import StockyardError
from stockyard.gateway.contract import Reply
from stockyard.gateway.json_path import values_at
from stockyard.gateway.keepers import Keepers
from stockyard.gateway.noticing import ANSWERS
from stockyard.gateway.turn import items_asked
from stockyard.gateway.watching_reply import WatchingReply
from stockyard.wire.openai_responses.snapshot import ID_PREFIX, item_id
from stockyard.wire.sse import Blocks, parse_block

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024
"""How much of a relayed object, or of the beginning of a stream, is searched."""
KEEP_SECONDS = 5.0
ENDS = frozenset({"completed", "incomplete"})
"""Final states of answers that a later request can continue."""
PENDING = frozenset({"queued", "in_progress"})
EVENTS = b"text/event-stream"
_FIRST = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"id"[ \t\r\n]*:[ \t\r\n]*"([A-Za-z0-9_.-]{1,128})"')

_ITEMS = "output.*.id"

Object = dict[str, Any]


class _Answer(Struct):
    """The fields that are decoded of an answer that the provider stores. The others may be long."""

    id: str = ""
    status: str = ""
    background: bool | None = None
    output: list[Object] = []


class _Event(Struct):
    response: _Answer | None = None


_event = msgspec.json.Decoder(_Event).decode


class Remembering(WatchingReply):
    """Remembers the ids in an answer. If it is stored here, delays its end until that is done."""

    def __init__(
        self,
        reply: Reply,
        keepers: Keepers,
        team_id: str,
        *,
        keeps: bool = False,
        stored: bool = True,
    ) -> None:
        """`keeps`: store the answer here if no provider does. `stored`: its provider may."""
        super().__init__(reply)
        self._keepers = keepers
        self._team = team_id
        self._keeps = keeps
        self._stored = stored
        self._beginning: Blocks | None = None
        """The beginning of a stream, until it contains the id."""
        self._object: list[bytes] | None = None
        """The pieces of a relayed object."""
        self._size = 0

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        found = _object(body) if status == 200 else None
        self._end(found, partial(self._reply.whole, status, fields, body))

    def finish(self, last: bytes = b"") -> None:
        self._passed(last)
        if self._object is not None:
            found = _object(b"".join(self._object))
        else:
            found = _ending(last, _answer_in if self._keeps else _outline_in)
        self._end(found, partial(self._reply.finish, last))

    def _began(self, status: int, fields: bytes) -> None:
        if status != 200:
            return
        if EVENTS in fields:
            self._beginning = Blocks()
        else:
            self._object = []

    def _passed(self, data: bytes) -> None:
        self._size += len(data)
        if self._object is not None:
            self._object.append(data)
            if self._size > MOST_BYTES:
                self._hold(_beginning_of(b"".join(self._object)))
                self._object = None
        elif self._size > MOST_BYTES:
            self._beginning = None
        elif self._beginning is not None:
            for block in self._beginning.feed(data):
                if (begun := _outline_in(block)) is not None:
                    self._beginning = None
                    self._hold(begun)
                    return

    def _end(self, found: Object | None, onward: Callable[[], None]) -> None:
        kept = self._kept(found) if found is not None and self._is_ours(found) else None
        if found is not None:
            self._hold(found)
        if kept is None:
            onward()
        else:
            self._keepers.see_to(self._keep(kept, onward))

    @property
    def _our_id(self) -> str:
        """The id of the answer if it was encoded here."""
        return ID_PREFIX + self.x.id[4:] if self.x is not None else ""

    def _is_ours(self, found: Object) -> bool:
        return found.get("id") == self._our_id

    def _hold(self, found: Object) -> None:
        """Remember the ids in an answer. Those of a cached one are known since it first came."""
        x = self.x
        if x is None or x.target is None or not x.attempts or self._is_ours(found):
            return
        held = Held(x.target.provider, x.target.credential_id)
        for thing in ANSWERS.named_in(found):
            self._keepers.ids.hold(self._team, thing, held)
        if not self._stored:
            return
        for item in values_at(found, _ITEMS):
            if isinstance(item, str):
                self._keepers.ids.hold(self._team, item, held)
        given = found.get("id")
        if isinstance(given, str):
            self._keepers.ids.hold(self._team, given, held)
            if found.get("background") is True and found.get("status") in PENDING:
                place = f"/{held.provider}/responses/{given}"
                owing = self._keepers.owed.owe(self._team, given, place=place)
                self._keepers.see_to(self._owe(given, owing))

    async def _owe(self, answer_id: str, owing: Coroutine[Any, Any, None]) -> None:
        """Remember that the usage of a background answer is reported later."""
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                await owing
        except (StockyardError, TimeoutError) as error:
            log.warning("The answer %s will not be counted: %s", answer_id, error)

    def _kept(self, answer: Object) -> KeptAnswer | None:
        x = self.x
        if not self._keeps or x is None or answer.get("status") not in ENDS:
            return None
        items = [_listed(item, x.id[4:], i) for i, item in enumerate(items_asked(x.inbound.body))]
        kept = KeptAnswer(msgspec.json.encode(items), msgspec.json.encode(answer))
        if len(kept.items) + len(kept.answer) > self._keepers.answers.max_bytes:
            log.warning("The answer to %s is too large to be stored.", x.id)
            return None
        return kept

    async def _keep(self, kept: KeptAnswer, onward: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                await self._keepers.answers.keep(self._team, self._our_id, kept)
        except (StockyardError, TimeoutError) as error:
            log.warning("The answer %s was not stored: %s", self._our_id, error)
        finally:
            onward()


def _object(body: bytes) -> Object | None:
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _beginning_of(body: bytes) -> Object:
    """The id, if it is the first field of an object that is too long to decode."""
    first = _FIRST.match(body)
    return {"id": first[1].decode()} if first is not None else {}


def _answer_in(block: bytes) -> Object | None:
    """The answer in an event of a stream."""
    data = parse_block(block).data
    event = _object(data) if data else None
    answer = event.get("response") if event is not None else None
    return answer if isinstance(answer, dict) else None


def _outline_in(block: bytes) -> Object | None:
    """The same, with the fields of `_Answer` only."""
    data = parse_block(block).data
    try:
        answer = _event(data).response if data else None
    except (ValueError, RecursionError):
        return None
    return asdict(answer) if answer is not None else None


def _ending(last: bytes, answer_in: Callable[[bytes], Object | None]) -> Object | None:
    """The answer in the last event of its stream."""
    answers = [answer_in(block) for block in Blocks().feed(last)]
    return next((answer for answer in reversed(answers) if answer is not None), None)


def _listed(item: Any, name: str, position: int) -> Any:
    """An item of a request in the form that lists of items have: with type, parts and id."""
    if not isinstance(item, dict):
        return item
    shown = {"type": "message", **item}
    content = shown.get("content")
    if shown["type"] == "message" and isinstance(content, str):
        kind = "output_text" if shown.get("role") == "assistant" else "input_text"
        beside: Object = {"annotations": []} if kind == "output_text" else {}
        shown["content"] = [{"type": kind, "text": content, **beside}]
    # With a suffix, because the items of the answer have ids with the same name and position.
    shown["id"] = shown.get("id") or item_id(shown, name, position) + "i"
    return {"status": "completed", **shown}
