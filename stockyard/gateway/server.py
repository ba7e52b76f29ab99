"""Listen, serve both planes on one port, and stop without losing an answer.

A subclass of uvicorn's Server that differs where a gateway must: the socket is bound before
anything is loaded, the control plane is loaded while calls are already served, a requested stop
ends with exit code 0, and stopping follows `reliability.md` 9.2.
"""

import asyncio
import contextlib
import errno
import functools
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn
from msgspec import Struct
from uvicorn._types import ASGI3Application

from stockyard.errors import CannotStart
from stockyard.gateway.front import Front
from stockyard.gateway.lane import Lane
from stockyard.gateway.late_app import LateApp

SIGNALS = (signal.SIGTERM, signal.SIGINT)
RESERVED_FILES = 512
"""File descriptors that are not for connections: database, journal, logs, libraries."""


class Tls(Struct, frozen=True, kw_only=True):
    certificate: Path
    key: Path
    handshake_timeout_s: float = 10


class ServerSettings(Struct, frozen=True, kw_only=True):
    host: str = "127.0.0.1"
    port: int = 4200
    backlog: int = 2048
    tls: Tls | None = None
    predrain_s: float = 0
    """How long to keep serving after `/readyz` fails, so that a load balancer notices."""
    drain_s: float = 30
    """How long running calls may take to finish."""
    hard_stop_s: float = 60
    """Upper bound for the whole stop, whatever the other limits add up to."""
    fast_stop_s: float = 3
    """How long connections may take to close once their calls were ended, or after a second
    signal."""
    app_patience_s: float = 10
    """How long a request waits for the control plane while that is still loading."""


def bind(settings: ServerSettings) -> socket.socket:
    """The socket to listen on. Raises CannotStart with the exit code of the reason."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(settings.backlog)
    except OSError as error:
        listening.close()
        raise _cannot_bind(error, settings) from error
    listening.setblocking(False)
    return listening


def _cannot_bind(error: OSError, settings: ServerSettings) -> CannotStart:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return CannotStart(69, f"Port in use ({where}): stop the other program, or choose a port.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return CannotStart(77, f"Port not permitted ({where}): choose a port above 1023.")
    if isinstance(error, socket.gaierror):
        return CannotStart(78, f"Not an address ({where}): give an IP address to listen on.")
    return CannotStart(69, f"Address unavailable ({where}): give an address of this machine.")


def connections_allowed(wanted: int) -> int:
    """How many connections the operating system allows, after raising its limit to the maximum."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(1, min(wanted, (hard - RESERVED_FILES) // 2))


