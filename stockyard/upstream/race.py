"""Connect to the first of several addresses that answers (happy eyeballs, RFC 8305)."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain, zip_longest

from stockyard.errors import EgressDenied, UpstreamError
from stockyard.upstream.url import Address

HEAD_START_SECONDS = 0.25
MAX_ADDRESSES = 8


async def race(addresses: Sequence[Address], port: int, seconds: float) -> socket.socket:
    """A connected socket to one of `addresses`, each of which has `seconds` to answer.

    The next one starts when the last has failed, or has not answered for a quarter of a second.
    """
    waiting = interleave(addresses)[:MAX_ADDRESSES]
    running: set[asyncio.Task[socket.socket]] = set()
    failures: list[UpstreamError] = []
    winner: socket.socket | None = None
    loop = asyncio.get_running_loop()
    try:
        while winner is None and (waiting or running):
            if waiting:
                running.add(loop.create_task(_connect(waiting.pop(0), port, seconds)))
            done, running = await asyncio.wait(
                running,
                timeout=HEAD_START_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                error = task.exception()
                if isinstance(error, UpstreamError):
                    failures.append(error)
                elif winner is None:
                    winner = task.result()
                else:
                    task.result().close()
    finally:
        await _call_off(running)
    if winner is None:
        raise next((e for e in failures if e.kind == "unreachable"), failures[0])
    return winner


def interleave(addresses: Sequence[Address]) -> list[Address]:
    """The families in turn, beginning with that of the first address."""
    first = [a for a in addresses if a.version == addresses[0].version]
    second = [a for a in addresses if a.version != addresses[0].version]
    return [a for a in chain.from_iterable(zip_longest(first, second)) if a is not None]


async def _connect(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(connected, (str(address), port))
        _check_peer(connected, address)
    except TimeoutError:
        connected.close()
        raise UpstreamError(
            "timeout",
            f"The provider did not accept a connection within {seconds:g} s (timeout.connect).",
            timer="timeout.connect",
            nothing_sent=True,
        ) from None
    except OSError:
        connected.close()
        raise UpstreamError(
            "unreachable", "The provider did not accept a connection.", nothing_sent=True
        ) from None
    except BaseException:
        connected.close()
        raise
    return connected


def _check_peer(connected: socket.socket, address: Address) -> None:
    peer: IPv4Address | IPv6Address = ip_address(connected.getpeername()[0])
    if peer != address:
        raise EgressDenied("peer")


async def _call_off(running: set[asyncio.Task[socket.socket]]) -> None:
    for task in running:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()
