"""How one Target is called: everything about a call that does not change from call to call.

A Plan is made once for a Target and a client format and kept: where the bytes go, which codec
writes them, and the beginning of the request's head, ready to be sent.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from stockyard import __version__
from stockyard.core.exchange import Exchange
from stockyard.core.ports import Models
from stockyard.core.target import Credential, Target
from stockyard.errors import Refused
from stockyard.providers import paths, quirks
from stockyard.providers.auth import Proof, authorize
from stockyard.providers.needs import needs_of
from stockyard.providers.provider import BY_CHAT, COUNT, Provider
from stockyard.providers.quirks.calls import APP_FIELDS, app_of, polled_by
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Timers, request_head
from stockyard.upstream.polling import Polling
from stockyard.upstream.prover import Prover, Provers, no_provers
from stockyard.upstream.silence import Silence
from stockyard.upstream.transport import Transport
from stockyard.wire.codec import Codec, Expects, Forms, Media, Plain, Renames, Traits
from stockyard.wire.efforts import efforts_in, says_efforts
from stockyard.wire.whole import WholeCodec

MAX_PLANS = 2_000
LONGEST_KEPT = 256
"""Characters of a model's name in a Plan that is kept: a caller may send any."""
FLOWS_FROM = 1024 * 1024
LONG_ANSWER = 21_334
"""Tokens that may take more than ten minutes to write. No connection should be silent for so long,
and the official libraries refuse to wait (`wire.md` 4.4, 5.2)."""
USER_AGENT = f"stockyard/{__version__}".encode()
BYTES_ONLY = frozenset({"ollama.chat", "bedrock.converse", "bedrock.invoke"})
"""Formats that have no word for the URL of an image."""
AS = " as "
VERSIONED = ("anthropic.messages", "anthropic.count")
ANTHROPIC_VERSION = b"2023-06-01"
"""What a request says that was translated to `anthropic.messages` (the client could not)."""


class Directory(Models, Protocol):
    """The providers that can be called now."""

    def provider(self, name: str) -> Provider | None: ...

    trial: bool

    def near(self, model: str) -> list[str]: ...
    def at_home(self, model: str, format: str, kind: str) -> tuple[Target, ...]: ...  # noqa: A002  the word of the field everywhere
    def lacking(self, model: str) -> Provider | None: ...
    def can_call(self, provider: str) -> bool: ...
    def unready(self, model: str) -> Provider | None: ...


class Patience(NamedTuple):
    """How long a provider may take."""

    whole: Timers
    stream: Timers
    silence: Silence


class Plan(Struct, frozen=True, eq=False):
    target: Target
    provider: Provider
    codec: Codec | None
    """None on a native path that no codec can read."""
    forms: Forms | None
    """The same codec, if its requests are not always JSON."""
    answering: Callable[[Any], Codec] | None
    """Gives the codec for the answer to one request, where that depends on what is asked."""
    textless: bool
    """Whether whole answers hold no text that a module could change."""
    flows_from: int
    """From how many bytes on a whole answer that nobody reads is relayed as it comes."""
    format: str
    forward: bool
    """The client speaks the provider's format, so bytes may pass as they are."""
    traits: Traits
    transport: Transport
    origin: Origin
    start: bytes
    """The head up to the fields that change: request line, host, proof, our constants."""
    stream_start: bytes
    """The same of a request for a stream; some formats ask for one in the path."""
    whole: Timers
    stream: Timers
    silence: Silence
    """Ends streams that go on without content."""
    quirked: bool
    """Whether the provider wants corrections of requests in this format."""
    max_output: int | None
    """The most that the model can write, for formats that must state a limit."""
    efforts: tuple[str, ...]
    """The efforts of thinking that the model takes; empty if nobody says, or none is told."""
    include_usage: bool
    """Ask for usage in streams whether or not the client did."""
    headers: str
    """The format whose header fields of the client go on; empty for none. Behind it, after `AS`,
    what the client is called where the provider wants to know and the client does not say."""
    plain: Callable[[bytes], bytes] | None
    """Makes an answer that is forwarded ordinary, where the provider has ways of its own."""
    betas_in_body: bool
    """What the client's `anthropic-beta` says is said in the body instead."""
    prover: Prover | None
    """Makes the proof of each call, where `start` cannot hold it."""
    gathered: "Plan | None" = None
    """How it is called for a whole answer, where that has to be put together from a stream."""
    gathered_from: int = 0
    """How long the answer may become before that is so; 0 means that it always is."""
    for_reasoning_tools: "Plan | None" = None
    """How it is called for tools together with a reasoning effort, where `format` refuses that."""
    reckons: bool = False
    """What is asked is answered here, by an estimate: nothing is sent."""
    summarises: bool = False
    """The summary that is asked for is asked for in a chat, in words."""
    takes_bytes: bool = False
    """Images that are named by URLs have to be fetched for it."""
    polling: Polling | None = None
    """How it is asked for an answer that it makes later."""
    special: bool = False
    """Whether any of the six above concerns it; nearly all Plans are plain."""
    most_items: int = 0
    """How many inputs one request may have, where it is written anew; 0 is no limit."""


