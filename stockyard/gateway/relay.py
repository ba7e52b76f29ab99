"""Carry a realtime session: frames both ways, each side at the pace of the other.

Messages pass as they are, in the pieces in which they came. Each side has a connection of its own:
pings are answered here and not passed on, each is pinged after a silence, and what one side closes
with is what the other is closed with. The texts of both are shown to whoever keeps the session, who
may let what the client asks for wait, or stop it.

Nothing waits here without a bound: a side that reads slowly stops the other one, and a message that
is being judged stops its own.
"""

import asyncio
from collections import deque
from typing import Protocol

from msgspec import Struct

from stockyard.upstream.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
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
PING_SECONDS = 20.0
DEAD_SECONDS = 60.0
"""How long a side may be silent although it is pinged."""
FAREWELL_SECONDS = 1.0
"""How long a side may take to close after it was told to."""
MOST_WAITING = 64
"""Messages of our own that wait at most for the end of one that comes in pieces."""
POLICY = 1008
MOST_REASON = 100
"""Characters of a reason; all that stands in a close frame has 125 bytes."""
REVOKED = 4401
TIMED_OUT = 4408
RESTART = 1012
PINGED = b"stockyard"
WATCHED_BYTES = 1024 * 1024
"""The longest message of the provider that is looked at; those that end answers are far shorter."""


MOST_BEHIND = 256 * 1024
"""Bytes of the client that are kept while a message before them is judged."""
FRAME_BYTES = 100
"""What a kept frame takes beside its data."""
MOST_AT_ONCE = 32
"""Frames of the client that are taken in one turn of the event loop: each may ask for an answer,
and to judge that takes a while."""


class Client(Protocol):
    """The connection to the client, as frames."""

    def send(self, frame: Frame) -> None: ...
    def pause(self) -> None:
        """Read no more until `resume`. What was read already may still come."""

    def resume(self) -> None: ...
    def close(self) -> None:
        """Hang up, once what was sent has left."""


class Keeper(Protocol):
    """Who keeps the session. It hears the texts of both sides."""

    def welcome(self) -> bool:
        """Whether the caller may still be here."""

    def client_said(self, message: bytes) -> bool | None:
        """Whether this goes on to the provider. None: it waits until `Relay.go_on`."""

    def provider_said(self, message: bytes) -> None: ...
    def last_words(self) -> list[bytes]:
        """What makes the provider end the answers that are under way. It then tells what they
        used; without that, who reads an answer and leaves before its end would pay nothing."""

    def over(self) -> None:
        """Comes once, and nothing after it."""


class Lasting(Struct, frozen=True):
    """How long a session may last."""

    idle_seconds: float = 900.0
    """Without a message from either side."""
    total_seconds: float = 3600.0


