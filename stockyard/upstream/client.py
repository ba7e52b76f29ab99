"""The only outbound HTTP client of Stockyard: HTTP/1.1 with a pool, deadlines and an SSRF guard.

`start` sends a call with its bytes and a Receiver. If the pool has an idle connection to its
Origin, the bytes leave before `start` returns; otherwise one is opened, or the call waits for one.
The answer comes through callbacks: see `connection.py` for the life of a connection and
`sending.py` for that of a call. Redirects are not followed; a 3xx is an answer like any other.
"""

import asyncio
from time import monotonic

import msgspec

from stockyard.errors import EgressDenied, UpstreamError
from stockyard.upstream.connect import Dialer
from stockyard.upstream.connection import Connection
from stockyard.upstream.guard import Guard, Permission, Purpose
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Outgoing, Receiver, Timers
from stockyard.upstream.pool import ClientLimits, Pool
from stockyard.upstream.proxy import ProxySettings, proxy_for
from stockyard.upstream.recurring import Recurring
from stockyard.upstream.resolve import Lookup, Resolver, system_lookup
from stockyard.upstream.sending import Sending
from stockyard.upstream.tls import TlsSettings
from stockyard.upstream.url import parse_url

SWEEP_SECONDS = 0.25
TIDY_SECONDS = 5.0
CLOSE_SECONDS = 1.0
MAX_ORIGINS = 1024

_DEFAULT_LIMITS = ClientLimits()


