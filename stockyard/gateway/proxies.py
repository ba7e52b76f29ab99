"""Find the client's address behind trusted proxies (HS27, S13 of `security.md`).

A proxy appends the address of its client to `X-Forwarded-For` or `Forwarded`, so these are read
from the right: if an entry is the address of a trusted proxy, that proxy wrote the entry to its
left. The first entry that is not is the client; the client itself wrote everything left of it.

From any other peer the fields are ignored. If the two fields name different clients the request is
refused: a proxy that does not know one of them passed it on, and nobody can tell which one.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from stockyard.gateway.contract import Peer
from stockyard.gateway.http import Head, HttpError

MAX_HOPS = 20
"""Entries that are looked at; no honest chain is longer."""

_PAIR = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)="
    r'(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^",;\s]*))[ \t]*(;|,|\Z)'
)
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5}|:_[A-Za-z0-9._-]+)?")
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f:.]+")


class Proxies:
    """The networks of trusted proxies."""

    def __init__(self, networks: tuple[str, ...] = ()) -> None:
        self._networks = tuple(ip_network(network) for network in networks)

    def trusts(self, address: str) -> bool:
        if not self._networks:
            return False
        try:
            found = ip_address(address)
        except ValueError:
            return False  # a Unix socket has none
        return any(found in network for network in self._networks)

    def client_of(self, head: Head, proxy: Peer) -> Peer:
        """The client of a request that came through a trusted proxy. Raises HttpError (400).

        It never counts as loopback, whatever the fields say: only a socket proves that.
        """
        fields = head.fields()
        forwarded = [e for n, v in fields if n == b"forwarded" for e in _elements(v.decode())]
        for_whom = [e for n, v in fields if n == b"x-forwarded-for" for e in v.decode().split(",")]
        chains = [chain for chain in (forwarded, for_whom) if chain]
        found = {self._first_stranger(chain, proxy.address) for chain in chains}
        if len(found) > 1:
            raise HttpError(400, "HS27", "Forwarded and X-Forwarded-For name different clients.")
        return Peer(found.pop() if found else proxy.address, 0, loopback=False)

    def _first_stranger(self, chain: list[str], address: str) -> str:
        """From the right, the first address that is not a trusted proxy; the last valid one if an
        entry is not an address."""
        for entry in reversed(chain[-MAX_HOPS:]):
            found = _address_in(entry.strip(" \t"))
            if found is None:
                return address
            address = found
            if not self.trusts(address):
                return address
        return address


def plain(address: str) -> str:
    """The canonical form of an address; an IPv4-mapped IPv6 address becomes IPv4."""
    if ":" not in address:
        return address
    return str(_unmapped(ip_address(address)))


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address


def _elements(value: str) -> Iterator[str]:
    """The `for=` value of each element of `Forwarded`; "" if it has none.

    Raises HttpError for anything outside the grammar of RFC 7239: an open quote in the client's
    part could hide what a proxy wrote behind it.
    """
    said: list[str] = []
    at, end = 0, ","
    while end:
        pair = _PAIR.match(value, at)
        if pair is None:
            raise HttpError(400, "HS27", "The Forwarded field is malformed.")
        name, quoted, token, end = pair.groups()
        at = pair.end()
        if name.lower() == "for":
            said.append(token if quoted is None else quoted)
        if end == ";":
            continue
        if len(said) > 1:
            raise HttpError(400, "HS27", "An element of Forwarded names two clients.")
        yield said[0] if said else ""
        said = []


def _address_in(entry: str) -> str | None:
    """The address of an entry, without its port; None for anything else, such as `unknown`."""
    node = _NODE.fullmatch(entry)
    if node is None and _BARE_IPV6.fullmatch(entry) is None:
        return None
    try:
        return str(_unmapped(ip_address(entry if node is None else node[1] or node[2])))
    except ValueError:
        return None
