"""Who calls when a proxy of ours stands between (HS27, S13 of `security.md`).

A proxy appends the address that it heard from to `X-Forwarded-For` or `Forwarded`, so these are
read from the right: as long as an entry names a trusted proxy, the entry to its left was written by
one. The first that does not is the client; whatever stands left of it, the client wrote itself.

From any other peer the fields mean nothing. Two fields that name different clients are refused:
one of them came through a proxy that did not know it, and nobody can tell which.
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
    """The networks whose word about their callers counts."""

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
        """Who sent this request through a proxy that is trusted. Raises HttpError (400).

        It is never one of this machine's own, whatever it claims: only a socket proves that.
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
        """From the right, the first that is no proxy; the last known one if it cannot be read."""
        for entry in reversed(chain[-MAX_HOPS:]):
            found = _address_in(entry.strip(" \t"))
            if found is None:
                return address
            address = found
            if not self.trusts(address):
                return address
        return address


def plain(address: str) -> str:
    """One spelling for each address; an IPv4 address in IPv6's clothes is an IPv4 address."""
    if ":" not in address:
        return address
    return str(_unmapped(ip_address(address)))


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address


def _elements(value: str) -> Iterator[str]:
    """What each element of `Forwarded` says after `for=`; "" where it says nothing of that.

    Raises HttpError for what is not in the grammar of RFC 7239: an open quote in what the client
    wrote could hide what a proxy wrote behind it.
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