class Plans:
    """Makes Plans and keeps them. A changed Directory means a new Plans."""

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
    ) -> None:
        self.directory = directory
        self._formats = formats
        self._transports = transports
        self._origin = origin
        self._patience = patience
        self._provers = provers
        self._max_output = max_output
        self._efforts = efforts
        self._plans: dict[tuple[int, str, str], Plan] = {}

    def of(self, target: Target, x: Exchange) -> Plan:
        """The Plan for calling this Target for this Exchange. Raises Refused (503 `no_target`)."""
        inbound = x.inbound
        if inbound.native is not None:
            return self._native(target, x)
        # By identity: a Directory gives out the same Target again, and hashing one takes longer
        # than all else here. A Plan holds its Target, so no other can take over its identity.
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

    def _unified(self, target: Target, wanted: str, needs: str) -> Plan:
        provider = self._provider(target)
        entry = provider.entry_for(needs, wanted, self._formats, target.model)
        if entry is None and needs in BY_CHAT:
            chat = replace(self._unified(target, wanted, "chat"), forward=False)
            if needs == COUNT:
                return replace(chat, reckons=True)
            return replace(chat, summarises=True, special=True)
        if entry is None:
            raise no_target(f"The provider '{provider.name}' cannot take this kind of call.")
        name = entry.format
        app = app_of(provider.fields, provider.quirks)
        fields = [f for f in provider.fields if not app or f[0] not in APP_FIELDS]
        if name in VERSIONED and name != wanted and not quirks.in_body(provider, name):
            fields.append((b"anthropic-version", ANTHROPIC_VERSION))
        if not isinstance(self._formats[name], Forms):
            fields.append((b"content-type", b"application/json"))
        fields += ((b"accept-encoding", b"identity"), (b"user-agent", USER_AGENT))
        way = _Way("POST", entry.origin, entry.path_for(target.model), "", entry.auth, fields)
        stream_path = entry.path_for(target.model, stream=True)
        streamed = way._replace(path=stream_path, query=entry.stream_query)
        plan = self._plan(provider, name, name == wanted, way, streamed, target)
        if app:
            plan = replace(plan, headers=f"{plan.headers}{AS}{app}")
        if (polling := _polling(plan, way)) is not None:
            plan = replace(plan, polling=polling, special=True)
        return self._with_detours(plan, needs)

    def _with_detours(self, plan: Plan, needs: str) -> Plan:
        """What calls it otherwise now and then. Neither way can forward the client's bytes."""
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
        return replace(
            plan,
            gathered=gathered,
            gathered_from=gathered_from,
            for_reasoning_tools=for_reasoning_tools,
            special=True,
        )

    def _native(self, target: Target, x: Exchange) -> Plan:
        inbound, provider = x.inbound, self._provider(target)
        if target.credential is None and not self.directory.can_call(provider.name):
            raise no_target(f"'{provider.name}' cannot be called yet. {needs_of(provider)}", None)
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
        return self._plan(provider, inbound.format, True, way, way, target)

    def _plan(
        self,
        provider: Provider,
        name: str,
        forward: bool,
        way: "_Way",
        streamed: "_Way",
        target: Target,
    ) -> Plan:
        origin = self._origin(provider, way.origin)
        patience = self._patience(provider)
        codec = self._formats.get(name)
        traits = provider.traits | provider.traits_of(target.model)
        in_body = quirks.in_body(provider, name)
        credential = target.credential
        scheme = _scheme(way, credential)
        prover = self._provers(provider, scheme, credential) if credential else None
        shown = credential if prover is None else None
        start = _start(provider, way, origin, scheme, shown)
        answering = _answering(codec, forward=forward)
        # Claude takes no URLs where somebody else hosts it.
        takes_bytes = (name in BYTES_ONLY and not forward) or in_body or "images_as_bytes" in traits
        return Plan(
            target=target,
            provider=provider,
            codec=codec,
            forms=codec if isinstance(codec, Forms) else None,
            answering=answering,
            textless=isinstance(codec, Media),
            flows_from=codec.flows_from if isinstance(codec, Media) else FLOWS_FROM,
            format=name,
            forward=forward,
            traits=traits,
            transport=self._transports[provider.transport],
            origin=origin,
            start=start,
            stream_start=start
            if streamed == way
            else _start(provider, streamed, origin, scheme, shown),
            whole=patience.whole,
            stream=patience.stream,
            silence=patience.silence,
            quirked=quirks.concern(provider, name),
            max_output=self._max_output(target),
            efforts=self._efforts_of(target, name, traits),
            include_usage="no_stream_options" not in provider.traits,
            headers="" if in_body else name,
            plain=codec.plain(traits) if forward and isinstance(codec, Plain) else None,
            betas_in_body=in_body,
            prover=prover,
            most_items=codec.most_items_of(traits)
            if isinstance(codec, WholeCodec) and not forward
            else 0,
            takes_bytes=takes_bytes,
            special=prover is not None or answering is not None or takes_bytes,
        )

    def _efforts_of(self, target: Target, name: str, traits: Traits) -> tuple[str, ...]:
        if not says_efforts(name, traits):
            return ()
        return efforts_in(traits) or self._efforts(target)


