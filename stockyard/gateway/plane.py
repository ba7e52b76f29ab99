"""The data plane: what a request is for, who asks, and the call that answers it.

`open` looks at a head and says who is calling and whether a body is wanted. What it finds out is a
Doorway, which the lane keeps for as long as the client repeats its head. `Doorway.start` gets the
body and begins the Call.
"""

import hashlib
from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from typing import Protocol
from urllib.parse import unquote

from msgspec import Struct

from stockyard.core.exchange import Asked, Caller, Kind
from stockyard.core.ids import Ids
from stockyard.core.target import Credential, Secret
from stockyard.errors import Refused
from stockyard.gateway import (
    about_models,
    egress,
    endpoints,
    held,
    ingress,
    named,
    recalling,
    signpost,
)
from stockyard.gateway.contract import Opening, Peer, Whole
from stockyard.gateway.doorway import Doorway, SteeredDoorway
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.faults import fault_of
from stockyard.gateway.handshake import key_in_protocols
from stockyard.gateway.held_calls import HeldCalls
from stockyard.gateway.http import Head, field_lines
from stockyard.gateway.judged_doorway import JudgedDoorway
from stockyard.gateway.keepers import Keepers
from stockyard.gateway.late_calls import LateCalls
from stockyard.gateway.line import Line
from stockyard.gateway.listing import dialect_of
from stockyard.gateway.office import Office
from stockyard.gateway.realtime import Realtime
from stockyard.gateway.relay import Lasting
from stockyard.gateway.session import FORMAT as REALTIME_FORMAT
from stockyard.gateway.session import Connect, Hall
from stockyard.gateway.spool import Spool
from stockyard.gateway.turning import Asker, Steering
from stockyard.gateway.upload_opening import UploadOpening, brings_file
from stockyard.providers import paths
from stockyard.providers.auth import provider_of_secret, sendable
from stockyard.providers.directory import Directory
from stockyard.providers.provider import CHAT_LIKE
from stockyard.wire.codec import Codec, Forms


class Keys(Protocol):
    """The Keys that we issued."""

    @property
    def generation(self) -> int:
        """Changes with every Key that is made or revoked."""

    def caller_of(self, secret: bytes) -> Caller | None: ...


class Access(Struct, frozen=True):
    """Who may call without one of our Keys, and how much may run at once."""

    bring_your_own: str = "loopback"
    max_inflight: int = 1000
    max_body: int = endpoints.MAX_JSON_BODY
    max_upload: int = endpoints.MAX_UPLOAD
    """Of a body that is no JSON, or a file."""
    allow_unread: bool = False
    """Text that modules cannot read passes even those that mask or block."""
    session: Lasting = Lasting()
    """Of realtime."""


