"""The client's side of a realtime session on a connection of the lane's: bytes in, frames out."""

import asyncio
from typing import cast

from stockyard.gateway.relay import Relay
from stockyard.upstream.frames import Frame, FrameFault, FrameReader, written


class LaneSocket(asyncio.Protocol):
    """The Client of a Relay, and the protocol of the connection from the upgrade on."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._frames = FrameReader(masked=True)

    # What the event loop does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._relay.connected(self)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                self._relay.client_said(frame)
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
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        self._transport.close()
