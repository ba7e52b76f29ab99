"""Watch an answer for ids of things that were created along with it, which then belong to the team.

A model may run code in a container at the provider and leave files there; a call may ask that its
answer be stored. Only the answer names such things, in fields that neither the model nor the caller
can write. The answer itself passes unchanged.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.exchange import Exchange
from stockyard.core.ports import Held, HeldIds
from stockyard.errors import UpstreamError
from stockyard.gateway.contract import Reply
from stockyard.gateway.json_path import values_at
from stockyard.gateway.watching_reply import WatchingReply
from stockyard.wire.sse import Blocks, parse_block

MOST_BYTES = 4 * 1024 * 1024
"""The largest whole answer, or event of a stream, that is searched."""
_EVENTS = b"text/event-stream"
_MEDIA = re.compile(rb"\ncontent-type:[ \t]*(?:audio|image|video)/", re.IGNORECASE)
"""Content types that hold no ids."""


class Notice(Struct, frozen=True):
    """Where answers of a format name things that were created."""

    places: tuple[str, ...]
    """Paths of JSON fields, in a whole answer and in events of a stream."""
    marks: tuple[bytes, ...]
    """Every event that names something contains one of these."""
    first_only: bool = False
    """Stop after the first event that names something."""

    def named_in(self, value: object) -> Iterator[str]:
        for place in self.places:
            yield from (one for one in values_at(value, place) if isinstance(one, str) and one)


KEPT_CHATS = Notice(("id",), (b'"id"',), first_only=True)
RUN_CODE = Notice(
    (
        *("container.id", "message.container.id", "delta.container.id"),
        "content.*.content.content.*.file_id",
        "content_block.content.content.*.file_id",
    ),
    (b'"container"', b'"file_id"'),
)
ANSWERS = Notice(
    (
        *("output.*.container_id", "output.*.environment.container_id"),
        "output.*.content.*.annotations.*.container_id",
    ),
    (),
)
INTERACTIONS = Notice(("id", "interaction.id"), (b'"interaction"',), first_only=True)
MADE = Notice(
    (
        *("id", "voice_id", "agent_id", "job_id", "request_id", "task_id", "dubbing_id"),
        *("connector.id", "finetuned_model.id", "name"),
    ),
    (b'id"', b'"name"'),
    first_only=True,
)
"""For calls without a codec: fields in which most providers name what they create."""
MADE_LATER = Notice(
    (
        *("fine_tuned_model", "data.*.fine_tuned_model_checkpoint"),
        *("result_files.*", "output_name", "model_output_name", "outputModel", "outputDatasetId"),
    ),
    (b"fine_tuned_model",),
)
"""For such calls: fields in which they later name the result."""

_OF_FORMATS = {"openai.chat": KEPT_CHATS, "anthropic.messages": RUN_CODE}


def of(format: str) -> Notice | None:
    """The Notice for answers to calls of this format, if they may name anything."""
    return _OF_FORMATS.get(format)


class Noticing(WatchingReply):
    """Calls `hold` for each id that a Notice finds."""

    def __init__(self, reply: Reply, notice: Notice, hold: Callable[[Exchange, str], None]) -> None:
        super().__init__(reply)
        self._notice = notice
        self._hold = hold
        self._events: Blocks | None = None
        self._object: list[bytes] | None = None
        """The pieces of an answer that is not a stream of events."""
        self._size = 0

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        if status < 300:
            self._learn(body)
        self._reply.whole(status, fields, body)

    def _began(self, status: int, fields: bytes) -> None:
        if status < 300 and _EVENTS in fields:
            self._events = Blocks(MOST_BYTES)
        elif status < 300 and _MEDIA.search(b"\n" + fields) is None:
            self._object = []

    def _passed(self, data: bytes) -> None:
        if self._object is not None:
            self._size += len(data)
            self._object.append(data)
            if self._size > MOST_BYTES:
                self._object = None
        elif self._events is not None:
            try:
                blocks = self._events.feed(data)
            except UpstreamError:  # an event too large to be looked at; it passes all the same
                self._events = None
                return
            for block in blocks:
                self._look_at(block)

    def _ended(self) -> None:
        if self._object is not None:
            self._learn(b"".join(self._object))

    def _look_at(self, block: bytes) -> None:
        if self._events is None or not any(mark in block for mark in self._notice.marks):
            return
        data = parse_block(block).data
        if data and self._learn(data) and self._notice.first_only:
            self._events = None

    def _learn(self, text: bytes) -> bool:
        """Search a JSON text for ids. Returns whether there were any."""
        if self.x is None or self.x.repeats:
            return False
        try:
            value: Any = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return False
        named = list(dict.fromkeys(self._notice.named_in(value)))
        for thing in named:
            self._hold(self.x, thing)
        return bool(named)


def hold_for(ids: HeldIds, team_id: str) -> Callable[[Exchange, str], None]:
    """Remembers ids in answers as a team's."""

    def hold(x: Exchange, thing: str) -> None:
        # The ids in a cached answer were remembered when it first came.
        if x.target is not None and x.attempts:
            ids.hold(team_id, thing, Held(x.target.provider, x.target.credential_id))

    return hold
