"""Answer a request for a WebSocket: refuse it, or switch the connection."""

from typing import Protocol

from stockyard.gateway.lane_socket import LaneSocket
from stockyard.gateway.relay import Relay
from stockyard.gateway.reply import LaneReply
from stockyard.upstream.frames import accepting


class Upgrade(Protocol):
    """The Reply to a request for a WebSocket."""

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        """Refuse."""

    def switch(self, subprotocol: bytes, fields: bytes, relay: Relay) -> bool:
        """Open the WebSocket, with these header fields. False if the client has gone."""


class LaneUpgrade:
    """An Upgrade on a lane's connection."""

    def __init__(self, reply: LaneReply, key: bytes) -> None:
        """`key` is that of the client's handshake."""
        self._reply = reply
        self._key = key
        self.whole = reply.whole

    def switch(self, subprotocol: bytes, fields: bytes, relay: Relay) -> bool:
        lines = b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: %b\r\n" % (
            accepting(self._key)
        )
        if subprotocol:
            lines += b"sec-websocket-protocol: %b\r\n" % subprotocol
        return self._reply.switch(lines + fields, LaneSocket(relay))
