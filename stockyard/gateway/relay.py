"""Carry a realtime session: frames both ways, each side at the pace of the other.

Messages pass as they are, in the pieces in which they came. Each side has a connection of its own:
pings are answered here and not passed on, each is pinged after a silence, and what one side closes
with is what the other is closed with. What the provider says is looked at for the ends of answers,
for each of them is paid for.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from stockyard.upstream.frames import (
    CLOSE,
    CONTINUATION,
    FAULT,
    GOING_AWAY,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameFault,
    FrameReader,
    a_close,
    close_in,
    written,
)
from stockyard.upstream.websocket import WebSocket

TICK_SECONDS = 1.0
PING_SECONDS = 20.0
DEAD_SECONDS = 60.0
"""How long a side may be silent although it is pinged."""
FAREWELL_SECONDS = 1.0
"""What a side has to close after it was told to."""
REVOKED = 4401
RESTART = 1012
PINGED = b"stockyard"
WATCHED_BYTES = 1024 * 1024
"""The longest message of the provider that is looked at; those that end answers are far shorter."""


class Relay(asyncio.Protocol):
    """The client's side of the connection, and the Listener of the provider's."""

    def __init__(
        self,
        provider: WebSocket,
        *,
        welcome: Callable[[], bool],
        said: Callable[[bytes], None],
        over: Callable[[], None],
    ) -> None:
        """`welcome` tells whether the caller may still be here, `said` gets each message of the
        provider that may be looked at, and `over` is called once, when it is."""
        self._provider = provider
        self._welcome = welcome
        self._said = said
        self._over = over
        self._frames = FrameReader(masked=True)
        self._loop = asyncio.get_running_loop()
        self._message: list[bytes] | None = None
        """The message of the provider that is under way, as long as it may be looked at."""
        self._size = 0
        self._heard_at = self._pinged_at = self._loop.time()
        self._closing = False
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None

    # The client's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
        self._provider.listen(self)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            for frame in self._frames.feed(data):
                if self._closing:
                    self._farewell(frame)
                else:
                    self._client_said(frame)
        except FrameFault as fault:
            self._close(fault.code, fault.message, GOING_AWAY)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closing:
            self._provider.send(a_close(GOING_AWAY))
        self._end()

    def pause_writing(self) -> None:
        self._provider.pause()

    def resume_writing(self) -> None:
        self._provider.resume()

    def _client_said(self, frame: Frame) -> None:
        if frame.kind == PING:
            self._send(Frame(PONG, frame.data))
        elif frame.kind == CLOSE:
            code, reason = close_in(frame.data)
            self._provider.send(a_close(code, reason))
            self._send(frame)
            self._leave()
        elif not self._welcome():
            self.revoke()
        elif frame.kind != PONG:
            self._provider.send(frame)

    # The provider's side.

    def provider_said(self, frame: Frame) -> None:
        if self._closing:
            return
        if frame.kind == PING:
            self._provider.send(Frame(PONG, frame.data))
        elif frame.kind == CLOSE:
            code, reason = close_in(frame.data)
            self._provider.send(frame)
            self._provider.close()
            self._send(a_close(code, reason))
            self._wait()
        elif frame.kind != PONG:
            self._look(frame)
            self._send(frame)

    def provider_broke(self, fault: FrameFault) -> None:
        self._close(FAULT, "The provider broke the protocol.", fault.code)

    def provider_left(self) -> None:
        self._close(FAULT, "The provider closed the connection.", GOING_AWAY)

    def provider_slow(self) -> None:
        self._transport.pause_reading()

    def provider_ready(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _look(self, frame: Frame) -> None:
        """Keep the message that the frame belongs to, and tell of it when it is complete."""
        if frame.kind != CONTINUATION:
            self._message = [] if frame.kind == TEXT else None
            self._size = 0
        if self._message is None:
            return
        self._size += len(frame.data)
        self._message.append(frame.data)
        if self._size > WATCHED_BYTES:
            self._message = None
        elif frame.final:
            message, self._message = self._message, None
            self._said(b"".join(message))

    # How it ends.

    def revoke(self) -> None:
        self._close(REVOKED, "This Key is not valid any more.", GOING_AWAY)

    def shutdown(self) -> None:
        self._close(RESTART, "The gateway is stopping.", GOING_AWAY)

    def _close(self, code: int, reason: str, theirs: int) -> None:
        """Close both sides for a reason of ours."""
        if self._closing:
            return
        self._provider.send(a_close(theirs))
        self._provider.close()
        self._send(a_close(code, reason))
        self._wait()

    def _wait(self) -> None:
        """Both sides were told; the client has a moment to say goodbye, too."""
        self._closing = True
        self._loop.call_later(FAREWELL_SECONDS, self._leave)

    def _farewell(self, frame: Frame) -> None:
        if frame.kind == CLOSE:
            self._leave()

    def _leave(self) -> None:
        self._closing = True
        self._transport.close()
        self._end()

    def _end(self) -> None:
        self._closing = True
        if self._ended:
            return
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._provider.close()
        # Should it not take what was sent, it is not waited for.
        self._loop.call_later(FAREWELL_SECONDS, self._provider.abort)
        self._over()

    def _send(self, frame: Frame) -> None:
        if not self._transport.is_closing():
            self._transport.write(written(frame, masked=False))

    def _tick(self) -> None:
        """Once a second: whether everybody is still there, and may be."""
        if self._closing:
            return
        now = self._loop.time()
        silent = now - min(self._heard_at, self._provider.heard_at)
        if not self._welcome():
            self.revoke()
        elif silent > DEAD_SECONDS:
            self._close(FAULT, "The other side fell silent.", GOING_AWAY)
        else:
            if silent > PING_SECONDS and now - self._pinged_at > PING_SECONDS:
                self._pinged_at = now
                self._send(Frame(PING, PINGED))
                self._provider.send(Frame(PING, PINGED))
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
