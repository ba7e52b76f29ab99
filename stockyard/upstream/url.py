"""Parse a URL to be called, and refuse what two parsers could understand differently.

Everything that other parsers tolerate is refused here (`security.md` 6.1): user names, backslashes,
white space, fragments, octal or shortened IPv4, zones, trailing dots, non-ASCII names. What is left
means the same to every parser, so what the guard allowed is what gets called.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import msgspec

from stockyard.errors import EgressDenied

Address = IPv4Address | IPv6Address

DEFAULT_PORTS = {"https": 443, "http": 80}

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+)://"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?+"
    r"(?P<target>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*+)?+"
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*+)?+)"
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?+"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+")
_QUAD = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Url(msgspec.Struct, frozen=True):
    """A URL that every parser understands alike."""

    scheme: str
    host: str
    """Lower case, without brackets; an address in its shortest form."""
    port: int
    target: str
    """Path and query as given; may be empty."""
    literal: Address | None
    """The address, if the host is one."""

    @property
    def authority(self) -> str:
        """The value of a Host field: without the port that the scheme implies."""
        if self.port == DEFAULT_PORTS[self.scheme]:
            return self.bracketed
        return f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        return f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host


def parse_url(text: str) -> Url:
    """Parse a URL. Raises EgressDenied with the reason `url`, `scheme`, `host` or `port`."""
    parts = _URL.fullmatch(text)
    if parts is None:
        raise EgressDenied("url")
    scheme = parts["scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise EgressDenied("scheme")
    port = DEFAULT_PORTS[scheme] if parts["port"] is None else int(parts["port"])
    if not 1 <= port <= 65535:
        raise EgressDenied("port")
    host = parts["host"].lower()
    literal = parse_literal(host)
    if literal is None and not is_name(host):
        raise EgressDenied("host")
    return Url(
        scheme=scheme,
        host=host if literal is None else str(literal),
        port=port,
        target=parts["target"],
        literal=literal,
    )


def parse_literal(host: str) -> Address | None:
    """The address in `host`: four plain decimal parts, or IPv6 in brackets; None for a name."""
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        return IPv4Address(host) if _QUAD.fullmatch(host) else None
    except AddressValueError:
        raise EgressDenied("host") from None


def is_name(host: str) -> bool:
    """Whether `host` is a DNS name that no resolver could take for a number."""
    return _NAME.fullmatch(host) is not None and not _NUMBER.fullmatch(host.rpartition(".")[2])