class Fetched(msgspec.Struct, frozen=True):
    """A whole answer."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes
    decoded: bool
    """Whether `body` was decompressed, so that `content-encoding` no longer holds."""


class Client:
    def __init__(
        self,
        guard: Guard,
        limits: ClientLimits = _DEFAULT_LIMITS,
        *,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._resolver = Resolver(lookup)
        self._dialer = Dialer(guard, self._resolver)
        self._origins: dict[object, Origin] = {}
        self._active: set[Sending] = set()
        self._dials: set[asyncio.Task[Connection]] = set()
        self._sweeper = Recurring(SWEEP_SECONDS, self._sweep)
        self._tidier = Recurring(TIDY_SECONDS, self._tidy)
        self._closed = False

    def origin(
        self,
        url: str,
        *,
        purpose: Purpose,
        operator: bool,
        allow_private: bool = False,
        machine: bool = False,
        ca_file: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        proxy: ProxySettings | None = None,
    ) -> Origin:
        """The Origin of `url`, if the guard allows it: the same one for the same arguments. Raises
        EgressDenied."""
        parsed = msgspec.structs.replace(parse_url(url), target="")
        permission = Permission(operator=operator, allow_private=allow_private, machine=machine)
        through = proxy_for(parsed, proxy)
        verdict = self._guard.judge_url(parsed, permission, proxied=through is not None)
        if not verdict.allowed:
            raise EgressDenied(verdict.reason)
        tls = TlsSettings(ca_file, client_cert, client_key)
        key = (parsed, purpose, permission, tls, through)
        origin = self._origins.get(key)
        if origin is None:
            origin = Origin(
                parsed,
                permission=permission,
                tls=tls,
                proxy=through,
                pool=Pool(self._limits, self._dial),
            )
            self._make_room()
            self._origins[key] = origin
        return origin

    def start(self, outgoing: Outgoing, receiver: Receiver) -> Sending:
        """Send a call. Never raises: failures are reported to the Receiver."""
        now = monotonic()
        sending = Sending(outgoing, receiver, self._active, now, now)
        self._active.add(sending)
        if self._closed:
            asyncio.get_running_loop().call_soon(sending.fail, _shutting_down())
            return sending
        self._sweeper.wake()
        pool = outgoing.origin.pool
        connection = pool.take(now)
        if connection is not None:
            connection.carry(sending, now)
            return sending
        refusal = pool.seek(sending)
        if refusal is not None:
            asyncio.get_running_loop().call_soon(sending.fail, refusal)
        return sending

    async def fetch(self, outgoing: Outgoing, max_body: int) -> Fetched:
        """Send a call and wait for the whole answer, of at most `max_body` bytes."""
        collector = _Collector(max_body)
        sending = self.start(outgoing, collector)
        try:
            await collector.finished
        finally:
            sending.cancel()
        return Fetched(
            collector.status, collector.fields, b"".join(collector.pieces), sending.decoded
        )

    async def connect(self, protocol: asyncio.BaseProtocol, origin: Origin, timers: Timers) -> None:
        """Connect a protocol that is not HTTP all the way, past the pool. Raises UpstreamError."""
        if self._closed:
            raise _shutting_down()
        await self._dialer.connect(protocol, origin, timers)

    async def close(self) -> None:
        """End every call and every connection; what is started later fails."""
        self._closed = True
        self._sweeper.stop()
        self._tidier.stop()
        for sending in [*self._active]:
            sending.fail(_shutting_down())
        for origin in self._origins.values():
            origin.pool.close()
        self._resolver.close()
        deadline = monotonic() + CLOSE_SECONDS
        while self._dials or any(origin.pool.open for origin in self._origins.values()):
            if monotonic() > deadline:
                break
            await asyncio.sleep(0.001)

    def _dial(self, sending: Sending) -> None:
        outgoing = sending.outgoing
        begun = monotonic()
        task = asyncio.get_running_loop().create_task(
            self._dialer.dial(outgoing.origin, outgoing.timers)
        )
        sending.dialling = task
        self._dials.add(task)
        task.add_done_callback(lambda done: self._dialled(sending, done, begun))

    def _dialled(self, sending: Sending, task: asyncio.Task[Connection], begun: float) -> None:
        self._dials.discard(task)
        now = monotonic()
        sending.dialling = None
        sending.connect_us = int((now - begun) * 1_000_000)
        pool = sending.outgoing.origin.pool
        if task.cancelled():
            pool.not_opened()
            return
        error = task.exception()
        if error is None:
            self._use(task.result(), sending, now)
            return
        pool.not_opened()
        sending.fail(error if isinstance(error, UpstreamError) else self._report(error))

    def _use(self, connection: Connection, sending: Sending, now: float) -> None:
        pool = sending.outgoing.origin.pool
        if not connection.is_open:
            pool.not_opened()
            sending.fail(
                UpstreamError(
                    "unreachable", "The provider closed a new connection.", nothing_sent=True
                )
            )
            return
        connection.is_counted = True
        self._tidier.wake()
        if self._closed:
            connection.close()
        elif sending.over:
            pool.give_back(connection, now)
        else:
            connection.carry(sending, now)

    def _report(self, error: BaseException) -> UpstreamError:
        """A bug of ours while connecting: report it, and let the call fail instead of hang."""
        asyncio.get_running_loop().call_exception_handler(
            {"message": "A connection could not be opened.", "exception": error}
        )
        return UpstreamError("unreachable", "The connection failed.", nothing_sent=True)

    def _sweep(self) -> bool:
        now = monotonic()
        for sending in [*self._active]:
            sending.check(now)
        return bool(self._active)

    def _tidy(self) -> bool:
        now = monotonic()
        for origin in self._origins.values():
            origin.pool.tidy(now)
        return any(origin.pool.open for origin in self._origins.values())

    def _make_room(self) -> None:
        """Forget the oldest Origin without connections; if there is none, the number of calls
        bounds the table.

        Origins that users named go first, so that they cannot push out those of the operator. The
        connections of a forgotten Origin would be neither tidied nor closed.
        """
        if len(self._origins) < MAX_ORIGINS:
            return
        unused = [
            (key, origin)
            for key, origin in self._origins.items()
            if not origin.pool.open and not origin.pool.waiting
        ]
        if unused:
            key, _ = min(unused, key=lambda entry: entry[1].permission.operator)
            del self._origins[key]


def _shutting_down() -> UpstreamError:
    return UpstreamError("interrupted", "Stockyard is shutting down.")


class _Collector:
    """A Receiver that collects a whole answer, up to a size."""

    def __init__(self, max_body: int) -> None:
        self._room = max_body
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.fields = fields

    def data(self, piece: bytes) -> None:
        self._room -= len(piece)
        if self._room >= 0:
            self.pieces.append(piece)
        else:
            error = UpstreamError("bad_answer", "The answer is too large.", code="limit_exceeded")
            self.failed(error)

    def done(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)

    def failed(self, error: UpstreamError) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)
