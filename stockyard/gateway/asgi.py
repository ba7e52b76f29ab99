"""The same gateway as an ASGI app: under another server, or mounted in somebody's app.

Calls, modules and bytes are the same. Only the HTTP front differs: parsing is as strict, and as
fast, as that server.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stockyard.errors import Refused
from stockyard.gateway.asgi_socket import AsgiSocket
from stockyard.gateway.bodies import UnframedBody
from stockyard.gateway.contract import Opening, Peer, Plane, Reply, Running, Whole
from stockyard.gateway.health import Health
from stockyard.gateway.http import Head, HttpError, has_body, header_pairs, read_head
from stockyard.gateway.limits import HttpLimits
from stockyard.gateway.proxies import Proxies
from stockyard.gateway.realtime import Realtime
from stockyard.gateway.refusals import refusal, refused_by
from stockyard.gateway.spool import SpooledBody, spool_of
from stockyard.upstream.frames import a_key

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HIGH_BYTES = 64 * 1024
LOW_BYTES = 16 * 1024
LIMITS = HttpLimits()
_HOST = (b"host", b"localhost")
_MISSING = {
    "http": (_HOST,),
    "websocket": (
        _HOST,
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", a_key()),
    ),
}
"""Fields that our head parser requires and an ASGI server may leave out of its scope. The WebSocket
handshake is the server's own, so any valid one will do here."""


class GatewayApp:
    """Answers calls and probes; hands everything else to the control plane."""

    def __init__(
        self, plane: Plane, health: Health, control: App, proxies: Proxies | None = None
    ) -> None:
        """`proxies`: the trusted ones whose `Forwarded` fields the server has not applied yet."""
        self._plane = plane
        self._health = health
        self._control = control
        self._proxies = proxies or Proxies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._control(scope, receive, send)
            return
        found = self._find(scope)
        if found is None:
            await self._control(scope, receive, send)
        elif isinstance(found, Whole):
            await _answer(send, scope["method"], found)
        else:
            await self._call(scope, receive, send, found)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope)
        if found is None:
            await self._control(scope, receive, send)
            return
        socket = AsgiSocket(tuple(scope.get("extensions") or ()))
        running = None
        if isinstance(found, Realtime):
            running = found.begin(socket)
        else:
            message = "There is no WebSocket at this path."
            refused = Refused(404, "not_found", message)
            whole = found if isinstance(found, Whole) else found.refuse(refused)
            socket.whole(whole.status, whole.fields, whole.body)
        await socket.carry(send, receive, running)

    def _find(self, scope: Scope) -> Opening | Whole | None:
        """The answer to a request, or who takes its body; None if the control plane does."""
        try:
            return self._look_up(head_of(scope), _peer_of(scope))
        except HttpError as error:
            return refusal(error)

    def _look_up(self, head: Head, peer: Peer) -> Opening | Whole | None:
        if head.method in ("GET", "HEAD"):
            probe = self._health.answer(head.path)
            if probe is not None:
                return probe
        if self._proxies.trusts(peer.address):
            peer = self._proxies.client_of(head, peer)
        return self._plane.open(head, peer)

    async def _call(self, scope: Scope, receive: Receive, send: Send, opening: Opening) -> None:
        try:
            body = await _body(receive, opening)
        except HttpError as error:
            whole = refusal(error)
            if error.status == 413:
                whole = opening.refuse(refused_by(error))
            await _answer(send, scope["method"], whole)
            return
        if body is None:
            return
        reply = AsgiReply(scope["method"])
        running = opening.start(reply, body)
        await reply.carry(send, receive, running)


def head_of(scope: Scope) -> Head:
    """The head of a request, rebuilt from its ASGI scope. Raises HttpError."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    root = scope.get("root_path", "").encode()
    path = raw.partition(b"?")[0].removeprefix(root) or b"/"
    query: bytes = scope.get("query_string", b"")
    target = path + b"?" + query if query else path
    version = b"1.0" if scope.get("http_version") == "1.0" else b"1.1"
    fields = [(n, v) for n, v in scope["headers"] if not n.startswith(b":")]
    there = {name for name, _ in fields}
    fields += [pair for pair in _MISSING[scope["type"]] if pair[0] not in there]
    lines = b"".join(b"%b: %b\r\n" % pair for pair in fields)
    method = scope.get("method", "GET").encode()
    return read_head(b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version, lines), LIMITS)


def _peer_of(scope: Scope) -> Peer:
    host, port = scope.get("client") or ("", 0)
    return Peer(host, port, host in ("127.0.0.1", "::1"))


async def _body(receive: Receive, opening: Opening) -> bytes | None:
    """The whole body; None when the client left before its end. Raises HttpError."""
    collected, spool = UnframedBody(opening.max_body), spool_of(opening)
    body = collected if spool is None else SpooledBody(collected, spool)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body.feed(message.get("body", b""))
        if not message.get("more_body"):
            return body.complete()


async def _answer(send: Send, method: str, whole: Whole) -> None:
    body = whole.body if has_body(method, whole.status) else b""
    fields = [*header_pairs(whole.fields), (b"content-length", b"%d" % len(whole.body))]
    await send({"type": "http.response.start", "status": whole.status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


class AsgiReply(Reply):
    """Collects what the call writes, and sends it as fast as the server takes it."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._messages: deque[Message] = deque()
        self._waiting = 0
        self._more = asyncio.Event()
        self._over = False
        self._running: Running | None = None
        self._paused = False

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._start(status, [*header_pairs(fields), (b"content-length", b"%d" % len(body))])
        self._put(body if has_body(self._method, status) else b"", last=True)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._start(status, header_pairs(fields))
        self._put(first, last=False)

    def push(self, data: bytes) -> None:
        if data:
            self._put(data, last=False)

    def finish(self, last: bytes = b"") -> None:
        self._put(last, last=True)

    def cut(self) -> None:
        """An unfinished answer makes the server abort the connection."""
        self._over = True
        self._more.set()

    def _start(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self._messages.append({"type": "http.response.start", "status": status, "headers": fields})

    def _put(self, data: bytes, *, last: bool) -> None:
        if self._over:
            return
        self._over = last
        self._messages.append({"type": "http.response.body", "body": data, "more_body": not last})
        self._waiting += len(data)
        if self._waiting > HIGH_BYTES and not self._paused and self._running is not None:
            self._paused = True
            self._running.pause()
        self._more.set()

    async def carry(self, send: Send, receive: Receive, running: Running | None) -> None:
        """Send until the answer is complete or the client has gone."""
        self._running = running
        watch = asyncio.ensure_future(self._watch(receive))
        try:
            while not (self._over and not self._messages):
                await self._more.wait()
                self._more.clear()
                while self._messages:
                    message = self._messages.popleft()
                    await send(message)
                    self._sent(len(message.get("body", b"")))
        finally:
            watch.cancel()
            self._gone()

    def _sent(self, size: int) -> None:
        self._waiting -= size
        if self._paused and self._waiting < LOW_BYTES and self._running is not None:
            self._paused = False
            self._running.resume()

    async def _watch(self, receive: Receive) -> None:
        """Notice that the client leaves, from the first moment on."""
        while (await receive())["type"] != "http.disconnect":
            continue
        self._gone()
        self._over = True
        self._messages.clear()
        self._more.set()

    def _gone(self) -> None:
        running, self._running = self._running, None
        if running is not None and not self._over:
            running.gone()