class DataPlane:
    """Fulfils the lane's Plane."""

    def __init__(
        self,
        *,
        line: Line,
        office: Office,
        formats: Mapping[str, Codec],
        keys: Keys,
        directory: Callable[[], Directory],
        access: Access,
        aliases: Callable[[], tuple[str, ...]],
        keepers: Keepers,
        spool: Spool,
        connect: Connect,
    ) -> None:
        self.line = line
        self.office = office
        self.formats = formats
        self.access = access
        self.directory = directory
        self.aliases = aliases
        self.keepers = keepers
        self.ids = Ids()
        self.spool = spool
        self._connect = connect
        self._keys = keys
        self._routes = 0

    @property
    def generation(self) -> int:
        return self._keys.generation + self._routes

    def routes_changed(self) -> None:
        """Providers changed: what was opened before may lead elsewhere now."""
        self._routes += 1 << 32

    def open(self, head: Head, peer: Peer) -> "Opening | Whole | None":
        endpoint = endpoints.find(head.path, head.method, self._native, head.query)
        if endpoint is not None:
            endpoint = endpoints.framed(endpoint, head.query)
        if endpoint is None:
            return self._nowhere(head)
        try:
            return self._admit(head, peer, endpoint)
        except Refused as refusal:
            return self.refuse(head, endpoint, refusal)

    def _nowhere(self, head: Head) -> Whole | None:
        """What a path is told that leads nowhere; None when it may lead into the other plane."""
        meant = signpost.meant_by(head.path)
        if meant is None and not head.path.startswith(endpoints.DATA_PLANE):
            return None
        near = endpoints.UNIFIED.get(meant or "")
        return self.refuse(head, near, Refused(404, "not_found", signpost.words(meant)))

    def _native(self, name: str, rest: str, method: str) -> Endpoint | None:
        provider = self.directory().provider(name)
        if provider is None:
            return None
        found = paths.resolve(provider, rest)
        if found is not None and found.model:
            named = unquote(found.model)
            meant = self.directory().named_at(name, named)
            if meant != named:
                found = paths.resolve(provider, paths.naming(provider, rest, meant))
        if found is None:
            return None
        spoken = found.format if method == "POST" else None
        auth = found.entry.auth if found.entry is not None else provider.auth
        kind = found.kind if spoken in self.formats else "passthrough"
        reach = held.native(found.path, provider)
        needs = "" if kind in CHAT_LIKE or kind == "passthrough" else found.endpoint
        return Endpoint(
            format=spoken or "",
            kind=kind,
            needs=needs if reach is None else reach.collection,
            methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            native=name,
            native_path=found.path,
            native_origin=found.origin,
            native_auth=auth,
            model=unquote(found.model),
            stream=found.streams,
            key_in_query="query:key" in auth,
            holds=reach,
            closed=held.administers(found.path, provider),
            realtime=method == "GET" and found.format == REALTIME_FORMAT,
            recalls=recalling.on_native(spoken, found.path),
        )

    def reader_of(self, format: str, head: Head) -> Codec | None:  # noqa: A002  the word of the field everywhere
        """The codec for bodies of this format below this head. Raises Refused (415)."""
        forms: object = self.formats.get(format)
        if isinstance(forms, Forms):
            return forms.reading(head.field(b"content-type") or b"")
        return self.formats.get(format)

    def check_guards(self, kind: Kind) -> None:
        """Raises Refused (403) when a module keeps calls away whose text it cannot read."""
        guard = self.line.guards.get(kind)
        if guard is None or self.access.allow_unread:
            return
        message = (
            f"The module '{guard}' is on and cannot read what is sent here. "
            "An operator may let it pass (`auth.allow_unread`)."
        )
        refusal = Refused(403, "kind_not_allowed", message)
        refusal.module = guard
        raise refusal

    def usual_model(self, endpoint: Endpoint) -> str:
        """The model of a call that names none. Raises Refused (400) where there is none."""
        alias = endpoint.model_alias
        if alias and (alias in self.aliases() or self.directory().targets(alias, endpoint.kind)):
            return alias
        hint = f" An operator may name a usual one as the alias '{alias}'." if alias else ""
        message = f"The request has no 'model'.{hint}"
        raise Refused(400, "invalid_request", message, param="model")

    def _admit(self, head: Head, peer: Peer, endpoint: Endpoint) -> "Opening | Whole":
        if head.upgrade:
            _refuse_socket(head, endpoint)
        if head.method not in endpoint.methods:
            methods = ", ".join(endpoint.methods)
            message = f"This path takes {methods}, not {head.method}."
            refusal = Refused(405, "method_not_allowed", message)
            allow = field_lines([(b"allow", methods.encode())])
            return self.refuse(head, endpoint, refusal, allow)
        query = paths.kept_query(head.query) if endpoint.key_in_query else head.query
        if ingress.OURS in unquote(f"{head.path}?{query}"):
            raise Refused(400, "secret_in_url", "A Key does not belong into a URL. Make a new one.")
        caller, own = self._identify(head, peer, endpoint)
        coding = head.field(b"content-encoding")
        if coding is not None and coding.lower() != b"identity":
            raise Refused(415, "unsupported_encoding", "The body must not be compressed.")
        asked = ingress.asked_of(head)
        if endpoint.closed:
            message = "This manages an account, or gives out a secret: not through the gateway."
            raise Refused(403, "path_not_allowed", message)
        if endpoint.realtime:
            return self._realtime(head, endpoint, caller, asked, own)
        if endpoint.holds is not None:
            return self._held_calls(head, endpoint, caller, asked, own)
        if about_models.tells(endpoint):
            return self._about_models(head, endpoint, caller, asked, own)
        if endpoint.recalls:
            return self._recalling(head, endpoint, caller, asked, own)
        naming = named.of(endpoint.format, endpoint.native) if own is None else None
        if naming is None:
            way = Doorway(self, head, endpoint, caller, asked, own)
        else:
            way = JudgedDoorway(self, head, endpoint, caller, asked, naming)
        if not brings_file(head, endpoint):
            return way
        return UploadOpening(way, head, self.spool, self.access.max_upload)

    def _about_models(
        self,
        head: Head,
        endpoint: Endpoint,
        caller: Caller,
        asked: Asked,
        own: Credential | None,
    ) -> "Opening | Whole":
        def onward(provider: str, path: str) -> Doorway:
            native = self._native(provider, path, head.method)
            assert native is not None  # noqa: S101  the provider was just found
            return Doorway(self, head, native, caller, asked, None)

        refused = partial(self.refuse, head, endpoint)
        return about_models.answer(
            endpoint,
            head,
            self.directory,
            self.aliases(),
            # Who brings a provider's secret reaches that provider only, and none of these.
            onward if own is None else None,
            refused,
            only=own.provider if own is not None else None,
        )

    def _recalling(
        self,
        head: Head,
        endpoint: Endpoint,
        caller: Caller,
        asked: Asked,
        own: Credential | None,
    ) -> Opening:
        def way(endpoint: Endpoint, own: Credential | None, steering: Steering) -> Doorway:
            return SteeredDoorway(self, head, endpoint, caller, asked, own, steering)

        refused = partial(self.refuse, head, endpoint)
        asker = Asker(
            caller,
            own,
            asked.provider,
            self.keepers,
            self.directory,
            way,
            refused,
            self._late,
        )
        most = min(endpoint.max_body, self.access.max_body)
        return recalling.opening(endpoint, head, asker, most)

    def _realtime(
        self,
        head: Head,
        endpoint: Endpoint,
        caller: Caller,
        asked: Asked,
        own: Credential | None,
    ) -> Opening:
        if not head.upgrade:
            raise Refused(426, "upgrade_refused", "There are WebSockets at this path.")
        self.check_guards("realtime")
        secret, seen = (self._secret(head, endpoint) or "").encode("latin-1"), self._keys.generation

        def welcome() -> bool:
            unchanged = own is not None or self._keys.generation == seen
            return unchanged or self._keys.caller_of(secret) is not None

        refused = partial(self.refuse, head, endpoint)
        hall = Hall(
            self.line,
            self.office,
            self.directory,
            self._connect,
            self.office.plain,
            self.access.max_inflight,
            self.access.session,
            lambda: self.ids.new("req_"),
        )
        return Realtime(hall, head, endpoint, caller, asked, own, welcome, refused)

    def _held_calls(
        self,
        head: Head,
        endpoint: Endpoint,
        caller: Caller,
        asked: Asked,
        own: Credential | None,
    ) -> Opening:
        def onward(
            there: Endpoint, credential: Credential | None, query: str, steering: Steering
        ) -> Opening:
            asking = copy(head)
            asking.query = query
            return SteeredDoorway(self, asking, there, caller, asked, credential, steering)

        refused = partial(self.refuse, head, endpoint)
        return HeldCalls(
            head,
            endpoint,
            caller,
            asked,
            own,
            ids=self.keepers.ids,
            directory=self.directory,
            late=self._late,
            onward=onward,
            refused=refused,
            max_body=min(endpoint.max_body, self.access.max_body),
            max_upload=self.access.max_upload,
            spool=self.spool,
        )

    def _late(self, team_id: str, provider: str, credential: Credential | None) -> LateCalls:
        new_id = partial(self.ids.new, "req_")
        return LateCalls(self.office, self.keepers, new_id, team_id, provider, credential)

    def _identify(
        self, head: Head, peer: Peer, endpoint: Endpoint
    ) -> tuple[Caller, Credential | None]:
        if head.raw.lower().count(b"\nauthorization:") > 1:
            raise Refused(401, "invalid_key", "There must be at most one Authorization field.")
        secret = self._secret(head, endpoint)
        if not secret:
            raise Refused(401, "invalid_key", _no_key(head, secret))
        if secret.startswith(ingress.OURS):
            caller = self._keys.caller_of(secret.encode("latin-1"))
            if caller is None:
                raise Refused(401, "invalid_key", "This Key is not known, or was revoked.")
            return self._placed(caller, head, peer), None
        return self._own(secret, head, peer, endpoint)

    def _secret(self, head: Head, endpoint: Endpoint) -> str | None:
        """The secret the caller sent; None when there is none, "" when it is empty."""
        secret = ingress.secret_of(head)
        if secret is None and endpoint.key_in_query:
            secret = ingress.key_in(head.query)
        if secret is None and endpoint.realtime:
            secret = key_in_protocols(head)
        return secret

    def _own(
        self, secret: str, head: Head, peer: Peer, endpoint: Endpoint
    ) -> tuple[Caller, Credential]:
        """A caller who brings a provider's secret. It goes to that provider and nowhere else."""
        allowed = self.access.bring_your_own == "loopback" and peer.loopback
        provider = provider_of_secret(secret) if sendable(secret) else None
        if not allowed or provider is None or endpoint.native not in (None, provider):
            raise Refused(401, "invalid_key", _no_key_of_ours(secret))
        credential = Credential(
            id=f"own:{own_digest(secret)}", provider=provider, secret=Secret(secret), own=True
        )
        caller = Caller(key_id=credential.id, key_name=credential.id, team_id="unassigned")
        return self._placed(caller, head, peer), credential

    def _placed(self, caller: Caller, head: Head, peer: Peer) -> Caller:
        agent = head.field(b"user-agent")
        return Caller(
            key_id=caller.key_id,
            key_name=caller.key_name,
            team_id=caller.team_id,
            project=caller.project,
            labels=caller.labels,
            address=peer.address,
            loopback=peer.loopback,
            app=agent.decode("latin-1")[:128] if agent is not None else "",
        )

    def refuse(
        self, head: Head, endpoint: Endpoint | None, refusal: Refused, extra: bytes = b""
    ) -> Whole:
        """A refusal before there is an Exchange, in the words of whoever asks."""
        request_id = ingress.request_id_of(head) or self.ids.new("req_")
        own = f"x-request-id: {request_id}\r\n".encode()
        fault = fault_of(refusal, None, request_id)
        return egress.refusal(self._words(head, endpoint), fault, own + extra)

    def _words(self, head: Head, endpoint: Endpoint | None) -> Codec:
        """The format of the path; on a shared or unknown one, the client's (`wire.md` 2.2)."""
        if endpoint is not None and not endpoint.models and endpoint.format in self.formats:
            return self.formats[endpoint.format]
        return self.formats.get(dialect_of(head), self.office.plain)


