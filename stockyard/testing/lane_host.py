"""Lanes on a real socket, in front of two planes that do what a test tells them.

    with LaneHost() as host:
        with host.client() as client:
            client.send(a_request("POST /call/whole", b"hi"))
            assert client.answer().body == b"hi"

The data plane takes `/call/...`: `whole` answers with the body it was sent, `stream` begins an
answer that the test goes on with, `denied` is 401 without reading the body. All else goes to the
control plane, an ASGI app that answers `<method> <path> <body>`, piece by piece under `/pieces`,
and never under `/never`.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import uvloop
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from stockyard.errors import Refused
from stockyard.gateway.contract import Opening, Peer, Reply, Whole
from stockyard.gateway.front import Front
from stockyard.gateway.health import Health
from stockyard.gateway.http import Head, field_lines
from stockyard.gateway.limits import MIB, HttpLimits
from stockyard.gateway.server import Server, ServerSettings, bind

T = TypeVar("T")
TEXT = field_lines([(b"content-type", b"text/plain")])
PATIENCE_S = 5


def a_request(
    line: str, body: bytes = b"", *, version: str = "1.1", fields: tuple[str, ...] = ()
) -> bytes:
    """A request as bytes, with a Content-Length if it has a body."""
    lines = [f"{line} HTTP/{version}", "Host: gw.test", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes
    complete: bool = True


class Client:
    """A blocking client that is only a socket."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._read = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_bytewise(self, data: bytes) -> None:
        """Each byte in a packet of its own, until the server closes."""
        try:
            for at in range(len(data)):
                self.socket.send(data[at : at + 1])
        except OSError:
            pass  # a refused request is not read to its end

    def until(self, mark: bytes) -> bytes:
        """Everything up to and with `mark`. Raises EOFError when the server closes before it."""
        while (at := self._read.find(mark)) < 0:
            self._more()
        taken, self._read = self._read[: at + len(mark)], self._read[at + len(mark) :]
        return taken

    def take(self, count: int) -> bytes:
        while len(self._read) < count:
            self._more()
        taken, self._read = self._read[:count], self._read[count:]
        return taken

    def answer(self, *, to: str = "GET") -> Answer:
        """The next complete answer. Raises EOFError when there is none."""
        line, *lines = self.until(b"\r\n\r\n").decode("latin-1").strip().split("\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        status = int(line.split()[1])
        return Answer(status, fields, self._body(status, fields, to))

    def closed_by_server(self, within_s: float = PATIENCE_S) -> bool:
        """Whether the server closes; what it still sends is thrown away."""
        self.socket.settimeout(within_s)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass  # a reset is an end, too
        return True

    def _body(self, status: int, fields: dict[str, str], to: str) -> bytes:
        if to == "HEAD" or status in (204, 304) or status < 200:
            return b""
        if "content-length" in fields:
            return self.take(int(fields["content-length"]))
        if fields.get("transfer-encoding") != "chunked":
            return self._to_the_end()
        body = b""
        while size := int(self.until(b"\r\n"), 16):
            body += self.take(size)
            assert self.take(2) == b"\r\n"  # noqa: S101  the point of a test kit
        self.until(b"\r\n")
        return body

    def _to_the_end(self) -> bytes:
        try:
            while True:
                self._more()
        except EOFError:
            taken, self._read = self._read, b""
            return taken

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(self._read)
        self._read += data


@dataclass
class Call:
    """One call as the plane saw it, and what it was told about the client."""

    head: Head
    body: bytes
    reply: Reply
    peer: Peer
    told: list[str] = field(default_factory=list)
    pushed: int = 0
    paused: bool = False

    def gone(self) -> None:
        self.told.append("gone")

    def pause(self) -> None:
        self.paused = True
        self.told.append("pause")

    def resume(self) -> None:
        self.paused = False
        self.told.append("resume")

    def shutdown(self) -> None:
        self.told.append("shutdown")
        self.reply.finish(b"server_shutdown")


@dataclass(frozen=True)
class ScriptedOpening:
    plane: "ScriptedPlane"
    head: Head
    peer: Peer
    max_body: int = 1 * MIB

    def start(self, reply: Reply, body: bytes) -> Call | None:
        call = Call(self.head, body, reply, self.peer)
        self.plane.calls.append(call)
        if self.head.path == "/call/stream":
            reply.begin(200, TEXT, b"first")
            return call
        if self.head.path == "/call/slow":
            return call
        reply.whole(200, TEXT, body)
        return None

    def refuse(self, refusal: Refused) -> Whole:
        return Whole(refusal.status, TEXT, refusal.code.encode())


class ScriptedPlane:
    def __init__(self) -> None:
        self.generation = 0
        self.opened = 0
        self.calls: list[Call] = []
        self.requests: list[str] = []
        """What the control plane was asked."""

    def open(self, head: Head, peer: Peer) -> Opening | Whole | None:
        self.opened += 1
        if not head.path.startswith("/call/"):
            return None
        if head.path == "/call/denied":
            return Whole(401, TEXT, b"denied")
        return ScriptedOpening(self, head, peer)

    async def app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        self.requests.append(f"{scope['method']} {scope['path']}")
        body = b""
        more = scope["path"] != "/early"
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message["body"]
            more = message["more_body"]
        if scope["path"] == "/never":
            await receive()
            self.requests.append("disconnected")
            return
        text = f"{scope['method']} {scope['path']} ".encode() + body
        pieces = [text] if scope["path"] != "/pieces" else [text, b"!" * 10]
        length = [(b"content-length", str(len(text)).encode())] if len(pieces) == 1 else []
        await send({"type": "http.response.start", "status": 200, "headers": length})
        for left, piece in enumerate(pieces, 1 - len(pieces)):
            await send({"type": "http.response.body", "body": piece, "more_body": left < 0})


class LaneHost:
    """A Server in a thread of its own, on the loop that production uses."""

    def __init__(
        self,
        limits: HttpLimits | None = None,
        settings: ServerSettings | None = None,
        loading: Callable[[], object] = lambda: None,
    ) -> None:
        """`loading` is called where the control plane is built, before it is there."""
        self.plane = ScriptedPlane()
        self.front = Front(self.plane, Health("1.2.3"), limits or HttpLimits(tick_s=0.02))
        self.front.health.ready()
        settings = settings or ServerSettings(port=0, drain_s=0, fast_stop_s=0.5)
        listening = bind(settings)
        self.port: int = listening.getsockname()[1]
        self.server = Server(self.front, self._build, settings, listening)
        self._loading = loading
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.join()

    @contextmanager
    def client(self, *, receive_buffer: int | None = None) -> Iterator[Client]:
        with socket.socket() as connected:
            if receive_buffer is not None:
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connected.settimeout(PATIENCE_S)
            connected.connect(("127.0.0.1", self.port))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Client(connected)

    def do(self, act: Callable[[], T]) -> T:
        """Do something on the server's loop, and wait for it."""

        async def acting() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(acting(), self._loop).result(PATIENCE_S)

    def soon(self, holds: Callable[[], object]) -> bool:
        """Whether this comes true while a test can wait."""
        until = time.monotonic() + PATIENCE_S
        while not self.do(lambda: bool(holds())):
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True

    def stop(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.server.stop)

    def join(self) -> None:
        self._thread.join(PATIENCE_S * 2)
        assert not self._thread.is_alive()  # noqa: S101  the point of a test kit

    def _build(self) -> ASGI3Application:
        self._loading()
        return self.plane.app

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self.server.serve())
