"""Hand over to another process without failing a call or refusing a connection.

The new process has the listening socket, too. When all that can be checked is, it asks the old one
for the data folder over the control socket. The old one stops accepting, holds the API back,
finishes its batch of changes and unlocks the folder; connections wait in the queue meanwhile. When
the new one serves it says so: the old one then answers what is left of its calls, with
`connection: close`, and ends. If the new one fails, or says nothing for five seconds, the old one
takes everything back.

What the old process has yet to write of its calls it writes itself, next to the new one: SQLite
lets them write in turns (`docs/decisions/0009-two-writers-while-handing-over.md`).
"""

import asyncio
import logging
import re
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from stockyard.app import Stockyard
from stockyard.errors import CannotStart, StockyardError
from stockyard.gateway.server import Server
from stockyard.process.socketpath import FOLDER, NAME, short_path
from stockyard.storage.database import Transaction
from stockyard.storage.limits import Debt
from stockyard.upstream.health import OpenBreaker

log = logging.getLogger(__name__)

MOST_LIMITS = 50_000
"""Subjects whose limits are handed over; a bound that keeps the hand-over quick."""
PATIENCE = 5.0
"""Seconds for each step, and for the new process from asking to serving."""
LENGTH = re.compile(rb"content-length: (\d{1,9})\r", re.IGNORECASE)
RELEASE = "/control/hand-over"
REPLACED = "/control/replaced"
TAKE_BACK = "/control/take-back"


class Door(Protocol):
    """The control socket."""

    async def open(self, folder: Path) -> None: ...

    def close(self) -> None: ...


class Snapshot(Struct, frozen=True):
    """In-memory state that the next process takes over."""

    limits: list[Debt] = []
    breakers: list[OpenBreaker] = []

    def give_to(self, stockyard: Stockyard) -> None:
        stockyard.limits.take_over(self.limits)
        stockyard.reach.target_health.take_over(self.breakers)


class HandOver:
    """The hand-over, from the side of the process being replaced."""

    def __init__(self, stockyard: Stockyard, server: Server) -> None:
        self._stockyard = stockyard
        self._server = server
        self._given_up: asyncio.TimerHandle | None = None

    async def release(self, door: Door) -> Snapshot:
        """Let go of the socket and the folder, and tell what is not in it.

        Raises StockyardError or TimeoutError with all as it was.
        """
        stockyard = self._stockyard
        self._server.pause()
        await stockyard.jobs.stop()
        try:
            async with asyncio.timeout(PATIENCE):
                await stockyard.database.write(nothing)  # All before it is on stable storage then.
        except (StockyardError, TimeoutError):
            await self._resume()
            raise
        door.close()
        stockyard.folder.close()
        loop = asyncio.get_running_loop()
        self._given_up = loop.call_later(
            PATIENCE, lambda: stockyard.background(self.take_back(door))
        )
        return Snapshot(
            limits=stockyard.limits.snapshot(MOST_LIMITS),
            breakers=stockyard.reach.target_health.snapshot(),
        )

    def replaced(self) -> None:
        """The new process serves: end when the calls have."""
        if self._waits():
            log.warning("Another process serves on; this one ends with its last call.")
            self._server.leave()

    async def take_back(self, door: Door) -> None:
        """The new process failed to take over: continue as before."""
        if not self._waits():
            return
        stockyard = self._stockyard
        try:
            stockyard.folder.open()
        except CannotStart:
            self._server.leave()  # It has the folder. It serves, and could only not say so.
            return
        log.error("The process that was to serve on did not: this one goes on.")
        await door.open(stockyard.folder.subfolder(FOLDER))
        await self._resume()

    def _waits(self) -> bool:
        """Whether the outcome of the new process is still unknown. Asked once."""
        timer, self._given_up = self._given_up, None
        if timer is not None:
            timer.cancel()
        return timer is not None

    async def _resume(self) -> None:
        self._stockyard.jobs.start()
        await self._server.resume()


def nothing(_: Transaction) -> None:
    """A change that changes nothing."""


class Predecessor:
    """The hand-over, from the side of the new process: its predecessor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.snapshot = Snapshot()

    @classmethod
    async def ask(cls, data_dir: Path) -> "Predecessor | None":
        """Ask it for the data folder. None if nobody serves there any more.

        Raises CannotStart (75) if it does not let go.
        """
        path = data_dir / FOLDER / NAME
        try:
            async with asyncio.timeout(PATIENCE):
                with short_path(path) as short:
                    reader, writer = await asyncio.open_unix_connection(short)
        except (OSError, TimeoutError):
            return None
        found = cls(reader, writer)
        told = await found._say(RELEASE)
        if told is None:
            writer.close()
            raise CannotStart(75, "The process that serves did not hand over: try again.")
        found.snapshot = msgspec.json.decode(told, type=Snapshot)
        return found

    async def replaced(self) -> None:
        """We serve."""
        await self._say(REPLACED)
        self._writer.close()

    async def failed(self) -> None:
        """We could not. Nothing happens if we have said before that we serve."""
        if not self._writer.is_closing():
            await self._say(TAKE_BACK)
            self._writer.close()

    async def _say(self, path: str) -> bytes | None:
        """What it answers; None if it does not, or refuses."""
        try:
            async with asyncio.timeout(PATIENCE):
                self._writer.write(
                    f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n".encode()
                )
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                body = await self._reader.readexactly(int(length[1]) if length else 0)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return None
        return body if head.startswith(b"HTTP/1.1 200 ") else None
