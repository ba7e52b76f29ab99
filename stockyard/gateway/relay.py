"""Relay the frames of a realtime session between client and provider, with back-pressure.

Messages pass unchanged, in the fragments in which they came. The two connections are independent:
pings are answered here and not passed on, each side is pinged after a silence, and the close code
of one side is passed to the other. The Moderator gets the texts of both sides, and may delay or
drop messages of the client.

Nothing waits here without a bound: a side that reads slowly pauses the other one, and a message
that is being judged pauses the client.
"""

import asyncio
from collections import deque
from typing import Protocol

from stockyard.gateway.message_collector import MessageCollector
from stockyard.gateway.own_words import OwnWords
from stockyard.gateway.session_clock import Lasting, SessionClock
from stockyard.upstream.frames import (
    BINARY,
    CLOSE,
    FAULT,
    GOING_AWAY,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameFault,
    a_close,
    close_in,
)
from stockyard.upstream.websocket import WebSocket

TICK_SECONDS = 1.0
FAREWELL_SECONDS = 1.0
"""How long a side may take to close after it was told to."""
POLICY = 1008
MOST_REASON = 100
"""Characters of a reason, because a close frame has at most 125 bytes."""
REVOKED = 4401
RESTART = 1012
PINGED = b"stockyard"
MOST_BEHIND = 256 * 1024
"""Bytes of the client that are queued while a message before them is judged."""
FRAME_BYTES = 100
"""The memory that a queued frame takes besides its data."""
MOST_AT_ONCE = 32
"""Frames of the client that are handled in one turn of the event loop: each may request an answer,
which takes a while to judge."""


class ClientSocket(Protocol):
    """The connection to the client, as frames."""

    def send(self, frame: Frame) -> None: ...
    def pause(self) -> None:
        """Stop reading until `resume`. Frames that were read already may still come."""

    def resume(self) -> None: ...
    def close(self) -> None:
        """Close the connection once everything is sent."""


class Moderator(Protocol):
    """Gets the texts of both sides, and decides which messages of the client pass."""

    def welcome(self) -> bool:
        """Whether the caller may still be here."""

    def client_said(self, message: bytes) -> bool | None:
        """Whether this message passes. None: it waits until `Relay.go_on`."""

    def provider_said(self, message: bytes) -> None: ...
    def last_words(self) -> list[bytes] | None:
        """Messages that make the provider end its running answers, and so report their usage; None
        when none is running. Without the report, a client that reads an answer and leaves before
        its end would pay nothing."""

    def over(self) -> None:
        """The session is over. Called once, and last."""


