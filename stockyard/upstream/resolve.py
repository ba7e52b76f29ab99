"""Resolve host names: off the event loop, with a deadline, cached for a minute at most."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from stockyard.errors import UpstreamError
from stockyard.upstream.url import Address

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a name, in the order in which to try them. Raises OSError."""

KEEP_SECONDS = 60.0
MAX_KEPT = 1024


async def system_lookup(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class Resolver:
    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._kept: dict[str, tuple[float, tuple[Address, ...]]] = {}
        self._running: dict[str, asyncio.Task[tuple[Address, ...]]] = {}

    async def addresses(self, host: str, port: int, seconds: float) -> tuple[Address, ...]:
        """All addresses of `host`; raises UpstreamError after `seconds`. The guard checks them."""
        expires, kept = self._kept.get(host, (0.0, ()))
        if expires > time.monotonic():
            return kept
        task = self._running.get(host)
        if task is None:
            # One lookup per name: a resolver that hangs must not take a thread for every call.
            task = asyncio.get_running_loop().create_task(self._look_up(host, port))
            self._running[host] = task
            task.add_done_callback(lambda done: self._forget_task(host, done))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(task)
        except TimeoutError:
            raise UpstreamError(
                "timeout",
                f"The provider's name was not resolved within {seconds:g} s (timeout.dns).",
                timer="timeout.dns",
                nothing_sent=True,
            ) from None

    def forget(self, host: str) -> None:
        """None of the addresses answered: resolve again next time."""
        self._kept.pop(host, None)

    def close(self) -> None:
        for task in self._running.values():
            task.cancel()

    async def _look_up(self, host: str, port: int) -> tuple[Address, ...]:
        try:
            found = tuple(dict.fromkeys(map(ip_address, await self._lookup(host, port))))
        except (OSError, ValueError):
            # ValueError: an address with a zone or a name that cannot be encoded.
            found = ()
        if not found:
            raise UpstreamError(
                "unreachable", "The provider's name could not be resolved.", nothing_sent=True
            )
        if len(self._kept) >= MAX_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[host] = (time.monotonic() + KEEP_SECONDS, found)
        return found

    def _forget_task(self, host: str, task: asyncio.Task[tuple[Address, ...]]) -> None:
        self._running.pop(host, None)
        if not task.cancelled():
            task.exception()  # retrieved here, in case nobody is left who waits for it