def _refuse_socket(head: Head, endpoint: Endpoint) -> None:
    """Who wants a WebSocket is told so where its client knows what to do next."""
    if endpoint.sockets_later:
        raise Refused(426, "upgrade_refused", "This path is served over HTTP. Send a POST.")
    websocket = (head.field(b"upgrade") or b"").lower() == b"websocket"
    if head.method == "GET" and websocket and not endpoint.realtime:
        raise Refused(404, "not_found", "There is no WebSocket at this path.")


def _no_key(head: Head, secret: str | None) -> str:
    hint = (
        "Send a Key: `Authorization: Bearer sk-sy-...`. Make one: `stockyard keys create my-app`."
    )
    if secret is None:
        return hint
    if not (head.field(b"authorization") or b"bearer").lower().startswith(b"bearer"):
        return f"{hint} (Your Authorization does not begin with `Bearer `.)"
    return f"{hint} (Your bearer was empty.)"


def _no_key_of_ours(secret: str) -> str:
    if secret.startswith(ingress.ADMIN):
        return "This is an admin credential. Calls take a Key (`sk-sy-...`)."
    if ingress.OURS in secret:
        return "This is not a Key of this gateway: one begins with `sk-sy-`, without quotes."
    return "This is not a Key of this gateway."


def own_digest(secret: str) -> str:
    """What may be shown of a caller's own secret: the first 8 hex digits of its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
