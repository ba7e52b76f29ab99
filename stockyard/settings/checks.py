"""Check settings against each other before anything is opened."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from stockyard.errors import CannotStart
from stockyard.settings.sections import Server, Settings

PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
MAX_TARGETS = 200
"""Of one alias."""
PAIR = re.compile(r"[^/\s]+:[0-9]{1,5}")
ORIGIN = re.compile(r"https?://([a-z0-9][a-z0-9.-]*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?")
"""As browsers write it: in lower case, and nothing after the port."""
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def checked(settings: Settings) -> Settings:
    """The same settings with paths made absolute. Raises CannotStart(78) on the first problem."""
    for problem in problems(settings):
        raise CannotStart(78, problem)
    data_dir = Path(settings.server.data_dir).expanduser().absolute()
    return replace(settings, server=replace(settings.server, data_dir=data_dir))


def problems(settings: Settings) -> Iterator[str]:
    yield from listener_problems(settings)
    yield from storage_problems(settings)
    yield from egress_problems(settings)
    yield from provider_problems(settings)
    yield from alias_problems(settings)


def listener_problems(settings: Settings) -> Iterator[str]:
    server, http = settings.server, settings.http
    if not is_address(server.host) and not HOST_NAME.fullmatch(server.host):
        yield f'server.host: "{server.host}" is not an address.'
    if bool(server.tls_cert) != bool(server.tls_key):
        yield "server.tls_cert and server.tls_key belong together: set both or none."
    if not is_loopback(server.host) and not (server.tls_cert or server.behind_proxy):
        yield (
            f"Refusing {server.host}: others could listen in. Use --tls-cert and --tls-key, "
            "or --behind-proxy with the proxy's network."
        )
    if server.workers > 1:
        yield "server.workers: more than 1 is not available with the built-in database."
    for host in http.console_hosts:
        if not HOST_NAME.fullmatch(host) and not (host.startswith("[") and is_address(host)):
            yield f'http.console_hosts: "{host}" is not a host such as localhost or [::1].'
    for origin in http.cors_origins:
        if not ORIGIN.fullmatch(origin):
            yield f'http.cors_origins: "{origin}" is not an origin such as https://desk.example.com.'
    yield from network_problems("server.behind_proxy", server.behind_proxy)
    yield from network_problems("http.probe_cidrs", http.probe_cidrs)


def storage_problems(settings: Settings) -> Iterator[str]:
    storage, disk = settings.storage, settings.disk
    if not (storage.database == "sqlite" or storage.database.startswith("sqlite:")):
        yield (
            "storage.database: only SQLite is available in this version: "
            '"sqlite" or "sqlite:/path/to/file.db".'
        )
    if storage.redis:
        yield "storage.redis: not available in this version. Leave it empty."
    if not disk.floor <= disk.low <= disk.warn:
        yield "disk: floor, low and warn must not be in falling order."


def egress_problems(settings: Settings) -> Iterator[str]:
    for opened in settings.egress.allow_private:
        if not (is_network(opened) if "/" in opened else PAIR.fullmatch(opened)):
            yield f'egress.allow_private: "{opened}" is neither a network nor host:port.'
    for opened in settings.egress.allow_http:
        if not is_network(opened) and not HOST_NAME.fullmatch(opened):
            yield f'egress.allow_http: "{opened}" is neither a host nor a network.'


def provider_problems(settings: Settings) -> Iterator[str]:
    for name, provider in settings.providers.items():
        if not PROVIDER_NAME.fullmatch(name):
            yield f'providers: "{name}" must be made of a-z, 0-9, "-" and "_".'
        if provider.base_url and not provider.base_url.startswith(("https://", "http://")):
            yield f"providers.{name}.base_url must begin with https:// or http://."
        if is_own(provider.base_url, settings.server):
            yield f"providers.{name}.base_url is the address of this gateway itself."
        if bool(provider.client_cert) != bool(provider.client_key):
            yield f"providers.{name}: client_cert and client_key belong together."


def is_own(base_url: str, server: Server) -> bool:
    """Whether calls to this address would come back to us. Names are not looked up."""
    try:
        url = urlsplit(base_url)
        port = url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        return False
    host = url.hostname or ""
    return port == server.port and (is_loopback(host) or host == server.host.strip("[]"))


def alias_problems(settings: Settings) -> Iterator[str]:
    for alias, target in settings.aliases.items():
        if not target.targets:
            yield f"aliases.{alias}: needs at least one target."
        if len(target.targets) > MAX_TARGETS:
            yield f"aliases.{alias}: may have at most {MAX_TARGETS} targets."
        for name in target.targets:
            if name in settings.aliases:
                yield (
                    f"aliases.{alias}.targets: '{name}' is an alias itself, and is not followed. "
                    "Name a model, with its provider if it has the alias's name."
                )
        if target.weights and target.strategy != "weighted":
            yield f'aliases.{alias}.weights: only used with strategy = "weighted".'
        if target.weights and len(target.weights) != len(target.targets):
            yield f"aliases.{alias}.weights: there must be one for each target."
        if target.weights and not any(target.weights):
            yield f"aliases.{alias}.weights: must not all be 0."


def doubts(settings: Settings) -> Iterator[str]:
    """Warnings about settings that are valid but probably not intended."""
    server = settings.server
    if server.hard_stop < server.predrain + server.drain:
        yield "server.hard_stop ends calls before server.predrain and server.drain are over."


def network_problems(name: str, networks: tuple[str, ...]) -> Iterator[str]:
    for network in networks:
        if not is_network(network):
            yield f'{name}: "{network}" is not a network such as 10.0.0.0/8.'


def is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on this address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
