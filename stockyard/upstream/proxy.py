"""Choose the proxy for a call, according to HTTP_PROXY, HTTPS_PROXY and NO_PROXY."""

import base64
import re
from ipaddress import ip_address, ip_network
from urllib.parse import unquote_to_bytes

import msgspec

from stockyard.errors import EgressDenied
from stockyard.upstream.url import Address, Url, parse_url

_WITH_USER = re.compile(r"(?P<scheme>https?://)(?:(?P<user>[^@/?#\s]*)@)?(?P<rest>[^@/?#\s]+)/?")


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The three values as in the environment; an empty one counts as not set."""

    http: str = ""
    https: str = ""
    no_proxy: str = ""
    ca_file: str | None = None
    """Authorities for a proxy that itself speaks TLS, in place of the system's."""

    def __repr__(self) -> str:
        return "ProxySettings(...)"  # the URLs may have passwords


class Proxy(msgspec.Struct, frozen=True):
    url: Url
    authorization: bytes | None
    """Value for a Proxy-Authorization field."""
    ca_file: str | None

    def __repr__(self) -> str:
        return f"Proxy({self.url.authority})"


def proxy_for(url: Url, settings: ProxySettings | None) -> Proxy | None:
    """The proxy for a call to `url`, if any. Calls to this machine never use one."""
    if settings is None:
        return None
    named = settings.https if url.scheme == "https" else settings.http
    if not named or _is_this_machine(url) or _is_exempt(url, settings.no_proxy):
        return None
    return parse_proxy(named, settings.ca_file)


def parse_proxy(text: str, ca_file: str | None = None) -> Proxy:
    """`http://user:password@host:port`, as environments spell it; a bare `host:port` is http."""
    parts = _WITH_USER.fullmatch(text if "://" in text else f"http://{text}")
    if parts is None:
        raise EgressDenied("proxy")
    user = parts["user"]
    return Proxy(
        url=parse_url(parts["scheme"] + parts["rest"]),
        authorization=None if user is None else _basic(user),
        ca_file=ca_file,
    )


def _basic(user: str) -> bytes:
    name, _, password = user.partition(":")
    return b"Basic " + base64.b64encode(unquote_to_bytes(name) + b":" + unquote_to_bytes(password))


def _is_this_machine(url: Url) -> bool:
    if url.literal is not None:
        return url.literal.is_loopback
    return url.host == "localhost" or url.host.endswith(".localhost")


def _is_exempt(url: Url, no_proxy: str) -> bool:
    return any(_covers(entry.strip().lower(), url) for entry in no_proxy.split(","))


def _covers(entry: str, url: Url) -> bool:
    """Whether one entry of NO_PROXY names the host: `*`, a name with or without port, a network."""
    if entry in ("", "*"):
        return entry == "*"
    if url.literal is not None and _is_in_network(url.literal, entry):
        return True
    host, colon, port = entry.rpartition(":")
    if colon and port.isdecimal() and not host.endswith(":"):
        if int(port) != url.port:
            return False
        entry = host
    suffix = entry.strip("[]").removeprefix("*").removeprefix(".")
    return url.host == suffix or (url.literal is None and url.host.endswith(f".{suffix}"))


def _is_in_network(address: Address, entry: str) -> bool:
    try:
        if "/" in entry:
            return address in ip_network(entry, strict=False)
        return address == ip_address(entry)
    except ValueError:
        return False
