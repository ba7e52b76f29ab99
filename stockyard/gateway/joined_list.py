"""A list of models that joins ours and those of a local model server.

Only a server that runs models itself knows what is on its disk. Clients of its dialect want those
names, so the server is asked, and its list is put before ours. If it cannot be asked, or does not
answer soon, our list is the answer.
"""

import asyncio

import msgspec

from stockyard.errors import Refused
from stockyard.gateway.contract import Opening, Reply, Running, Whole
from stockyard.gateway.egress import JSON_HEAD
from stockyard.gateway.listing import Described

PATH = "/api/tags"
"""Where a provider of the dialect lists its models."""
MOST_BYTES = 1024 * 1024
PATIENCE_SECONDS = 5.0
"""Short, because clients ask for this list before they show anything."""


class _List(msgspec.Struct):
    models: list[Described]


_list = msgspec.json.Decoder(_List).decode


class JoinedList:
    """An Opening for the list: it asks the provider, and answers with both."""

    def __init__(self, provider: Opening, ours: Whole) -> None:
        self._provider = provider
        self._ours = ours
        self.max_body = provider.max_body

    def start(self, reply: Reply, body: bytes) -> Running | None:
        joining = _Joining(reply, self._ours)
        running = self._provider.start(joining, body)
        return None if running is None else joining.while_running(running)

    def refuse(self, refusal: Refused) -> Whole:
        return self._provider.refuse(refusal)


class _Joining:
    """The Reply that gets the provider's list, and answers with both. Also the Running for the
    client, so that the end of one side ends the other."""

    def __init__(self, reply: Reply, ours: Whole) -> None:
        self._reply = reply
        self._ours = ours
        self._status = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._over = False
        self._call: Running | None = None
        self._timer: asyncio.TimerHandle | None = None

    def while_running(self, call: Running) -> Running | None:
        if self._over:
            return None
        self._call = call
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._give_up)
        return self

    def _give_up(self) -> None:
        call = self._call
        self.cut()
        if call is not None:
            call.gone()

    # The Running

    def gone(self) -> None:
        call = self._call
        self._end()
        if call is not None:
            call.gone()

    def shutdown(self) -> None:
        if self._call is not None:
            self._call.shutdown()

    # What is collected is small, and waits for nobody who reads slowly.

    def pause(self) -> None: ...
    def resume(self) -> None: ...

    # The Reply

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._status = status
        self.finish(body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._status = status
        self.push(first)

    def push(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= MOST_BYTES:
            self._pieces.append(data)

    def finish(self, last: bytes = b"") -> None:
        if self._over:
            return
        self.push(last)
        readable = self._status == 200 and self._size <= MOST_BYTES
        theirs = _models_in(b"".join(self._pieces)) if readable else []
        named = {name for model in theirs if isinstance(name := model.get("name"), str)}
        ours = [model for model in _models_in(self._ours.body) if model["name"] not in named]
        body = msgspec.json.encode({"models": [*theirs, *ours]})
        self._end()
        self._reply.whole(200, JSON_HEAD, body)

    def cut(self) -> None:
        self._status = 0
        self.finish()

    def _end(self) -> None:
        self._over = True
        self._call = None
        if self._timer is not None:
            self._timer.cancel()


def _models_in(body: bytes) -> list[Described]:
    """The models of a list; none where there is no list."""
    try:
        return _list(body).models
    except (ValueError, RecursionError):
        return []
