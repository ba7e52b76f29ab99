"""A Reply that removes the things of other teams from lists in an answer.

A provider lists everything in its account, which all teams share. An answer in which nothing has to
be hidden passes unchanged, and so does one that is not JSON.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from stockyard.gateway.contract import Reply
from stockyard.gateway.whole_reply import WholeReply
from stockyard.wire.resource_names import last_two

_NAMES = ("id", "name", "voice_id", "agent_id", "job_id", "model_id", "request_id")
"""Fields in which a thing in a list may have its id."""
_STARTS = (b"{", b"[")


class HidingReply:
    def __init__(self, reply: Reply, hidden: Callable[[str], bool]) -> None:
        self._reply = reply
        self._hidden = hidden
        self._head: tuple[int, bytes] | None = None
        """Status and fields of an answer whose first bytes have not come yet."""

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._reply.whole(status, fields, self._shown(status, body))

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        if not first:
            self._head = status, fields
            return
        if status < 300 and first.lstrip().startswith(_STARTS):
            self._reply = WholeReply(self._reply, self._shown)
        self._reply.begin(status, fields, first)

    def push(self, data: bytes) -> None:
        if self._head is None:
            self._reply.push(data)
        elif data:
            (status, fields), self._head = self._head, None
            self.begin(status, fields, data)

    def finish(self, last: bytes = b"") -> None:
        self.push(last)
        self._begin_at_last()
        self._reply.finish()

    def cut(self) -> None:
        self._begin_at_last()
        self._reply.cut()

    def _begin_at_last(self) -> None:
        """Write a head after which nothing came."""
        if self._head is not None:
            self._reply.begin(*self._head, b"")

    def _shown(self, status: int, body: bytes) -> bytes:
        if status >= 300 or not body.lstrip().startswith(_STARTS):
            return body
        try:
            answer: Any = msgspec.json.decode(body)
        except (ValueError, RecursionError):
            return body
        shown = self._without(answer)
        return body if shown is answer else msgspec.json.encode(shown)

    def _without(self, answer: Any) -> Any:
        """The value without hidden things; the same value if there are none."""
        if isinstance(answer, list):
            kept = [thing for thing in answer if not self._is_hidden(thing)]
            return answer if len(kept) == len(answer) else kept
        if not isinstance(answer, dict):
            return answer
        shown = {
            name: self._without(value) if isinstance(value, list) else value
            for name, value in answer.items()
        }
        return answer if all(shown[name] is answer[name] for name in answer) else shown

    def _is_hidden(self, thing: Any) -> bool:
        if not isinstance(thing, dict):
            return False
        called = (thing[name] for name in _NAMES if isinstance(thing.get(name), str))
        return any(self._hidden(name) or self._hidden(last_two(name)) for name in called)
