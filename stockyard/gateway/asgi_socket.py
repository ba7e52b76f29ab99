"""The client's side of a realtime session under a foreign ASGI server.

The server handles the WebSocket protocol, including pings, and exchanges whole messages with us, so
they are converted to and from frames. The queue for a client that reads slowly is bounded, because
the provider's side is paused.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from stockyard.gateway.contract import Running
from stockyard.gateway.http import header_pairs
from stockyard.gateway.relay import FAREWELL_SECONDS, Relay
from stockyard.upstream.frames import (
    BINARY,
    CLOSE,
    MAX_MESSAGE,
    NO_CODE,
    PING,
    PONG,
    TEXT,
    TOO_LARGE,
    Frame,
    FrameFault,
    a_close,
    close_in,
    may_close_with,
)

Message = MutableMapping[str, Any]

HIGH_BYTES = 256 * 1024
LOW_BYTES = 64 * 1024
NORMAL, POLICY = 1000, 1008
REFUSALS = "websocket.http.response"
"""The ASGI extension with which a server can send an HTTP answer of ours as a refusal."""


class AsgiSocket:
    """An Upgrade, and the ClientSocket of the Relay that it leads to."""

    def __init__(self, extensions: Sequence[str]) -> None:
        self._explains = REFUSALS in extensions
        self._relay: Relay | None = None
        self._messages: deque[tuple[Message, int]] = deque()
        self._waiting = 0
        """Bytes of messages that the server has not taken yet."""
        self._slow = False
        self._pieces: list[bytes] = []
        self._kind = TEXT
        self._more = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()
        self._last = False
        """Nothing comes after what is queued."""
        self._sending: asyncio.Task[None] | None = None

    # The Upgrade.

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        if self._explains:
            head = [*header_pairs(fields), (b"content-length", b"%d" % len(body))]
            self._put({"type": f"{REFUSALS}.start", "status": status, "headers": head})
            self._put({"type": f"{REFUSALS}.body", "body": body})
        else:
            self._put({"type": "websocket.close", "code": POLICY, "reason": f"Refused: {status}."})
        self._end()

    def switch(self, subprotocol: bytes, fields: bytes, relay: Relay) -> bool:
        if self._last:
            return False
        chosen = subprotocol.decode("latin-1") or None
        head = header_pairs(fields)
        self._put({"type": "websocket.accept", "subprotocol": chosen, "headers": head})
        self._relay = relay
        relay.connected(self)
        return True

    # The ClientSocket.

    def send(self, frame: Frame) -> None:
        if frame.kind == CLOSE:
            code, reason = close_in(frame.data)
            code = NORMAL if code == NO_CODE else code
            self._put({"type": "websocket.close", "code": code, "reason": reason})
            self._end()
        elif frame.kind == PING:
            # The server looks after its client itself.
            asyncio.get_running_loop().call_soon(self._heard, Frame(PONG, frame.data))
        elif frame.kind != PONG:
            self._collect(frame)

    def pause(self) -> None:
        self._reads.clear()

    def resume(self) -> None:
        self._reads.set()

    def close(self) -> None:
        self._end()
        if self._sending is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(FAREWELL_SECONDS, self._sending.cancel)

    def _collect(self, frame: Frame) -> None:
        """Servers take whole messages only."""
        if frame.kind in (TEXT, BINARY):
            self._kind = frame.kind
        self._pieces.append(frame.data)
        if not frame.final:
            return
        data, self._pieces = b"".join(self._pieces), []
        said: Message = {"type": "websocket.send", "bytes": data}
        if self._kind == TEXT:
            said = {"type": "websocket.send", "text": data.decode()}
        self._put(said, len(data))

    def _put(self, message: Message, size: int = 0) -> None:
        if self._last:
            return
        self._messages.append((message, size))
        self._waiting += size
        if self._waiting > HIGH_BYTES and not self._slow and self._relay is not None:
            self._slow = True
            self._relay.client_slow()
        self._more.set()

    def _end(self) -> None:
        self._last = True
        self._more.set()
        self._reads.set()

    # What the server does.

    async def carry(
        self,
        send: Callable[[Message], Awaitable[None]],
        receive: Callable[[], Awaitable[Message]],
        running: Running | None,
    ) -> None:
        """Until the session is over."""
        self._sending = asyncio.ensure_future(self._send_all(send))
        listening = asyncio.ensure_future(self._listen(receive, running))
        try:
            await asyncio.wait((self._sending,))
        finally:
            listening.cancel()
            self._sending.cancel()
            if self._relay is not None:
                self._relay.client_left()
            elif running is not None and not self._last:
                running.gone()

    async def _send_all(self, send: Callable[[Message], Awaitable[None]]) -> None:
        while not (self._last and not self._messages):
            await self._more.wait()
            self._more.clear()
            while self._messages:
                message, size = self._messages.popleft()
                try:
                    await send(message)
                except OSError:  # what servers raise when the client has left
                    self._messages.clear()
                    self._end()
                    return
                self._sent(size)

    def _sent(self, size: int) -> None:
        self._waiting -= size
        if self._slow and self._waiting < LOW_BYTES and self._relay is not None:
            self._slow = False
            self._relay.client_ready()

    async def _listen(
        self, receive: Callable[[], Awaitable[Message]], running: Running | None
    ) -> None:
        while True:
            # A server that has messages already gives them out in the same turn of the event loop.
            await asyncio.sleep(0)
            await self._reads.wait()
            message = await receive()
            if message["type"] == "websocket.receive":
                self._said(message)
            elif message["type"] == "websocket.disconnect":
                self._left(message, running)
                return

    def _said(self, message: Message) -> None:
        text = message.get("text")
        data: bytes = message.get("bytes") or b"" if text is None else text.encode()
        if self._relay is not None and len(data) > MAX_MESSAGE:
            fault = FrameFault(TOO_LARGE, f"A message has more than {MAX_MESSAGE} bytes.")
            self._relay.client_broke(fault)
        else:
            self._heard(Frame(BINARY if text is None else TEXT, data))

    def _heard(self, frame: Frame) -> None:
        if self._relay is not None:
            self._relay.client_said(frame)

    def _left(self, message: Message, running: Running | None) -> None:
        """There is nobody left to send anything to."""
        self._messages.clear()
        self._end()
        if self._relay is None:
            if running is not None:
                running.gone()
            return
        code = message.get("code") or NO_CODE
        if code == NO_CODE or may_close_with(code):
            self._heard(a_close(code, message.get("reason") or ""))
        self._relay.client_left()
