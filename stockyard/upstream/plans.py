"""Make Plans and cache them: one for each Target, client format and kind of call.

On native paths each call has its own Plan, because path and header fields are the client's.
"""

from collections.abc import Callable, Container, Mapping
from typing import Any, NamedTuple, Protocol

from msgspec.structs import replace

from stockyard import __version__
from stockyard.core.exchange import Exchange, Reads
from stockyard.core.ports import Models
from stockyard.core.target import Credential, Target
from stockyard.errors import Refused
from stockyard.providers import paths, quirks
from stockyard.providers.auth import Proof, authorize
from stockyard.providers.needs import needs_of
from stockyard.providers.provider import BY_CHAT, COUNT, Provider
from stockyard.providers.quirks.calls import APP_FIELDS, app_of, polled_by
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import request_head
from stockyard.upstream.plan import AS, NO_DETOUR, Detour, Patience, Plan
from stockyard.upstream.polling import Polling
from stockyard.upstream.prover import Prover, Provers, no_provers
from stockyard.upstream.transport import Transport
from stockyard.wire.codec import Codec, Expects, Forms, Media, Plain, Renames, Traits
from stockyard.wire.efforts import efforts_in, says_efforts
from stockyard.wire.whole import WholeCodec

MAX_PLANS = 2_000
LONGEST_KEPT = 256
"""Plans for longer names of models are not cached, because callers may send any name."""
FLOWS_FROM = 1024 * 1024
UNREAD: frozenset[Reads] = frozenset({"nothing"})
TEXTLESS: frozenset[Reads] = frozenset({"nothing", "texts"})
"""The same for answers that are images or audio."""
LONG_ANSWER = 21_334
"""A number of tokens that may take more than ten minutes to generate. No connection should be
silent for so long, and the official libraries refuse to wait (`wire.md` 4.4, 5.2)."""
USER_AGENT = f"stockyard/{__version__}".encode()
BYTES_ONLY = frozenset({"ollama.chat", "bedrock.converse", "bedrock.invoke"})
"""Formats in which an image cannot be a URL."""
VERSIONED = ("anthropic.messages", "anthropic.count")
ANTHROPIC_VERSION = b"2023-06-01"
"""The version for requests that are translated to `anthropic.messages`."""


class Directory(Models, Protocol):
    """The providers that can be called now."""

    def provider(self, name: str) -> Provider | None: ...

    trial: bool
    formats: Container[str]
    """The formats that have a codec."""

    def near(self, model: str) -> list[str]: ...
    def at_home(self, model: str, format: str, kind: str) -> tuple[Target, ...]: ...
    def lacking(self, model: str) -> Provider | None: ...
    def can_call(self, provider: str) -> bool: ...
    def unready(self, model: str) -> Provider | None: ...


