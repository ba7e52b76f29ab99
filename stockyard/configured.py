"""What the settings mean to each part: its own values, made of ours.

Beside `app.py` and `reach.py` the only place that knows both the settings and the parts; it builds
nothing that runs but the client.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from stockyard.core.target import Credential
from stockyard.gateway.limits import HttpLimits
from stockyard.gateway.overload import OverloadRules
from stockyard.gateway.reception import Access
from stockyard.gateway.session_clock import Lasting
from stockyard.process.memory import limit_bytes
from stockyard.providers import catalog
from stockyard.providers.credentials import HeldCredential, held_from_environment
from stockyard.providers.directory import Directory
from stockyard.providers.group import Group
from stockyard.providers.prices import PriceList
from stockyard.providers.provider import Provider
from stockyard.settings import ProviderSection, Settings, is_loopback
from stockyard.settings.secret_file import with_secrets
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings
from stockyard.upstream.health import TargetHealth
from stockyard.upstream.lossy import Policies
from stockyard.upstream.outgoing import Timers
from stockyard.upstream.plan import Patience
from stockyard.upstream.pool import ClientLimits
from stockyard.upstream.proxy import ProxySettings
from stockyard.upstream.silence import Silence
from stockyard.upstream.tokens import aws_file
from stockyard.wire.formats import FORMATS


def client(settings: Settings) -> Client:
    host = settings.server.host
    own = (f"{'[' + host + ']' if ':' in host else host}:{settings.server.port}",)
    egress = settings.egress
    return Client(
        Guard(
            GuardSettings(
                allow_private=egress.allow_private,
                allow_http=egress.allow_http,
                proxy_trusted=egress.proxy_trusted,
                own=own,
            )
        ),
        ClientLimits(
            per_origin=settings.upstream.per_origin,
            idle_close_seconds=settings.upstream.idle_close,
            max_age_seconds=settings.upstream.max_age,
        ),
    )


def directory(
    settings: Settings, environ: Mapping[str, str], prices: PriceList, health: TargetHealth
) -> Directory:
    mentioned = {
        name: _mentioned(settings, name) | _placed(section, environ)
        for name, section in settings.providers.items()
    }
    environ = _with_region(environ)
    found = catalog.load(mentioned, environ)
    held = list(_held_from_settings(settings, found))
    named = {one.credential.provider for one in held}
    held += (
        one
        for one in held_from_environment(found, with_secrets(environ, variables_of(found)))
        if one.credential.provider not in named
    )
    held += aws_file.held_by_file(
        found, environ, frozenset(one.credential.provider for one in held)
    )
    return Directory(
        found,
        held,
        formats=FORMATS,
        priced=prices,
        aliases={
            name: Group(
                alias.targets,
                alias.strategy,
                weights=alias.weights,
                latency_us=health.latency_us,
                in_flight=health.in_flight,
            )
            for name, alias in settings.aliases.items()
        },
        mock=settings.mock.enabled,
        trial=settings.mock.trial and is_loopback(settings.server.host),
    )


def variables_of(found: catalog.Catalog) -> Iterator[str]:
    """The environment variables that may hold a provider's secret, or name the file of one."""
    for provider in found:
        for _, names in provider.variables():
            yield from names


