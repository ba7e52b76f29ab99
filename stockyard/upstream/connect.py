"""Open a connection: resolve the name, check every address, race them, pass a proxy, start TLS.

Each step has its own deadline, and each failure becomes an UpstreamError with `nothing_sent`. We
connect to an address that the guard has just allowed, never to a name.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from stockyard.core.outbox import Outbox
from stockyard.errors import EgressDenied, UpstreamError
from stockyard.upstream.connection import READ_BYTES, Connection
from stockyard.upstream.guard import Guard, Permission
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Timers
from stockyard.upstream.proxy import Proxy
from stockyard.upstream.race import race
from stockyard.upstream.resolve import Resolver
from stockyard.upstream.tls import TlsSettings, tls_context, tls_failure
from stockyard.upstream.tunnel import Tunnel, connect_head
from stockyard.upstream.url import Address, Url

_PROXY_PERMISSION = Permission(operator=True, allow_private=True)
_SHUTDOWN_SECONDS = 1.0
_MAX_CONTEXTS = 256


class Dialer:
    def __init__(self, guard: Guard, resolver: Resolver) -> None:
        self._guard = guard
        self._resolver = resolver
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._outbox = Outbox()
        self._contexts: dict[TlsSettings, ssl.SSLContext] = {}

    async def dial(self, origin: Origin, timers: Timers) -> Connection:
        """A new connection to `origin`."""
        connection = Connection(origin.pool, self._buffer, self._outbox)
        await self.connect(connection, origin, timers)
        return connection

    async def connect(self, protocol: asyncio.BaseProtocol, origin: Origin, timers: Timers) -> None:
        """Connect a protocol of any kind to `origin`."""
        if origin.proxy is not None:
            await self._connect_through(origin.proxy, protocol, origin, timers)
            return
        connected = await self._reach(origin.url, origin.permission, timers)
        tls = origin.tls if origin.url.scheme == "https" else None
        await self._adopt(connected, protocol, origin.url, tls, timers)

    async def _connect_through(
        self, proxy: Proxy, protocol: asyncio.BaseProtocol, origin: Origin, timers: Timers
    ) -> None:
        tls = TlsSettings(proxy.ca_file) if proxy.url.scheme == "https" else None
        if origin.url.scheme == "http":
            with _said_of_the_proxy():
                connected = await self._reach(proxy.url, _PROXY_PERMISSION, timers)
                await self._adopt(connected, protocol, proxy.url, tls, timers)
            return
        tunnel = Tunnel(connect_head(origin.url, proxy))
        with _said_of_the_proxy():
            connected = await self._reach(proxy.url, _PROXY_PERMISSION, timers)
            await self._adopt(connected, tunnel, proxy.url, tls, timers)
        try:
            await self._pass_through(tunnel, protocol, origin, timers)
        except BaseException:
            tunnel.transport.abort()
            raise

    async def _reach(self, url: Url, permission: Permission, timers: Timers) -> socket.socket:
        """A socket connected to one of the addresses of `url`. The guard must allow all of them."""
        if url.literal is not None:
            addresses: tuple[Address, ...] = (url.literal,)
        else:
            addresses = await self._resolver.addresses(url.host, url.port, timers.dns_seconds)
        for address in addresses:
            verdict = self._guard.judge(address, url, permission)
            if not verdict.allowed:
                raise EgressDenied(verdict.reason)
        try:
            return await race(addresses, url.port, timers.connect_seconds)
        except UpstreamError:
            self._resolver.forget(url.host)
            raise

    async def _adopt(
        self,
        connected: socket.socket,
        protocol: asyncio.BaseProtocol,
        url: Url,
        tls: TlsSettings | None,
        timers: Timers,
    ) -> None:
        """Attach a protocol to a connected socket, with TLS if there are settings for it."""
        loop = asyncio.get_running_loop()
        try:
            if tls is None:
                await loop.create_connection(lambda: protocol, sock=connected)
                return
            context = await self._context(tls)
            async with _handshake(timers):
                await loop.create_connection(
                    lambda: protocol,
                    sock=connected,
                    ssl=context,
                    server_hostname=url.host,
                    ssl_handshake_timeout=timers.tls_seconds + 1,
                    ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
                )
        except BaseException:
            connected.close()
            raise

    async def _pass_through(
        self, tunnel: Tunnel, protocol: asyncio.BaseProtocol, origin: Origin, timers: Timers
    ) -> None:
        try:
            async with asyncio.timeout(timers.connect_seconds):
                await tunnel.agreed
        except TimeoutError:
            raise UpstreamError(
                "timeout",
                "The proxy did not connect in time (timeout.connect).",
                timer="timeout.connect",
                nothing_sent=True,
            ) from None
        context = await self._context(origin.tls)
        async with _handshake(timers):
            transport = await asyncio.get_running_loop().start_tls(
                tunnel.transport,
                protocol,
                context,
                server_hostname=origin.url.host,
                ssl_handshake_timeout=timers.tls_seconds + 1,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        if transport is None:
            raise UpstreamError("unreachable", "The proxy hung up.", nothing_sent=True)
        protocol.connection_made(transport)

    async def _context(self, settings: TlsSettings) -> ssl.SSLContext:
        context = self._contexts.get(settings)
        if context is None:
            loop = asyncio.get_running_loop()
            try:
                context = await loop.run_in_executor(None, tls_context, settings)
            except (OSError, ssl.SSLError):
                raise UpstreamError(
                    "unreachable",
                    "The CA or client certificate set for the provider cannot be read.",
                    code="tls",
                    nothing_sent=True,
                ) from None
            if len(self._contexts) >= _MAX_CONTEXTS:
                self._contexts.pop(next(iter(self._contexts)))
            self._contexts[settings] = context
        return context


@contextmanager
def _said_of_the_proxy() -> Iterator[None]:
    """Reword errors of connecting to the proxy, which speak of the provider."""
    try:
        yield
    except EgressDenied:
        raise
    except UpstreamError as error:
        raise UpstreamError(
            error.kind,
            error.message.replace("provider", "proxy", 1),
            code=error.code,
            timer=error.timer,
            nothing_sent=error.nothing_sent,
        ) from None


@asynccontextmanager
async def _handshake(timers: Timers) -> AsyncIterator[None]:
    """Limit the time of a TLS handshake, and translate its errors."""
    try:
        async with asyncio.timeout(timers.tls_seconds):
            yield
    except TimeoutError:
        raise UpstreamError(
            "timeout",
            f"The TLS handshake took more than {timers.tls_seconds:g} s (timeout.tls).",
            timer="timeout.tls",
            nothing_sent=True,
        ) from None
    except (ssl.SSLError, OSError) as error:
        raise tls_failure(error) from None