def _answering(codec: Codec | None, *, forward: bool) -> Callable[[Any], Codec] | None:
    if codec is None:
        return None
    if isinstance(codec, Expects):
        return codec.expecting
    return codec.answering if isinstance(codec, Renames) and not forward else None


class _Way(NamedTuple):
    """What goes into the head of a request."""

    method: str
    origin: str
    path: str
    query: str
    auth: tuple[str, ...]
    fields: list[tuple[bytes, bytes]]


def _scheme(way: _Way, credential: Credential | None) -> str:
    if credential is None:
        return "none"
    return credential.scheme or next((s for s in way.auth if s != "none"), "none")


def _start(
    provider: Provider, way: _Way, origin: Origin, scheme: str, credential: Credential | None
) -> bytes:
    """The beginning of a head, with the proof if there is a Credential to show."""
    proof = authorize(scheme, credential.secret.reveal()) if credential else Proof()
    queries = "&".join(q for q in (way.query, _row_query(provider, way), proof.query) if q)
    where = f"{way.path}?{queries}" if queries else way.path
    head = request_head(
        way.method.encode(), where.encode(), origin.host, [*proof.fields, *way.fields], None
    )
    return head[:-2]


def _polling(plan: Plan, way: _Way) -> Polling | None:
    """How the provider is asked for what it makes after it has said 202, if it does that here."""
    polled = polled_by(plan.provider.quirks)
    if polled is None or way.origin != plan.provider.origin or plan.prover is not None:
        return None
    path = plan.provider.prefix + polled.path
    asking = way._replace(method="GET", path=path, query="", fields=list(plan.provider.fields))
    credential = plan.target.credential
    start = _start(plan.provider, asking, plan.origin, _scheme(asking, credential), credential)
    before, _, after = start.partition(b"{id}")
    return Polling(polled.field, before, after)


def _row_query(provider: Provider, way: _Way) -> str:
    """The row's parameters belong to what stands below its base URL; a caller's own come first."""
    if not provider.query or not way.path.startswith(provider.prefix + "/"):
        return ""
    said = {parameter.partition("=")[0] for parameter in way.query.split("&")}
    return "&".join(p for p in provider.query.split("&") if p.partition("=")[0] not in said)


def no_target(message: str, retry_after: float | None = 5) -> Refused:
    return Refused(503, "no_target", message, retry_after=retry_after)