class Relay:
    """Connects a ClientSocket and a provider's WebSocket, whose Listener it is."""

    def __init__(
        self, provider: WebSocket, moderator: Moderator, lasting: Lasting, *, binary: bool = False
    ) -> None:
        """`binary`: the texts of the session may come in binary messages."""
        self._provider = provider
        self._moderator = moderator
        self._kinds = (TEXT, BINARY) if binary else (TEXT,)
        self._client: ClientSocket | None = None
        self._loop = asyncio.get_running_loop()
        self._clock = SessionClock(lasting, self._loop.time())
        self._theirs = MessageCollector(self._kinds)
        """The current message of the provider."""
        self._ours: list[Frame] = []
        """The current text of the client, which is incomplete or being judged."""
        self._waits = False
        """`_ours` is being judged."""
        self._behind: deque[Frame] = deque()
        """Frames that came meanwhile."""
        self._behind_bytes = 0
        self._to_client, self._to_provider = OwnWords(), OwnWords()
        self._closing = False
        self._goodbye: Frame | None = None
        """The close frame for the provider, while we wait for the usage of its last answers."""
        self._left = False
        """The client has left."""
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None

    # The client's side.

    def connected(self, client: ClientSocket) -> None:
        self._client = client
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
        self._provider.listen(self)

    def client_said(self, frame: Frame) -> None:
        now = self._loop.time()
        self._clock.heard(now)
        if self._closing:
            if frame.kind == CLOSE:
                self._leave()
        elif frame.kind == PING:
            if not self._to_client.slow:  # one that does not read has no use for answers
                self._send(Frame(PONG, frame.data))
        elif frame.kind == CLOSE:
            self._part(a_close(*close_in(frame.data)))
            self._send(frame)
            self._leave()
        elif not self._moderator.welcome():
            self.revoke()
        elif (self._waits or self._behind) and frame.kind != PONG:
            self._behind.append(frame)
            self._behind_bytes += len(frame.data) + FRAME_BYTES
            self._listen_to_client()
        elif frame.kind != PONG:
            self._clock.spoken(now)
            self._take(frame)

    def client_broke(self, fault: FrameFault) -> None:
        self._close(fault.code, fault.message, GOING_AWAY)

    def client_left(self) -> None:
        if not self._closing:
            self._part(a_close(GOING_AWAY))
        self._end()

    def client_slow(self) -> None:
        self._to_client.slow = True
        self._provider.pause()

    def client_ready(self) -> None:
        self._provider.resume()
        for word in self._to_client.ready() if not self._closing else ():
            self._send(word)

    def _take(self, frame: Frame) -> None:
        """Pass a frame on; one of a text only once the text is complete and judged."""
        if frame.kind not in self._kinds and not self._ours:
            self._pass_on(frame)
            return
        self._ours.append(frame)
        if not frame.final:
            return
        passes = self._moderator.client_said(b"".join([part.data for part in self._ours]))
        if passes is None:
            self._waits = True
        else:
            self._decide(passes=passes)

    def go_on(self, *, passes: bool) -> None:
        """The message that waits was judged."""
        if self._closing:
            return
        self._waits = False
        self._decide(passes=passes)
        self._catch_up()

    def _catch_up(self) -> None:
        """Handle the queued frames, some of them in each turn of the event loop."""
        for _ in range(MOST_AT_ONCE):
            if not self._behind or self._waits or self._closing:
                break
            following = self._behind.popleft()
            self._behind_bytes -= len(following.data) + FRAME_BYTES
            self._take(following)
        else:
            if not self._waits:
                self._loop.call_soon(self._catch_up)
        self._listen_to_client()

    def _decide(self, *, passes: bool) -> None:
        frames, self._ours = self._ours, []
        for frame in frames if passes else ():
            self._pass_on(frame)

    def _pass_on(self, frame: Frame) -> None:
        self._provider.send(frame)
        for word in self._to_provider.after(frame):
            self._provider.send(word)

    def tell(self, message: bytes) -> None:
        """Send a message of our own to the client."""
        if self._closing:
            return
        for word in self._to_client.say(message):
            self._send(word)

    def ask(self, message: bytes) -> None:
        """Send a message of our own to the provider."""
        if self._closing:
            return
        for word in self._to_provider.say(message):
            self._provider.send(word)

    # The provider's side.

    def provider_said(self, frame: Frame) -> None:
        if self._closing:
            self._hear_out(frame)
            return
        if frame.kind == PING:
            if not self._to_provider.slow:
                self._provider.send(Frame(PONG, frame.data))
        elif frame.kind == CLOSE:
            code, reason = close_in(frame.data)
            self._provider.send(frame)
            self._provider.close()
            self._send(a_close(code, reason))
            self._wait()
        elif frame.kind != PONG:
            self._clock.spoken(self._loop.time())
            self._send(frame)
            for word in self._to_client.after(frame):
                self._send(word)
            self._look(frame)

    def provider_broke(self, fault: FrameFault) -> None:
        self._close(FAULT, "The provider broke the protocol.", fault.code)

    def provider_left(self) -> None:
        self._say_goodbye()  # if we waited for the usage of its last answers
        self._close(FAULT, "The provider closed the connection.", GOING_AWAY)

    def provider_slow(self) -> None:
        self._to_provider.slow = True
        self._listen_to_client()

    def provider_ready(self) -> None:
        for word in self._to_provider.ready():
            self._provider.send(word)
        self._listen_to_client()

    def _look(self, frame: Frame) -> None:
        """Show the provider's message to the Moderator when this frame completes it."""
        message = self._theirs.add(frame)
        if message is not None:
            self._moderator.provider_said(message)

    # How it ends.

    def revoke(self) -> None:
        self._close(REVOKED, "This Key is not valid any more.", GOING_AWAY)

    def refuse(self, reason: str) -> None:
        """End the session because of a refusal, if its format has no message for that."""
        self._close(POLICY, reason[:MOST_REASON], GOING_AWAY)

    def shutdown(self) -> None:
        self._close(RESTART, "The gateway is stopping.", GOING_AWAY)

    def _close(self, code: int, reason: str, theirs: int) -> None:
        """Close both sides for a reason of ours."""
        if self._closing:
            return
        self._part(a_close(theirs))
        self._send(a_close(code, reason))
        self._wait()

    def _part(self, goodbye: Frame) -> None:
        """Close the provider's side: at once, or when it has reported the usage so far."""
        self._goodbye = goodbye
        last_words = self._moderator.last_words()
        if last_words is None:
            self._say_goodbye()
            return
        self._provider.resume()
        for word in last_words:
            self.ask(word)
        self._loop.call_later(FAREWELL_SECONDS, self._say_goodbye)

    def _hear_out(self, frame: Frame) -> None:
        """The client is leaving, and we wait for the usage of the last answers."""
        if self._goodbye is None or frame.kind in (PING, PONG):
            return
        if frame.kind != CLOSE:
            self._look(frame)
        if frame.kind == CLOSE or self._moderator.last_words() is None:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        goodbye, self._goodbye = self._goodbye, None
        if goodbye is None:
            return
        self._provider.send(goodbye)
        self._provider.close()
        if self._left:
            self._end()

    def _wait(self) -> None:
        """Both sides got a close frame; the client has a moment to answer it."""
        self._closing = True
        self._listen_to_client()
        self._loop.call_later(FAREWELL_SECONDS, self._leave)

    def _leave(self) -> None:
        self._closing = True
        if self._client is not None:
            self._client.close()
        self._end()

    def _end(self) -> None:
        self._closing = self._left = True
        if self._ended or self._goodbye is not None:
            return
        self._ended = True
        self._ours.clear()
        self._behind.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._provider.close()
        # We do not wait for a provider that does not read what we sent.
        self._loop.call_later(FAREWELL_SECONDS, self._provider.abort)
        self._moderator.over()

    def _send(self, frame: Frame) -> None:
        if self._client is not None:
            self._client.send(frame)

    def _listen_to_client(self) -> None:
        """Pause the client while the provider reads slowly or too much is queued, else resume."""
        if self._client is None:
            return
        full = self._to_provider.slow or self._behind_bytes > MOST_BEHIND
        if full and not self._closing:
            self._client.pause()
        else:
            self._client.resume()

    def _tick(self) -> None:
        """Once a second: check that the caller is still welcome, and the time limits."""
        if self._closing:
            return
        now, heard_at = self._loop.time(), self._provider.heard_at
        overdue = self._clock.overdue(now, heard_at)
        if not self._moderator.welcome():
            self.revoke()
        elif overdue is not None:
            self._close(overdue.code, overdue.reason, GOING_AWAY)
        else:
            if self._clock.pings_now(now, heard_at):
                self._send(Frame(PING, PINGED))
                self._provider.send(Frame(PING, PINGED))
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
