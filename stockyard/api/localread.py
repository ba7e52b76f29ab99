"""Reading without a credential, only for the operating system user who runs the server.

That user can read the database file anyway. All conditions must hold (`api.md` 2.2); the fields in
`TELLTALE` are those that browsers and proxies add, so that neither a malicious web page nor a
tunnel can use it.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

TELLTALE = frozenset({b"origin", b"referer", b"cookie", b"forwarded", b"via"})
TELLTALE_PREFIXES = (b"sec-fetch-", b"x-forwarded-")
HOSTS = ("localhost", "127.0.0.1", "[::1]")
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"
DEADLINE = 2.0

Endpoint = tuple[str, int]


class LocalReads:
    """Whether a request without a credential may read."""

    def __init__(
        self,
        *,
        enabled: bool,
        hosts: Sequence[str] = HOSTS,
        owner_of: Callable[[Endpoint, Endpoint], int | None] | None = None,
    ) -> None:
        """`enabled`: the setting is on, only loopback is listened on, and no proxy is in front.
        `hosts` are the names, without a port, that a request may have for this machine."""
        self._enabled = enabled
        self._hosts = tuple(hosts)
        self._owner_of = owner_of or owner_of_socket

    async def allow(self, scope: MutableMapping[str, Any]) -> bool:
        peer, server = scope.get("client"), scope.get("server")
        if not (self._enabled and peer and server) or scope["method"] not in ("GET", "HEAD"):
            return False
        if not is_loopback(peer[0]) or not is_loopback(server[0]):
            return False
        if not plain_local_fields(scope["headers"], server[1], self._hosts):
            return False
        try:
            async with asyncio.timeout(DEADLINE):
                uid = await asyncio.to_thread(self._owner_of, tuple(peer), tuple(server))
        except TimeoutError:
            return False
        return uid == os.geteuid()


def is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def plain_local_fields(
    fields: Iterable[tuple[bytes, bytes]], port: int, names: Sequence[str]
) -> bool:
    """One Host that is this machine with our port, and no trace of a browser or a proxy."""
    hosts: list[str] = []
    for name, value in fields:
        if name in TELLTALE or name.startswith(TELLTALE_PREFIXES):
            return False
        if name == b"host":
            hosts.append(value.decode("latin-1"))
    return len(hosts) == 1 and hosts[0] in {f"{name}:{port}" for name in names}


def owner_of_socket(local: Endpoint, remote: Endpoint) -> int | None:
    """The user whose socket is connected from `local` to `remote`, as the kernel says.

    None where there are no such tables: then nobody reads without a credential.
    """
    wanted = normal(local), normal(remote)
    port = f":{local[1]:04X}"
    for row in (row for table in TABLES for row in rows_of(table)):
        connected = row[3] == ESTABLISHED and row[1].endswith(port)
        if connected and (hex_endpoint(row[1]), hex_endpoint(row[2])) == wanted:
            return int(row[7])
    return None


def rows_of(table: Path) -> Iterator[list[str]]:
    try:
        with table.open(encoding="ascii") as file:
            next(file, None)
            for line in file:
                yield line.split()
    except OSError:
        return


def hex_endpoint(written: str) -> Endpoint:
    """`0100007F:1068` as the kernel writes it: 32-bit words in the machine's byte order."""
    address, _, port = written.partition(":")
    words = [address[start : start + 8] for start in range(0, len(address), 8)]
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    return normal((str(ip_address(packed)), int(port, 16)))


def normal(endpoint: Endpoint) -> Endpoint:
    address = ip_address(endpoint[0])
    return str(getattr(address, "ipv4_mapped", None) or address), endpoint[1]
