"""The control socket: how the command line reaches the server.

A Unix socket in the data folder, mode 0600 in a folder of mode 0700. The kernel reports who
connects: the server's own user and root may do everything, nobody else may connect. There is no
token that could be stolen.
"""

import asyncio
import os
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from stockyard.errors import CannotStart, StockyardError
from stockyard.gateway.contract import Whole
from stockyard.gateway.server import Server
from stockyard.process.handover import RELEASE, REPLACED, TAKE_BACK, HandOver
from stockyard.process.reloading import Reloading
from stockyard.process.socketpath import NAME, PROCESS, short_path

PATIENCE = 10.0
"""Seconds that a request waits while the control plane is loading."""
MAX_BODY = 64 << 10
MAX_GRACE = 3_600.0
KEEP_ALIVE = 86_400
"""`stockyard stop` keeps its connection open to see the process end."""
PEER_CREDENTIALS = {"linux": (socket.SOL_SOCKET, 17, "3i"), "darwin": (0, 1, "2I")}
"""Socket option with the client's user id (`SO_PEERCRED`, `LOCAL_PEERCRED`): level, option, and
the format of the value, whose second number is the id."""
PEER_BYTES = 76


Command = Callable[[Any, Any], Awaitable[None]]
"""Gets ASGI's `receive` and `send`."""


class Stop(Struct, frozen=True, forbid_unknown_fields=True):
    """What `stockyard stop` and `restart` send."""

    grace_seconds: float | None = None


class Process(Struct):
    """The process id, for whoever waits for a new process."""

    pid: int
    began_ns: int
    failed_restarts: int = 0


class ControlSocket:
    """Answers health checks, carries out commands, and passes everything else to the control
    plane."""

    def __init__(
        self,
        plane: "asyncio.Future[Any]",
        probe: Callable[[str], Whole | None],
        server: Server,
        restart: Callable[[], None],
        reloading: Reloading,
        hand_over: HandOver,
    ) -> None:
        """`plane` is the control plane once it is built; `probe` answers health checks."""
        self._plane = plane
        self._probe = probe
        self._gateway = server
        self._reloading = reloading
        self._hand_over = hand_over
        self._process = Process(pid=os.getpid(), began_ns=time.time_ns())
        self._server: asyncio.AbstractServer | None = None
        self._path: Path | None = None
        self._as_os_user: Any = None
        self._commands: dict[tuple[str, str], Command] = {
            ("GET", PROCESS): self._tell_process,
            ("POST", "/control/stop"): partial(self._end, server.stop),
            ("POST", "/control/restart"): partial(self._end, restart),
            ("POST", "/control/reload"): self._reload,
            ("POST", RELEASE): self._release,
            ("POST", REPLACED): self._replaced,
            ("POST", TAKE_BACK): self._take_back,
        }

    async def open(self, folder: Path) -> None:
        """Listen in this folder, which is ours alone and locked. Raises CannotStart (73)."""
        config = Config(
            self._answer,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        config.load()
        state = ServerState()
        path = folder / NAME
        try:
            listening = listen(path)
            self._server = await asyncio.get_running_loop().create_unix_server(
                lambda: OwnerOnly(config, state, {}), sock=listening
            )
        except OSError as error:
            raise CannotStart(
                73, f"Cannot make the control socket ({path}): {error.strerror}."
            ) from error
        self._path = path

    def close(self) -> None:
        """Remove the socket. Open connections end with the process."""
        if self._server is not None:
            self._server.close()
        path, self._path = self._path, None
        if path is not None:
            # The folder may be read-only by now; the next process replaces the socket anyway.
            with suppress(OSError):
                path.unlink()

    def restart_failed(self) -> None:
        """The process that was to take over has ended before that."""
        self._process.failed_restarts += 1

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        probe = self._probe(scope["path"])
        if probe is not None:
            await answer(send, probe.status, probe.body)
        elif scope["path"].startswith("/control/"):
            await self._control(scope["method"], scope["path"], receive, send)
        else:
            await self._ask_plane(scope, receive, send)

    async def _control(self, method: str, path: str, receive: Any, send: Any) -> None:
        command = self._commands.get((method, path))
        if command is None:
            await answer(send, 404, b'{"code":"not_found","detail":"There is no such command."}')
        else:
            await command(receive, send)

    # Commands

    async def _tell_process(self, receive: Any, send: Any) -> None:
        await answer(send, 200, msgspec.json.encode(self._process))

    async def _end(self, how: Callable[[], None], receive: Any, send: Any) -> None:
        """Stop, or restart: after at most `grace_seconds`."""
        try:
            wanted = msgspec.json.decode(await body_of(receive) or b"{}", type=Stop)
        except msgspec.MsgspecError as error:
            await answer(send, 400, msgspec.json.encode({"code": "invalid", "detail": str(error)}))
            return
        await answer(send, 202, b'{"stopping":true}')
        how()
        if wanted.grace_seconds is not None:
            grace = min(max(wanted.grace_seconds, 0), MAX_GRACE)
            asyncio.get_running_loop().call_later(grace, self._gateway.hurry)

    async def _release(self, receive: Any, send: Any) -> None:
        try:
            snapshot = await self._hand_over.release(self)
        except (StockyardError, TimeoutError):
            await answer(send, 503, b"{}")
        else:
            await answer(send, 200, msgspec.json.encode(snapshot))

    async def _replaced(self, receive: Any, send: Any) -> None:
        await answer(send, 200, b"{}")
        self._hand_over.replaced()

    async def _take_back(self, receive: Any, send: Any) -> None:
        await answer(send, 200, b"{}")
        await self._hand_over.take_back(self)

    async def _reload(self, receive: Any, send: Any) -> None:
        try:
            done = await self._reloading.asked_by("stockyard reload")
        except StockyardError as error:
            refused = {"code": "invalid", "detail": error.message}
            await answer(send, 422, msgspec.json.encode(refused))
        else:
            await answer(send, 200, msgspec.json.encode(done))

    async def _ask_plane(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                plane = await asyncio.shield(self._plane)
        except TimeoutError:
            late = {"code": "starting", "detail": "The control plane is still loading."}
            await answer(send, 503, msgspec.json.encode(late))
            return
        if self._as_os_user is None:
            # Late: it brings the API framework, which is loaded by now.
            from stockyard.api import AsOsUser

            self._as_os_user = AsOsUser(plane)
        await self._as_os_user(scope, receive, send)


class OwnerOnly(HttpToolsProtocol):
    """uvicorn's protocol, for the server's own user and for root."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrower than its type says
        super().connection_made(transport)
        if peer_uid(transport.get_extra_info("socket")) not in (0, os.geteuid()):
            transport.abort()


def peer_uid(connection: Any) -> int | None:
    """The user at the other end, as the kernel says. None where it does not."""
    level, option, layout = PEER_CREDENTIALS.get(sys.platform, (0, 0, ""))
    if not layout:
        return None
    found = connection.getsockopt(level, option, PEER_BYTES)
    return int(struct.unpack_from(layout, found)[1])


def listen(path: Path) -> socket.socket:
    """Whatever has the name was left by a process that is gone: the folder is locked by us."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_path(path) as short:
            listening.bind(short)
        path.chmod(0o600)
        listening.listen(64)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


async def body_of(receive: Any) -> bytes:
    body = b""
    while len(body) < MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


async def answer(send: Any, status: int, body: bytes) -> None:
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