def _with_region(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, and in it the region that its profile of AWS names, if it names none."""
    if aws_file.names_region(environ):
        return environ
    region = aws_file.region_of(environ)
    return {**environ, aws_file.REGIONS[-1]: region} if region else environ


def _placed(section: ProviderSection, environ: Mapping[str, str]) -> dict[str, Any]:
    """What a section's own profile of AWS says of its region, if nobody else says it."""
    profile = section.settings.get("profile", "")
    if not profile or not section.auth.startswith("sigv4") or aws_file.names_region(environ):
        return {}
    region = aws_file.region_of(environ, profile)
    return {"values": {"region": region, **section.settings}} if region else {}


def _mentioned(settings: Settings, name: str) -> dict[str, Any]:
    """What the settings say of a provider itself, as the catalog takes it."""
    section = settings.providers[name]
    said: dict[str, Any] = {"enabled": section.enabled, "allow_private": section.allow_private}
    if section.think_tags:
        said["think_tags"] = True
    if section.kind:
        said["kind"] = section.kind
    if section.base_url:
        said["base_url"] = section.base_url
    if section.settings:
        said["values"] = section.settings
    if section.auth:
        said["scheme"] = section.auth
    if section.formats:
        said["formats"] = list(section.formats)
    if section.token_url:
        said["token_url"] = section.token_url
    return said


def _held_from_settings(settings: Settings, found: catalog.Catalog) -> Iterator[HeldCredential]:
    for name, section in settings.providers.items():
        provider = found.get(name)
        if provider is None:
            continue
        if section.api_key is not None:
            ours = Credential(f"file:{name}", name, section.api_key, scheme=section.auth)
            yield HeldCredential(ours, provider.origin)
        for one in section.credentials:
            ours = Credential(f"file:{one.name}", name, one.secret, scheme=section.auth)
            yield HeldCredential(ours, provider.origin)


def drained(settings: Settings) -> tuple[int, float]:
    """How many abandoned streams are read on, and for how many seconds each."""
    cancel = settings.cancel
    return (cancel.drain_max if cancel.policy == "drain" else 0), cancel.drain


def access(settings: Settings) -> Access:
    """Who may call without one of our Keys, and how much."""
    http = settings.http
    return Access(
        settings.auth.bring_your_own,
        max_body=http.max_body,
        max_upload=http.max_upload,
        allow_unread=settings.auth.allow_unread,
        session=Lasting(float(settings.timeout.session_idle), float(settings.timeout.session)),
    )


def overload(settings: Settings) -> OverloadRules:
    """From when on new calls are turned away."""
    said = settings.overload
    limits = [limit for limit in (int(said.rss), limit_bytes()) if limit]
    return OverloadRules(
        max_inflight=said.max_inflight,
        loop_lag_seconds=said.loop_lag,
        memory_bytes=min(limits, default=0),
        body_bytes=said.body_bytes,
    )


def lossy(settings: Settings) -> Policies:
    """What becomes of calls whose provider cannot be told all that they say."""
    said = settings.translation
    aliases = {name: one.lossy for name, one in settings.aliases.items() if one.lossy is not None}
    return Policies(said.keys, aliases, said.lossy, said.local_tools)


def patience(settings: Settings) -> Callable[[Provider], Patience]:
    """The deadlines of each provider: those of all, and what its section says instead."""
    found: dict[str, Patience] = {}

    def of(provider: Provider) -> Patience:
        name = provider.name
        if name not in found:
            found[name] = _patience_with(settings, name)
        return found[name]

    return of


def _patience_with(settings: Settings, name: str) -> Patience:
    section = settings.providers.get(name)
    changed = msgspec.structs.asdict(section.timeout) if section is not None else {}
    said = {**msgspec.structs.asdict(settings.timeout)} | {
        name: value for name, value in changed.items() if value is not None
    }
    both = {
        f"{name}_seconds": float(said[name])
        for name in ("dns", "connect", "tls", "pool", "write", "idle", "total")
    }
    # A whole answer says nothing until it is complete, so silence means nothing before that.
    return Patience(
        Timers(**both, first_byte_seconds=float(said["first_byte_whole"])),
        Timers(**both, first_byte_seconds=float(said["first_byte"])),
        Silence(
            first_content_seconds=float(said["first_content"]),
            content_idle_seconds=float(said["content_idle"]),
        ),
    )


def proxies(settings: Settings) -> ProxySettings | None:
    said = settings.proxies
    if said.http is None and said.https is None:
        return None
    return ProxySettings(
        http=said.http.reveal() if said.http else "",
        https=said.https.reveal() if said.https else "",
        no_proxy=",".join(said.no_proxy),
    )


def http_limits(settings: Settings) -> HttpLimits:
    http = settings.http
    return HttpLimits(
        first_byte_timeout_s=http.first_byte_timeout,
        head_timeout_s=http.head_timeout,
        body_grace_s=http.body_grace,
        body_min_rate_bytes_per_s=http.body_min_rate,
        body_timeout_s=http.body_timeout,
        keepalive_timeout_s=http.keepalive_timeout,
        crowded_keepalive_timeout_s=http.keepalive_timeout_busy,
        write_stall_s=http.write_stall,
        write_min_rate_bytes_per_s=http.write_min_rate,
        connections=http.connections,
        per_address=http.per_address,
        max_head_bytes=http.max_header,
        max_line_bytes=http.max_line,
        max_fields=http.max_fields,
        max_control_chunked_bytes=http.max_api_body,
        pipeline_buffer_bytes=http.pipeline_buffer,
        drain_bytes=http.unread_body,
    )
