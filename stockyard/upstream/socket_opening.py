"""One try at a WebSocket to a provider: the way there, the proof, the handshake."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from stockyard.core.target import Attempt
from stockyard.errors import UpstreamError
from stockyard.upstream.echo import covering_of
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Outgoing, Timers
from stockyard.upstream.plan import Plan
from stockyard.upstream.prover import Prover, proved_for
from stockyard.upstream.websocket import HandshakeRefused, WebSocket

_END = b"\r\n"


class Connect(Protocol):
    def __call__(
        self, protocol: asyncio.BaseProtocol, origin: Origin, timers: Timers
    ) -> Awaitable[None]:
        """Connect the protocol to that place. Raises UpstreamError."""


class SocketOpening:
    """One try to open a WebSocket. If its result is no longer wanted, call `abort`."""

    def __init__(self, plan: Plan, attempt: Attempt, connect: Connect) -> None:
        self._plan = plan
        self._attempt = attempt
        self._connect = connect
        self._socket: WebSocket | None = None

    async def opened(self) -> WebSocket:
        """Raises UpstreamError: a HandshakeRefused if the provider answered with something else."""
        detour = self._plan.detour
        if detour is None or detour.prover is None:
            return await self._shaken(self._plan.start)
        return await self._proved(detour.prover)

    def abort(self) -> None:
        if self._socket is not None:
            self._socket.abort()

    async def _proved(self, prover: Prover) -> WebSocket:
        """Open with a proof made for this try; once more if a new proof may be accepted."""
        plan = self._plan
        bare = Outgoing(origin=plan.origin, head=plan.start + _END, timers=plan.stream)
        proved = await proved_for(self._attempt, prover, bare)
        try:
            return await self._shaken(proved.head.removesuffix(_END))
        except HandshakeRefused as refusal:
            if refusal.status is None or not prover.refused(proved, refusal.status, refusal.code):
                raise
        proved = await proved_for(self._attempt, prover, bare)
        return await self._shaken(proved.head.removesuffix(_END))

    async def _shaken(self, head: bytes) -> WebSocket:
        """Connected, and agreed on. `head` lacks the empty line at its end."""
        plan = self._plan
        socket = self._socket = WebSocket(head, covering_of(self._attempt))
        await self._connect(socket, plan.origin, plan.stream)
        try:
            async with asyncio.timeout(plan.stream.first_byte_seconds):
                await socket.agreed
        except TimeoutError:
            raise UpstreamError(
                "timeout",
                "The provider did not open the connection in time (timeout.first_byte).",
                timer="timeout.first_byte",
                provider=plan.provider.name,
            ) from None
        return socket