class Plans:
    """A changed Directory means a new Plans."""

    def __init__(
        self,
        directory: Directory,
        formats: Mapping[str, Codec],
        transports: Mapping[str, Transport],
        origin: Callable[[Provider, str], Origin],
        patience: Callable[[Provider], Patience],
        provers: Provers = no_provers,
        max_output: Callable[[Target], int | None] = lambda target: None,
        efforts: Callable[[Target], tuple[str, ...]] = lambda target: (),
        is_listed: Callable[[Target], bool] = lambda target: True,
    ) -> None:
        """`is_listed`: whether the price list has the model."""
        self.directory = directory
        self._formats = formats
        self._transports = transports
        self._origin = origin
        self._patience = patience
        self._provers = provers
        self._max_output = max_output
        self._efforts = efforts
        self._is_listed = is_listed
        self._plans: dict[tuple[int, str, str], Plan] = {}

    def of(self, target: Target, x: Exchange) -> Plan:
        """The Plan for calling this Target for this Exchange. Raises Refused (503 `no_target`)."""
        inbound = x.inbound
        if inbound.native is not None:
            return self._native(target, x)
        # By identity: a Directory returns the same Target objects, and hashing one takes longer
        # than everything else here. A Plan holds its Target, so the identity is not reused.
        key = (id(target), inbound.format, x.needs)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._unified(target, inbound.format, x.needs)
            if len(target.model) > LONGEST_KEPT:
                return plan
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            self._plans[key] = plan
        return plan

    def _provider(self, target: Target) -> Provider:
        provider = self.directory.provider(target.provider)
        if provider is None:
            raise no_target(f"The provider '{target.provider}' is not configured.")
        return provider

    def _check_callable(self, target: Target) -> None:
        if target.credential is None and not self.directory.can_call(target.provider):
            needs = needs_of(self._provider(target))
            raise no_target(f"'{target.provider}' cannot be called yet. {needs}", None)

    # Unified paths

    def _unified(self, target: Target, wanted: str, needs: str) -> Plan:
        provider = self._provider(target)
        self._check_callable(target)
        entry = provider.entry_for(needs, wanted, self._formats, target.model)
        if entry is None and needs in BY_CHAT:
            return self._by_chat(target, wanted, needs)
        if entry is None:
            raise no_target(f"The provider '{provider.name}' cannot take this kind of call.")
        app = app_of(provider.fields, provider.quirks)
        fields = self._fields(provider, entry.format, wanted, app)
        way = _Way("POST", entry.origin, entry.path_for(target.model), "", entry.auth, fields)
        stream_path = entry.path_for(target.model, stream=True)
        streamed = way._replace(path=stream_path, query=entry.stream_query)
        head = self._head(target, provider, way, streamed)
        plan = self._plan(target, provider, entry.format, head, forward=entry.format == wanted)
        if app:
            plan = replace(plan, headers=f"{plan.headers}{AS}{app}")
        if (polling := _polling(plan, way)) is not None:
            plan = _with_detour(plan, polling=polling)
        return self._with_other_ways(plan, needs)

    def _by_chat(self, target: Target, wanted: str, needs: str) -> Plan:
        """A Plan for something that the provider does not offer, but a chat can replace."""
        chat = replace(self._unified(target, wanted, "chat"), forward=False)
        if needs == COUNT:
            return replace(chat, reckons=True)
        return _with_detour(chat, summarises=True)

    def _fields(
        self, provider: Provider, spoken: str, wanted: str, app: str
    ) -> list[tuple[bytes, bytes]]:
        """The header fields that we add to each request."""
        fields = [f for f in provider.fields if not app or f[0] not in APP_FIELDS]
        if spoken in VERSIONED and spoken != wanted and not quirks.in_body(provider, spoken):
            fields.append((b"anthropic-version", ANTHROPIC_VERSION))
        if not isinstance(self._formats[spoken], Forms):
            fields.append((b"content-type", b"application/json"))
        return [*fields, (b"accept-encoding", b"identity"), (b"user-agent", USER_AGENT)]

    def _with_other_ways(self, plan: Plan, needs: str) -> Plan:
        """Add the other Plans that some calls need. Neither can forward the client's bytes."""
        provider, target = plan.provider, plan.target
        peculiar = provider.traits_of(target.model)
        gathered = for_reasoning_tools = None
        gathered_from = 0
        if "streams_only" in peculiar and "thinking_stream_only" in provider.traits:
            gathered = replace(plan, forward=False)
        elif plan.format == "anthropic.messages" and not plan.forward:
            gathered, gathered_from = plan, LONG_ANSWER
        if (
            "tools_refuse_effort" in peculiar
            and "responses_for_reasoning_tools" in provider.traits
            and plan.format == "openai.chat"
        ):
            other = self._unified(target, "openai.responses", needs)
            for_reasoning_tools = replace(other, forward=False)
        if gathered is None and for_reasoning_tools is None:
            return plan
        return _with_detour(
            plan,
            gathered=gathered,
            gathered_from=gathered_from,
            for_reasoning_tools=for_reasoning_tools,
        )

    # Native paths

    def _native(self, target: Target, x: Exchange) -> Plan:
        inbound, provider = x.inbound, self._provider(target)
        self._check_callable(target)
        path = inbound.native_path
        if target.model != x.received.model:  # an alias stood for it
            path = paths.naming(provider, path, target.model)
        way = _Way(
            inbound.method,
            inbound.native_origin,
            path,
            inbound.query,
            inbound.native_auth,
            inbound.headers.forward_native(),
        )
        head = self._head(target, provider, way, way)
        return self._plan(target, provider, inbound.format, head, forward=True)

    # Both

    def _head(self, target: Target, provider: Provider, way: "_Way", streamed: "_Way") -> "_Head":
        origin = self._origin(provider, way.origin)
        credential = target.credential
        scheme = _scheme(way, credential)
        prover = self._provers(provider, scheme, credential) if credential else None
        shown = credential if prover is None else None
        start = stream_start = _start(provider, way, origin, scheme, shown)
        if streamed != way:
            stream_start = _start(provider, streamed, origin, scheme, shown)
        return _Head(origin, start, stream_start, prover)

    def _plan(
        self, target: Target, provider: Provider, spoken: str, head: "_Head", *, forward: bool
    ) -> Plan:
        """`spoken`: the provider's format."""
        codec = self._formats.get(spoken)
        media = codec if isinstance(codec, Media) else None
        spelled = codec if isinstance(codec, WholeCodec) else None
        traits = provider.traits | provider.traits_of(target.model)
        in_body = quirks.in_body(provider, spoken)
        patience = self._patience(provider)
        ours = target.credential is not None and not target.credential.own
        return Plan(
            target=target,
            provider=provider,
            traits=traits,
            format=spoken,
            codec=codec,
            forms=codec if isinstance(codec, Forms) else None,
            spelled=spelled,
            forward=forward,
            quirked=quirks.concern(provider, spoken),
            quirk_marks=quirks.marks(provider, spoken),
            plain=codec.plain(traits) if forward and isinstance(codec, Plain) else None,
            unread=UNREAD if media is None else TEXTLESS,
            flows_from=FLOWS_FROM if media is None else media.flows_from,
            include_usage="no_stream_options" not in provider.traits,
            start=head.start,
            stream_start=head.stream_start,
            headers="" if in_body else spoken,
            betas_in_body=in_body,
            transport=self._transports[provider.transport],
            origin=head.origin,
            whole=patience.whole,
            stream=patience.stream,
            silence=patience.silence,
            max_output=self._max_output(target),
            efforts=self._efforts_of(target, spoken, traits),
            most_items=spelled.most_items_of(traits) if spelled and not forward else 0,
            tuned=ours and bool(target.model) and not self._is_listed(target),
            answering=None if codec is None else _answering(codec, forward=forward),
            detour=_detour(spoken, traits, head.prover, in_body=in_body, forward=forward),
        )

    def _efforts_of(self, target: Target, spoken: str, traits: Traits) -> tuple[str, ...]:
        if not says_efforts(spoken, traits):
            return ()
        return efforts_in(traits) or self._efforts(target)


