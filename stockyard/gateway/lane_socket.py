"""The client's side of a realtime session on a lane's connection: bytes in, frames out."""

import asyncio
from typing import cast

from stockyard.gateway.relay import MOST_AT_ONCE, Relay
from stockyard.upstream.frames import Frame, FrameFault, FrameReader, written


class LaneSocket(asyncio.Protocol):
    """The ClientSocket of a Relay, and the protocol of the connection from the upgrade on."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._frames = FrameReader(masked=True)
        self._full = False
        """The Relay wants no more."""
        self._behind = False
        """More was read than one turn of the event loop is for."""

    # What the event loop does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._relay.connected(self)

    def data_received(self, data: bytes) -> None:
        try:
            for taken, frame in enumerate(self._frames.feed(data), 1):
                self._relay.client_said(frame)
                if taken == MOST_AT_ONCE:
                    self._take_later()
                    return
        except FrameFault as fault:
            self._relay.client_broke(fault)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.client_left()

    def pause_writing(self) -> None:
        self._relay.client_slow()

    def resume_writing(self) -> None:
        self._relay.client_ready()

    # What the Relay wants.

    def send(self, frame: Frame) -> None:
        if not self._transport.is_closing():
            self._transport.write(written(frame, masked=False))

    def pause(self) -> None:
        self._full = True
        self._listen()

    def resume(self) -> None:
        self._full = False
        self._listen()

    def close(self) -> None:
        self._transport.close()

    # Others have their turn in between.

    def _take_later(self) -> None:
        if not self._behind:
            self._behind = True
            asyncio.get_running_loop().call_soon(self._catch_up)
            self._listen()

    def _catch_up(self) -> None:
        self._behind = False
        if not self._transport.is_closing():
            self.data_received(b"")
        self._listen()

    def _listen(self) -> None:
        if self._transport.is_closing():
            return
        if self._full or self._behind:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