class _Words:
    """What we say ourselves to one side.

    Not in the middle of a message that comes in pieces, and not while that side reads slowly: it
    might ask for more of it than it ever reads.
    """

    def __init__(self) -> None:
        self.slow = False
        self._midway = False
        self._waiting: list[Frame] = []

    def say(self, message: bytes) -> list[Frame]:
        """What may be sent now. What is too much to wait is not said."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(Frame(TEXT, message))
        return self._free()

    def after(self, frame: Frame) -> list[Frame]:
        """The same, once this frame of a message was sent."""
        self._midway = not frame.final
        return self._free()

    def ready(self) -> list[Frame]:
        """The same, once that side reads again."""
        self.slow = False
        return self._free()

    def _free(self) -> list[Frame]:
        if self._midway or self.slow:
            return []
        free, self._waiting = self._waiting, []
        return free


class Relay:
    """Between the client's side of the connection and the provider's, whose Listener it is."""

    def __init__(
        self, provider: WebSocket, keeper: Keeper, lasting: Lasting, *, binary: bool = False
    ) -> None:
        """`binary`: what the keeper hears comes as bytes, too."""
        self._provider = provider
        self._keeper = keeper
        self._lasting = lasting
        self._kinds = (TEXT, BINARY) if binary else (TEXT,)
        self._client: Client | None = None
        self._loop = asyncio.get_running_loop()
        self._theirs: list[bytes] | None = None
        """The message of the provider that is under way, as long as it may be looked at."""
        self._size = 0
        self._ours: list[Frame] = []
        """The text of the client that is under way, or that waits."""
        self._waits = False
        self._behind: deque[Frame] = deque()
        """What came behind a message that waits."""
        self._behind_bytes = 0
        self._to_client, self._to_provider = _Words(), _Words()
        self._began = self._spoken = self._heard_at = self._pinged_at = self._loop.time()
        self._closing = False
        self._goodbye: Frame | None = None
        """What the provider is closed with, once it has told what the last answers used."""
        self._left = False
        """The client has."""
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None

    # The client's side.

    def connected(self, client: Client) -> None:
        self._client = client
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
        self._provider.listen(self)

    def client_said(self, frame: Frame) -> None:
        self._heard_at = self._loop.time()
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
        elif not self._keeper.welcome():
            self.revoke()
        elif (self._waits or self._behind) and frame.kind != PONG:
            self._behind.append(frame)
            self._behind_bytes += len(frame.data) + FRAME_BYTES
            self._listen_to_client()
        elif frame.kind != PONG:
            self._spoken = self._heard_at
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
        """Pass a frame on, a text once it is complete: it may ask for what must be judged."""
        if frame.kind not in self._kinds and not self._ours:
            self._pass_on(frame)
            return
        self._ours.append(frame)
        if not frame.final:
            return
        passes = self._keeper.client_said(b"".join([part.data for part in self._ours]))
        if passes is None:
            self._waits = True
        else:
            self._decide(passes=passes)

    def go_on(self, *, passes: bool) -> None:
        """A message that waited is judged."""
        if self._closing:
            return
        self._waits = False
        self._decide(passes=passes)
        self._catch_up()

    def _catch_up(self) -> None:
        """Take what came behind, some of it in each turn of the event loop."""
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
        """Say something to the client that the provider did not say."""
        if self._closing:
            return
        for word in self._to_client.say(message):
            self._send(word)

    def ask(self, message: bytes) -> None:
        """Say something to the provider that the client did not say."""
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
            self._spoken = self._loop.time()
            self._send(frame)
            for word in self._to_client.after(frame):
                self._send(word)
            self._look(frame)

    def provider_broke(self, fault: FrameFault) -> None:
        self._close(FAULT, "The provider broke the protocol.", fault.code)

    def provider_left(self) -> None:
        self._say_goodbye()  # if anything more of it was waited for
        self._close(FAULT, "The provider closed the connection.", GOING_AWAY)

    def provider_slow(self) -> None:
        self._to_provider.slow = True
        self._listen_to_client()

    def provider_ready(self) -> None:
        for word in self._to_provider.ready():
            self._provider.send(word)
        self._listen_to_client()

    def _look(self, frame: Frame) -> None:
        """Keep the message that the frame belongs to, and tell of it when it is complete."""
        if frame.kind != CONTINUATION:
            self._theirs = [] if frame.kind in self._kinds else None
            self._size = 0
        if self._theirs is None:
            return
        self._size += len(frame.data)
        self._theirs.append(frame.data)
        if self._size > WATCHED_BYTES:
            self._theirs = None
        elif frame.final:
            message, self._theirs = self._theirs, None
            self._keeper.provider_said(b"".join(message))

    # How it ends.

    def revoke(self) -> None:
        self._close(REVOKED, "This Key is not valid any more.", GOING_AWAY)

    def refuse(self, reason: str) -> None:
        """End it for a rule that there is no other way to tell of."""
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
        """Say goodbye to the provider: at once, or when it has told what was used until now."""
        self._goodbye = goodbye
        last_words = self._keeper.last_words()
        if not last_words:
            self._say_goodbye()
            return
        self._provider.resume()
        for word in last_words:
            self.ask(word)
        self._loop.call_later(FAREWELL_SECONDS, self._say_goodbye)

    def _hear_out(self, frame: Frame) -> None:
        """The client is leaving, and the provider tells what the last answers used."""
        if self._goodbye is None or frame.kind in (PING, PONG):
            return
        if frame.kind != CLOSE:
            self._look(frame)
        if frame.kind == CLOSE or not self._keeper.last_words():
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
        """Both sides were told; the client has a moment to say goodbye, too."""
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
        # A provider that does not take what was sent is not waited for.
        self._loop.call_later(FAREWELL_SECONDS, self._provider.abort)
        self._keeper.over()

    def _send(self, frame: Frame) -> None:
        if self._client is not None:
            self._client.send(frame)

    def _listen_to_client(self) -> None:
        """Read on, or not: while the provider takes nothing, or much waits to be judged."""
        if self._client is None:
            return
        full = self._to_provider.slow or self._behind_bytes > MOST_BEHIND
        if full and not self._closing:
            self._client.pause()
        else:
            self._client.resume()

    def _tick(self) -> None:
        """Once a second: whether everybody is still there, and may be."""
        if self._closing:
            return
        now = self._loop.time()
        silent = now - min(self._heard_at, self._provider.heard_at)
        if not self._keeper.welcome():
            self.revoke()
        elif now - self._began > self._lasting.total_seconds:
            self._close(TIMED_OUT, "The session has lasted too long (timeout.session).", GOING_AWAY)
        elif now - self._spoken > self._lasting.idle_seconds:
            self._close(TIMED_OUT, "Nobody says anything (timeout.session_idle).", GOING_AWAY)
        elif silent > DEAD_SECONDS:
            self._close(FAULT, "The other side fell silent.", GOING_AWAY)
        else:
            if silent > PING_SECONDS and now - self._pinged_at > PING_SECONDS:
                self._pinged_at = now
                self._send(Frame(PING, PINGED))
                self._provider.send(Frame(PING, PINGED))
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