class _Way(NamedTuple):
    """The parts of a request's head."""

    method: str
    origin: str
    path: str
    query: str
    auth: tuple[str, ...]
    fields: list[tuple[bytes, bytes]]


class _Head(NamedTuple):
    """The Origin of a request, and the beginning of its head."""

    origin: Origin
    start: bytes
    stream_start: bytes
    prover: Prover | None


def _scheme(way: _Way, credential: Credential | None) -> str:
    if credential is None:
        return "none"
    return credential.scheme or next((s for s in way.auth if s != "none"), "none")


def _start(
    provider: Provider, way: _Way, origin: Origin, scheme: str, credential: Credential | None
) -> bytes:
    """The beginning of a head, with the authorization if there is a Credential."""
    proof = authorize(scheme, credential.secret.reveal()) if credential else Proof()
    queries = "&".join(q for q in (way.query, _row_query(provider, way), proof.query) if q)
    where = f"{way.path}?{queries}" if queries else way.path
    head = request_head(
        way.method.encode(), where.encode(), origin.host, [*proof.fields, *way.fields], None
    )
    return head[:-2]


def _row_query(provider: Provider, way: _Way) -> str:
    """The query parameters of the catalog row, for paths below its base URL. The caller's own have
    precedence."""
    if not provider.query or not way.path.startswith(provider.prefix + "/"):
        return ""
    said = {parameter.partition("=")[0] for parameter in way.query.split("&")}
    return "&".join(p for p in provider.query.split("&") if p.partition("=")[0] not in said)


def _detour(
    spoken: str,
    traits: Traits,
    prover: Prover | None,
    *,
    in_body: bool,
    forward: bool,
) -> Detour | None:
    # Claude accepts no URLs when it is hosted by somebody else.
    takes_bytes = (spoken in BYTES_ONLY and not forward) or in_body or "images_as_bytes" in traits
    return Detour(prover=prover, takes_bytes=takes_bytes) if prover or takes_bytes else None


def _answering(codec: Codec, *, forward: bool) -> Callable[[Any], Codec] | None:
    if isinstance(codec, Expects):
        return codec.expecting
    return codec.answering if isinstance(codec, Renames) and not forward else None


def _with_detour(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, detour=replace(plan.detour or NO_DETOUR, **changes))


def _polling(plan: Plan, way: _Way) -> Polling | None:
    """How to poll for answers after a 202, if the provider works like that here."""
    polled = polled_by(plan.provider.quirks)
    if polled is None or way.origin != plan.provider.origin or plan.proved:
        return None
    path = plan.provider.prefix + polled.path
    asking = way._replace(method="GET", path=path, query="", fields=list(plan.provider.fields))
    credential = plan.target.credential
    start = _start(plan.provider, asking, plan.origin, _scheme(asking, credential), credential)
    before, _, after = start.partition(b"{id}")
    return Polling(polled.field, before, after)


def no_target(message: str, retry_after: float | None = 5) -> Refused:
    return Refused(503, "no_target", message, retry_after=retry_after)
