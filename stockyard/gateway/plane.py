"""The data plane: what a request is for, who asks, and the call that answers it.

`open` looks at a head and says who is calling and whether a body is wanted. What it finds out is a
Doorway, which the lane keeps for as long as the client repeats its head. `Doorway.start` gets the
body and begins the Call.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote

from msgspec import Struct

from stockyard.core.caller import Caller
from stockyard.core.ids import Ids
from stockyard.core.inbound import Asked
from stockyard.core.kind import Kind
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway import (
    about_models,
    closed_paths,
    endpoints,
    held,
    ingress,
    named,
    noticing,
    recalling,
    signpost,
)
from stockyard.gateway.account_doorway import AccountDoorway
from stockyard.gateway.callers import Callers, Keys, on_behalf
from stockyard.gateway.contract import Opening, Peer, Whole
from stockyard.gateway.declined import Declining
from stockyard.gateway.doorway import Doorway, SteeredDoorway
from stockyard.gateway.endpoints import Endpoint
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
from stockyard.providers.directory import Directory
from stockyard.providers.provider import CHAT_LIKE
from stockyard.wire.codec import Codec, Forms


class Access(Struct, frozen=True):
    """Who may call without one of our Keys, and how much they may send."""

    bring_your_own: str = "loopback"
    max_body: int = endpoints.MAX_JSON_BODY
    max_upload: int = endpoints.MAX_UPLOAD
    """Of a body that is no JSON, or a file."""
    allow_unread: bool = False
    """Text that modules cannot read passes even those that mask or block."""
    session: Lasting = Lasting()
    """Of realtime."""


class Visit(NamedTuple):
    """What is known of a request once its caller is known."""

    head: Head
    endpoint: Endpoint
    caller: Caller
    asked: Asked
    own: Credential | None
    """The provider's secret that the caller brought."""


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
        self.declined: Counter[str] = Counter()
        """How many requests were refused before a call began, by code. There are few codes."""
        self._connect = connect
        self._callers = Callers(keys, lambda: self.access.bring_your_own)
        self._routes = 0

    @property
    def generation(self) -> int:
        return self._callers.generation + self._routes

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
        meant = signpost.meant_by(head.path, self._native)
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
        reach = held.native(found.path, method, provider)
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
            closed=closed_paths.administers(found.path, provider),
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
        if ingress.shows_secret(head, key_in_query=endpoint.key_in_query):
            raise Refused(400, "secret_in_url", "A Key does not belong in a URL. Make a new one.")
        caller, own = self._callers.identify(head, peer, endpoint)
        try:
            return self._enter(head, endpoint, caller, own)
        except Refused as refusal:
            return Declining(self, head, endpoint, caller)(refusal)

    def _enter(
        self, head: Head, endpoint: Endpoint, caller: Caller, own: Credential | None
    ) -> "Opening | Whole":
        coding = head.field(b"content-encoding")
        if coding is not None and coding.lower() != b"identity":
            raise Refused(415, "unsupported_encoding", "The body must not be compressed.")
        asked = ingress.asked_of(head)
        if endpoint.closed:
            message = "Accounts are not managed through the gateway, nor are secrets given out."
            raise Refused(403, "path_not_allowed", message)
        caller = on_behalf(caller, asked)
        visit = Visit(head, endpoint, caller, asked, own)
        if endpoint.realtime:
            return self._realtime(visit)
        if endpoint.holds is not None:
            return self._held_calls(visit)
        if endpoint.about:
            return self._about_models(visit)
        if endpoint.recalls:
            return self._recalling(visit)
        naming = named.of(endpoint.format, endpoint.native) if own is None else None
        if own is None and endpoint.kind == "passthrough":
            way: Doorway = AccountDoorway(self, head, endpoint, caller, asked)
        elif naming is None:
            way = Doorway(self, *visit)
        else:
            notice = noticing.of(endpoint.format)
            way = JudgedDoorway(self, head, endpoint, caller, asked, naming, notice)
        if not brings_file(head, endpoint):
            return way
        return UploadOpening(way, head, self.spool, self.access.max_upload)

    def _about_models(self, visit: Visit) -> "Opening | Whole":
        own = visit.own

        def onward(provider: str, path: str) -> Doorway:
            native = self._native(provider, path, visit.head.method)
            assert native is not None  # noqa: S101  the provider was just found
            return Doorway(self, *visit._replace(endpoint=native, own=None))

        # Not in the books of calls: nobody is called.
        declining = Declining(self, visit.head, visit.endpoint)
        answer = about_models.answer(
            visit.endpoint,
            visit.head,
            self.directory,
            self.aliases(),
            # A caller with a provider's secret reaches that provider only, and none of these.
            onward if own is None else None,
            declining.say,
            only=own.provider if own is not None else None,
        )
        return declining.named(answer) if isinstance(answer, Whole) else answer

    def _recalling(self, visit: Visit) -> Opening:
        def way(endpoint: Endpoint, own: Credential | None, steering: Steering) -> Doorway:
            return SteeredDoorway(self, *visit._replace(endpoint=endpoint, own=own), steering)

        head, endpoint = visit.head, visit.endpoint
        refused = self._declining(visit)
        asker = Asker(
            visit.caller,
            visit.own,
            visit.asked.provider,
            self.keepers,
            self.directory,
            way,
            refused,
            self._late,
        )
        most = min(endpoint.max_body, self.access.max_body)
        return recalling.opening(endpoint, head, asker, most)

    def _realtime(self, visit: Visit) -> Opening:
        head, endpoint = visit.head, visit.endpoint
        if not head.upgrade:
            raise Refused(426, "upgrade_refused", "This path takes WebSockets only.")
        self.check_guards("realtime")
        welcome = self._callers.standing(head, endpoint) if visit.own is None else lambda: True
        hall = Hall(
            self.line,
            self.office,
            self.directory,
            self._connect,
            self.office.plain,
            self.access.session,
            lambda: self.ids.new("req_"),
        )
        return Realtime(hall, *visit, welcome, self._declining(visit))

    def _held_calls(self, visit: Visit) -> Opening:
        def onward(
            there: Endpoint, credential: Credential | None, query: str, steering: Steering
        ) -> Opening:
            asking = copy(visit.head)
            asking.query = query
            onto = visit._replace(head=asking, endpoint=there, own=credential)
            return SteeredDoorway(self, *onto, steering)

        return HeldCalls(
            *visit,
            ids=self.keepers.ids,
            directory=self.directory,
            late=self._late,
            onward=onward,
            refused=self._declining(visit),
            max_body=min(visit.endpoint.max_body, self.access.max_body),
            max_upload=self.access.max_upload,
            spool=self.spool,
        )

    def _late(self, team_id: str, provider: str, credential: Credential | None) -> LateCalls:
        new_id = partial(self.ids.new, "req_")
        return LateCalls(self.office, self.keepers, new_id, team_id, provider, credential)

    def refuse(
        self, head: Head, endpoint: Endpoint | None, refusal: Refused, extra: bytes = b""
    ) -> Whole:
        """Refuse a request before it is known who asks."""
        return Declining(self, head, endpoint)(refusal, extra)

    def _declining(self, visit: Visit) -> Declining:
        return Declining(self, visit.head, visit.endpoint, visit.caller, visit.asked)

    def words(self, head: Head, endpoint: Endpoint | None) -> Codec:
        """The format of the path; on a shared or unknown one, the client's (`wire.md` 2.2)."""
        if endpoint is not None and endpoint.about != "models" and endpoint.format in self.formats:
            return self.formats[endpoint.format]
        return self.formats.get(dialect_of(head), self.office.plain)


def _refuse_socket(head: Head, endpoint: Endpoint) -> None:
    """Tell a client that wants a WebSocket, where it knows what to do next."""
    if endpoint.sockets_later:
        raise Refused(426, "upgrade_refused", "This path is served over HTTP. Send a POST.")
    websocket = (head.field(b"upgrade") or b"").lower() == b"websocket"
    if head.method == "GET" and websocket and not endpoint.realtime:
        raise Refused(404, "not_found", "There is no WebSocket at this path.")
