"""A Reply that collects an answer, so that it can be changed before it is sent."""

from collections.abc import Callable

from stockyard.gateway.contract import Reply
from stockyard.gateway.egress import JSON_HEAD

MOST_BYTES = 16 * 1024 * 1024
TOO_LARGE = b"""{"error":{"message":"The provider's answer is too large to be looked through.",\
"type":"server_error","code":"provider_error","param":null}}"""


class WholeReply:
    """Collects an answer, and replies with what `read` makes of its status and body."""

    def __init__(self, reply: Reply, read: Callable[[int, bytes], bytes]) -> None:
        self._reply = reply
        self._read = read
        self._status = 0
        self._fields = b""
        self._pieces: list[bytes] = []
        self._size = 0

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._reply.whole(status, fields, self._read(status, body))

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._status, self._fields = status, fields
        self.push(first)

    def push(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= MOST_BYTES:
            self._pieces.append(data)
        else:
            self._pieces.clear()

    def finish(self, last: bytes = b"") -> None:
        self.push(last)
        if self._size > MOST_BYTES:
            self._reply.whole(502, JSON_HEAD, TOO_LARGE)
        else:
            self.whole(self._status, self._fields, b"".join(self._pieces))

    def cut(self) -> None:
        """Send nothing of an incomplete answer."""
        self._reply.begin(self._status, self._fields, b"")
        self._reply.cut()
