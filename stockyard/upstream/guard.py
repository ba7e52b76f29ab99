"""The SSRF guard: decide which addresses Stockyard may call.

The client asks two questions: may this URL be called for whoever named it (`judge_url`, before
resolving), and may this address be called for it (`judge`, for every address of the name, at every
connect). Both are pure functions. It matters who named the destination: one that the operator
configured may use other ports and named internal hosts; one that a user, a workflow or a tool chose
may not. Addresses that issue the machine's own credentials are closed to everybody.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

import msgspec

from stockyard.upstream.ranges import IPV4, IPV6, Range, Rule
from stockyard.upstream.url import Address, Url

Purpose = Literal[
    "provider",
    "webhook",
    "alert",
    "workflow",
    "tool",
    "mcp",
    "image",
    "oidc",
    "sink",
    "otlp",
    "prices",
]
"""What a destination is called for. Connections are never shared between purposes."""

_INTERNAL_SUFFIXES = (
    ".localhost",
    ".local",
    ".internal",
    ".home.arpa",
    ".localdomain",
    ".svc",
    ".cluster.local",
)
_METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog"})
MACHINE_IDENTITY = frozenset(
    {"169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"}
)
"""Where clouds hand out the credentials of a machine, a container or a pod."""
_EVERY_OWN_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, never bound
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's rules for outbound calls."""

    allow_private: tuple[str, ...] = ()
    """Networks such as `10.1.0.0/16`, or pairs such as `127.0.0.1:11434` and `ollama:11434`."""
    allow_http: tuple[str, ...] = ()
    """Networks and hosts that need no TLS, besides those in `allow_private`."""
    allow_names: tuple[str, ...] = ()
    """Internal names that users may choose; their addresses are still checked."""
    ports: tuple[int, ...] = (443,)
    """Ports that destinations chosen by users may have."""
    nat64: bool = False
    proxy_trusted: bool = False
    """The proxy checks addresses as we do, so destinations chosen by users may go through it."""
    own: tuple[str, ...] = ()
    """Our listeners and stores, as `host:port`; `0.0.0.0` and `[::]` mean every own address."""


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """Who named a destination, and what is allowed for this one in particular."""

    operator: bool
    """Named in the operator's configuration, not by a user, a workflow or a tool."""
    allow_private: bool = False
    """The provider's own row opens its host and port."""
    machine: bool = False
    """For code that fetches the machine's own credentials on the operator's behalf: allows the
    addresses in MACHINE_IDENTITY only, and only if the URL contains them literally."""


class Verdict(msgspec.Struct, frozen=True):
    allowed: bool
    reason: str
    """A stable code: the name of the range, or the part of the URL that is refused."""


class Guard:
    def __init__(self, settings: GuardSettings) -> None:
        self.settings = settings
        opened = settings.allow_private
        self._networks = tuple(ip_network(text) for text in opened if "/" in text)
        self._pairs = frozenset(_pair(text) for text in opened if "/" not in text)
        plain = settings.allow_http
        self._plain_networks = tuple(ip_network(text) for text in plain if "/" in text)
        self._plain_hosts = frozenset(_host(text) for text in plain if "/" not in text)
        self._names = frozenset(name.lower() for name in settings.allow_names)
        self._own = frozenset(_pair(text) for text in settings.own)
        self._own_ports = frozenset(port for host, port in self._own if host in _EVERY_OWN_ADDRESS)

    def judge_url(self, url: Url, permission: Permission, *, proxied: bool) -> Verdict:
        """Checks before resolving: port, name, proxy, and the address if the host is one."""
        if not permission.operator:
            refusal = self._refusal_for_users(url, proxied=proxied)
            if refusal:
                return Verdict(allowed=False, reason=refusal)
        if url.literal is not None:
            return self.judge(url.literal, url, permission)
        if proxied and url.scheme == "http":
            # We never see the address, so no network rule can allow plain text.
            named = self._is_named(url, permission) or url.host in self._plain_hosts
            return Verdict(allowed=named, reason="name" if named else "scheme")
        return Verdict(allowed=True, reason="name")

    def judge(self, address: Address, url: Url, permission: Permission) -> Verdict:
        """Whether a connection to `address` may be made for `url`."""
        if permission.machine:
            opened = address == url.literal and str(address) in MACHINE_IDENTITY
            return Verdict(allowed=opened, reason="metadata")
        row = _range_of(address)
        if row.rule is Rule.JUDGE_IPV4:
            return self.judge(_embedded(address), url, permission)
        if row.rule is Rule.JUDGE_IPV4_IF_NAT64 and self.settings.nat64:
            return self.judge(_embedded(address), url, permission)
        if _is_isatap(address):
            inner = self.judge(_embedded(address), url, permission)
            if not inner.allowed:
                return inner
        if not permission.operator and self._is_own(address, url.port, row):
            return Verdict(allowed=False, reason="own")
        named = self._is_named(url, permission) or (str(address), url.port) in self._pairs
        in_network = any(address in network for network in self._networks)
        if not _opens(row.rule, named=named, in_network=in_network):
            return Verdict(allowed=False, reason=row.name)
        if url.scheme == "http" and not (named or in_network or self._is_plain(address, url)):
            return Verdict(allowed=False, reason="scheme")
        return Verdict(allowed=True, reason=row.name)

    def _refusal_for_users(self, url: Url, *, proxied: bool) -> str | None:
        if (url.host, url.port) in self._own:
            return "own"
        if (url.host, url.port) in self._pairs:
            return None
        if url.port not in self.settings.ports:
            return "port"
        if url.literal is None and self._is_internal(url.host):
            return "name"
        if proxied and not self.settings.proxy_trusted:
            return "proxy"
        return None

    def _is_named(self, url: Url, permission: Permission) -> bool:
        """Whether the operator opened exactly this host and port."""
        opened_by_row = permission.operator and permission.allow_private
        return opened_by_row or (url.host, url.port) in self._pairs

    def _is_plain(self, address: Address, url: Url) -> bool:
        """Whether the operator wants no TLS there."""
        if url.host in self._plain_hosts:
            return True
        return any(address in network for network in self._plain_networks)

    def _is_internal(self, host: str) -> bool:
        if host in self._names:
            return False
        return "." not in host or host in _METADATA_NAMES or host.endswith(_INTERNAL_SUFFIXES)

    def _is_own(self, address: Address, port: int, row: Range) -> bool:
        if (str(address), port) in self._own:
            return True
        return port in self._own_ports and row.rule is not Rule.ALLOW


def _opens(rule: Rule, *, named: bool, in_network: bool) -> bool:
    match rule:
        case Rule.ALLOW:
            return True
        case Rule.OPENABLE:
            return named or in_network
        case Rule.PAIR_ONLY:
            return named
        case _:
            return False


def _range_of(address: Address) -> Range:
    table = IPV4 if isinstance(address, IPv4Address) else IPV6
    return next(row for row in table if address in row.network)


def _embedded(address: Address) -> IPv4Address:
    return IPv4Address(address.packed[-4:])


def _is_isatap(address: Address) -> bool:
    if not isinstance(address, IPv6Address):
        return False
    return (int(address) >> 32) & 0xFFFFFFFF in _ISATAP


def _pair(text: str) -> tuple[str, int]:
    """`host:port` as parsed URLs spell them; ValueError when it is not a pair."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"{text!r} is neither a network nor a pair of host and port.")
    return _host(host), int(port)


def _host(text: str) -> str:
    """As parsed URLs spell it."""
    host = text.strip("[]").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        return host
