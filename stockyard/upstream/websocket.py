"""A WebSocket to a provider: the handshake, then frames in both directions."""

import asyncio
import re
from collections.abc import Callable
from time import monotonic
from typing import Protocol, cast

from stockyard.errors import UpstreamError
from stockyard.upstream.frames import Frame, FrameFault, FrameReader, a_key, accepting, written

READ_BYTES = 64 * 1024
HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 64 * 1024
"""How much of a refusal is read, to tell what it says."""

Fields = list[tuple[bytes, bytes]]

_HEAD = re.compile(
    rb"HTTP/1\.1 ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n"
    rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n){0,256}+)\r\n"
)


class Listener(Protocol):
    """Gets the frames of the provider, and then how they ended; nothing after that."""

    def provider_said(self, frame: Frame) -> None: ...
    def provider_broke(self, fault: FrameFault) -> None: ...
    def provider_left(self) -> None: ...
    def provider_slow(self) -> None:
        """Send no more until `provider_ready`."""

    def provider_ready(self) -> None: ...


class HandshakeRefused(UpstreamError):
    """The provider refused the handshake with an ordinary HTTP answer."""

    def __init__(self, status: int, fields: Fields, body: bytes) -> None:
        super().__init__("bad_answer", "The provider did not open the connection.", status=status)
        self.fields = fields
        self.body = body


class WebSocket(asyncio.BufferedProtocol):
    """One connection. It is read once somebody listens, and no faster than the listener wants."""

    def __init__(self, head: bytes, cover: Callable[[bytes], bytes] = bytes) -> None:
        """`head` is that of the request up to its end, with neither upgrade nor key in it. `cover`
        takes out of what the provider says what nobody else may hear."""
        self._cover = cover
        self._key = a_key()
        self._head = head + (
            b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: %b\r\n\r\n" % self._key
        )
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._frames = FrameReader(masked=False)
        self._connected = False
        self._listener: Listener | None = None
        self._held = b""
        """What came before there was an answer, or anybody who listens."""
        self._over = False
        self.heard_at = monotonic()
        self.subprotocol = b""
        """The one that the provider chose."""
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when it is open; fails with an UpstreamError, such as HandshakeRefused."""
        # Whoever waited may have given up; an error then is of no interest.
        self.agreed.add_done_callback(lambda done: done.cancelled() or done.exception())

    def listen(self, listener: Listener) -> None:
        self._listener = listener
        held, self._held = self._held, b""
        self._read(held)
        if self._transport.is_closing():
            self._left()
        else:
            self._transport.resume_reading()

    def send(self, frame: Frame) -> None:
        if not self._transport.is_closing():
            self._transport.write(written(frame, masked=True))

    def pause(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Hang up, once what was sent has left."""
        self._over, self._listener = True, None
        self._transport.close()

    def abort(self) -> None:
        """Hang up at once, if there is a connection at all."""
        self._over, self._listener = True, None
        if self._connected:
            self._transport.abort()

    # What the event loop does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop has classes of its own
        self._connected = True
        self._transport.write(self._head)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._over:
            return
        self.heard_at = monotonic()
        data = self._buffer[:nbytes].tobytes()
        if self._listener is not None:
            self._read(data)
            return
        self._held += data
        if not self.agreed.done():
            self._judge()

    def eof_received(self) -> None:
        """The transport closes itself, and `connection_lost` follows."""

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.agreed.done():
            self._fail(UpstreamError("interrupted", "The provider closed the connection."))
        self._left()

    def _left(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._over = True
            listener.provider_left()

    def pause_writing(self) -> None:
        if self._listener is not None:
            self._listener.provider_slow()

    def resume_writing(self) -> None:
        if self._listener is not None:
            self._listener.provider_ready()

    # The handshake.

    def _judge(self) -> None:
        head = _HEAD.match(self._held)
        if head is None:
            if b"\r\n\r\n" in self._held or len(self._held) > HEAD_LIMIT:
                self._fail(_malformed())
            return
        lines = (line.partition(b":") for line in head[2].split(b"\r\n")[:-1])
        fields = [(name.lower(), value.strip()) for name, _, value in lines]
        if head[1] != b"101":
            self._refused(int(head[1]), fields, self._held[head.end() :])
            return
        said = dict(fields)
        accepted = said.get(b"sec-websocket-accept") == accepting(self._key)
        upgraded = said.get(b"upgrade", b"").lower() == b"websocket"
        if not accepted or not upgraded or b"sec-websocket-extensions" in said:
            self._fail(_malformed())
            return
        self.subprotocol = said.get(b"sec-websocket-protocol", b"")
        self._held = self._held[head.end() :]
        self._transport.pause_reading()
        self.agreed.set_result(None)

    def _refused(self, status: int, fields: Fields, body: bytes) -> None:
        """Tell of it once its body is there, or as much of it as anybody wants."""
        length = dict(fields).get(b"content-length", b"0")
        wanted = min(int(length), BODY_LIMIT) if length.isdigit() and len(length) < 10 else 0
        if len(body) >= wanted:
            covered = [(name, self._cover(value)) for name, value in fields]
            self._fail(HandshakeRefused(status, covered, self._cover(body[:wanted])))

    def _fail(self, error: UpstreamError) -> None:
        self._over = True
        self.agreed.set_exception(error)
        self._transport.abort()

    # Frames.

    def _read(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                if self._listener is not None:
                    self._listener.provider_said(frame._replace(data=self._cover(frame.data)))
        except FrameFault as fault:
            listener, self._listener = self._listener, None
            if listener is not None:
                listener.provider_broke(fault)


def _malformed() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's answer opens no WebSocket.")