class Server(uvicorn.Server):
    def __init__(
        self,
        front: Front,
        build_app: Callable[[], ASGI3Application],
        settings: ServerSettings,
        listening: socket.socket,
    ) -> None:
        self.front = front
        self.settings = settings
        self._listening = listening
        self._late_app = LateApp(build_app, settings.app_patience_s)
        self._asked_to_stop = asyncio.Event()
        self._asked_to_hurry = asyncio.Event()
        self._gently = False
        super().__init__(_config(self._late_app, front, settings))

    # Start

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal or `stop`. Returns when everything is closed."""
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.servers: list[asyncio.base_events.Server] = [await self._accept()]
        self.started = True
        self._loading = loop.create_task(self._late_app.load())
        self._loading.add_done_callback(self._loaded)

    async def _accept(self) -> asyncio.base_events.Server:
        tls = self.settings.tls
        return await asyncio.get_running_loop().create_server(
            self._new_lane,
            # A copy, because the server closes it, and the socket is needed again after a pause.
            sock=self._listening.dup(),
            backlog=self.settings.backlog,
            ssl=self.config.ssl,
            ssl_handshake_timeout=tls.handshake_timeout_s if tls else None,
        )

    def _new_lane(self) -> Lane:
        return Lane(
            self.front,
            config=self.config,
            server_state=self.server_state,
            app_state={},
        )

    async def main_loop(self) -> None:
        await self._asked_to_stop.wait()

    def _loaded(self, loading: asyncio.Task[None]) -> None:
        if not loading.cancelled() and loading.exception() is not None:
            # Without a control plane the gateway would look healthy. `shutdown` raises the reason.
            self.stop()

    # Pause

    def pause(self) -> None:
        """Accept no connections and delay requests to the control plane. New connections wait in
        the backlog of the socket."""
        for server in self.servers:
            server.close()
        self._late_app.hold()

    async def resume(self) -> None:
        """Go on as before `pause`."""
        self.servers = [await self._accept()]
        self._late_app.let_go()

    # Stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals stop the server; the process itself goes on to its own end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    def _signalled(self, number: int) -> None:
        if self._asked_to_hurry.is_set():
            # Recovery handles the rest at the next start.
            os._exit(128 + number)
        self.stop()

    def stop(self) -> None:
        """Stop gracefully; when called again, within `fast_stop_s`."""
        self._stop()

    def leave(self) -> None:
        """Stop because another process takes over: requests that still arrive here are served."""
        self._gently = True
        self._stop()

    def hurry(self) -> None:
        """Take no longer than `fast_stop_s` from now. Does nothing unless we are stopping."""
        if self._asked_to_stop.is_set():
            self._asked_to_hurry.set()

    def _stop(self) -> None:
        self.hurry()
        self._asked_to_stop.set()

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        front, settings = self.front, self.settings
        until = asyncio.get_running_loop().time() + settings.hard_stop_s
        front.health.not_ready("draining")
        if not self._gently:
            await self._hurried_within(_at_most(settings.predrain_s, until))
        for server in self.servers:
            server.close()
        if not self._gently:
            self._listening.close()
        front.drain(gently=self._gently)
        for websocket in list(self.server_state.connections):
            websocket.shutdown()
        if not await self._empty_within(_at_most(settings.drain_s, until), may_hurry=True):
            front.shutdown()
            await self._empty_within(_at_most(settings.fast_stop_s, until), may_hurry=False)
        await self._end()

    async def _end(self) -> None:
        self.front.abort()
        tasks = [*self.server_state.tasks, self._loading]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1)
        # The transports report their end to the lanes in the next turn of the loop.
        await self._empty_within(1, may_hurry=False)
        self.front.clock.stop()
        if not self._loading.cancelled():
            self._loading.result()

    async def _hurried_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._asked_to_hurry.wait()
        except TimeoutError:
            return False
        return True

    async def _empty_within(self, seconds: float, *, may_hurry: bool) -> bool:
        """Wait until no connection is left. Returns whether none is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self.front.lanes and loop.time() < until:
            if may_hurry and self._asked_to_hurry.is_set():
                return False
            await asyncio.sleep(0.02)
        return not self.front.lanes


def _at_most(seconds: float, until: float) -> float:
    """`seconds`, but no longer than until a time of the loop's clock."""
    return max(0.0, min(seconds, until - asyncio.get_running_loop().time()))


def _config(app: LateApp, front: Front, settings: ServerSettings) -> uvicorn.Config:
    tls = settings.tls
    try:
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=functools.partial(Lane, front),  # type: ignore[arg-type]  # narrower than its type says
            # Without WebSockets, no library for them is loaded.
            ws="auto" if front.websocket_paths else "none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=settings.backlog,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
            # Otherwise OpenSSL would ask for a passphrase on the terminal, and we would hang.
            ssl_keyfile_password="none",  # noqa: S106  no secret, and never a right one
        )
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(78, _no_tls(tls, error)) from error
    return config


def _no_tls(tls: Tls | None, error: OSError) -> str:
    """Why TLS cannot be used, in terms an operator can act on: OpenSSL does not name the file."""
    for path in (tls.certificate, tls.key) if tls else ():
        if not os.access(path, os.R_OK):
            return f"TLS cannot be used: {path} does not exist, or may not be read."
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return "TLS cannot be used: the key does not belong to the certificate."
    return (
        "TLS cannot be used: certificate and key must be PEM files, the key without a passphrase."
    )
