"""The data plane: find the endpoint of a request and its caller, and the Opening for its body.

`open` looks at a head. For a call of a model it returns a Doorway, which the lane keeps for as long
as the client repeats its head. `Doorway.start` gets the body and begins the Call. Other Openings
serve lists of models, realtime sessions and things that providers store.
"""

from collections.abc import Callable
from urllib.parse import unquote

from stockyard.core.caller import Caller
from stockyard.core.inbound import NO_CONTROL_HEADERS
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
from stockyard.gateway.asker import Asker
from stockyard.gateway.callers import Callers, Keys, on_behalf
from stockyard.gateway.contract import Opening, Peer, Whole
from stockyard.gateway.declined import Declining, declining
from stockyard.gateway.doorway import Doorway, SteeredDoorway
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.held_calls import HeldCalls
from stockyard.gateway.http import Head, HttpError, field_lines, read_head
from stockyard.gateway.judged_doorway import JudgedDoorway
from stockyard.gateway.limits import HttpLimits
from stockyard.gateway.realtime import Realtime
from stockyard.gateway.reception import Reception
from stockyard.gateway.session import WORDS as SESSIONS
from stockyard.gateway.session import Hall
from stockyard.gateway.spool import Spool
from stockyard.gateway.steering import Steering
from stockyard.gateway.upload_opening import UploadOpening, brings_file
from stockyard.gateway.visit import Visit
from stockyard.providers import paths
from stockyard.providers.provider import CHAT_LIKE
from stockyard.upstream.plans import ANTHROPIC_VERSION, VERSIONED
from stockyard.upstream.socket_opening import Connect

OWN_HEAD = b"GET %b HTTP/1.1\r\nhost: localhost\r\n%b\r\n"
"""Of requests that the gateway makes itself."""


class DataPlane:
    """Fulfils the lane's Plane."""

    def __init__(
        self,
        reception: Reception,
        *,
        keys: Keys,
        spool: Spool,
        connect: Connect,
        refused: Callable[[str, str], None] = lambda address, why: None,
    ) -> None:
        """`refused` is called with address and reason for every caller who may not call."""
        self.reception = reception
        self.spool = spool
        self._keys = keys
        self._connect = connect
        self._callers = Callers(keys, lambda: reception.access.bring_your_own, refused)
        self._routes = 0

    @property
    def generation(self) -> int:
        return self._keys.generation + self._routes

    def routes_changed(self) -> None:
        """Providers changed: Openings that lanes keep may be out of date."""
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

    def ask(self, caller: Caller, target: str) -> "Opening | None":
        """The way of a GET of the gateway's own, for a team, to something that a provider stores
        for it. None if the path leads to no such thing."""
        try:
            head = read_head(OWN_HEAD % (target.encode(), self._version_at(target)), HttpLimits())
        except HttpError:
            return None
        endpoint = endpoints.find(head.path, head.method, self._native, head.query)
        if endpoint is None or endpoint.closed:
            return None
        visit = Visit(head, endpoint, caller, NO_CONTROL_HEADERS)
        if endpoint.holds is not None:
            return self._held_calls(visit)
        return self._recalling(visit) if endpoint.recalls == "answer" else None

    def _version_at(self, target: str) -> bytes:
        """The header line that a provider wants in each request, if it wants one."""
        provider = self.reception.directory().provider(target.split("/")[1])
        if provider is None or not any(name in provider.speaks for name in VERSIONED):
            return b""
        return b"anthropic-version: %b\r\n" % ANTHROPIC_VERSION

    def _nowhere(self, head: Head) -> Whole | None:
        """The refusal of a path that leads nowhere; None if it may belong to the control plane."""
        meant = signpost.meant_by(head.path, self._native)
        if meant is None and not head.path.startswith(endpoints.DATA_PLANE):
            return None
        near = endpoints.UNIFIED.get(meant or "")
        return self.refuse(head, near, Refused(404, "not_found", signpost.words(meant)))

    def _native(self, name: str, rest: str, method: str) -> Endpoint | None:
        provider = self.reception.directory().provider(name)
        if provider is None:
            return None
        found = paths.resolve(provider, rest)
        if found is not None and found.model:
            named = unquote(found.model)
            meant = self.reception.directory().named_at(name, named)
            if meant != named:
                found = paths.resolve(provider, paths.naming(provider, rest, meant))
        if found is None:
            return None
        spoken = found.format if method == "POST" else None
        auth = found.entry.auth if found.entry is not None else provider.auth
        kind = found.kind if spoken in self.reception.formats else "passthrough"
        kept = held.native(found.path, method, provider)
        needs = "" if kind in CHAT_LIKE or kind == "passthrough" else found.endpoint
        return Endpoint(
            format=spoken or "",
            kind=kind,
            needs=needs if kept is None else kept.collection,
            methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            native=name,
            native_path=found.path,
            native_origin=found.origin,
            native_auth=auth,
            model=unquote(found.model),
            stream=found.streams,
            key_in_query="query:key" in auth,
            holds=kept,
            closed=closed_paths.administers(found.path, provider),
            realtime=method == "GET" and found.format in SESSIONS,
            recalls=recalling.on_native(spoken, found.path),
        )

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
            return Declining(self.reception, head, endpoint, caller)(refusal)

    def _enter(
        self, head: Head, endpoint: Endpoint, caller: Caller, own: Credential | None
    ) -> "Opening | Whole":
        ingress.check_coding(head)
        asked = ingress.control_headers_of(head)
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
        way = self._doorway(visit)
        if not brings_file(head, endpoint):
            return way
        return UploadOpening(way, head, self.spool, self.reception.access.max_upload)

    def _doorway(self, visit: Visit) -> Doorway:
        reception, endpoint = self.reception, visit.endpoint
        if visit.own is not None:
            return Doorway(reception, visit)
        if endpoint.kind == "passthrough":
            return AccountDoorway(reception, visit)
        naming = named.of(endpoint.format, endpoint.native)
        if naming is None:
            return Doorway(reception, visit)
        return JudgedDoorway(reception, visit, naming, noticing.of(endpoint.format))

    def _about_models(self, visit: Visit) -> "Opening | Whole":
        reception, own = self.reception, visit.own

        def onward(provider: str, path: str) -> Doorway:
            native = self._native(provider, path, visit.head.method)
            assert native is not None  # noqa: S101  the provider was just found
            return Doorway(reception, visit.at(native).under(None))

        # Not recorded as a call: no model is called.
        declining = Declining(reception, visit.head, visit.endpoint)
        answer = about_models.answer(
            visit.endpoint,
            visit.head,
            reception.directory,
            reception.aliases(),
            # A caller with a provider's own secret may not call another one.
            onward if own is None else None,
            declining.say,
            only=own.provider if own is not None else None,
        )
        return declining.named(answer) if isinstance(answer, Whole) else answer

    def _recalling(self, visit: Visit) -> Opening:
        reception = self.reception

        def way(endpoint: Endpoint, own: Credential | None, steering: Steering) -> Doorway:
            return SteeredDoorway(reception, visit.at(endpoint).under(own), steering)

        asker = Asker(
            visit.caller,
            visit.own,
            visit.asked.provider,
            reception.keepers,
            reception.directory,
            way,
            declining(reception, visit),
            reception.late,
        )
        most = min(visit.endpoint.max_body, reception.access.max_body)
        return recalling.opening(visit.endpoint, visit.head, asker, most)

    def _realtime(self, visit: Visit) -> Opening:
        reception, head, endpoint = self.reception, visit.head, visit.endpoint
        if not head.upgrade:
            raise Refused(426, "upgrade_refused", "This path takes WebSockets only.")
        reception.check_guards("realtime")
        welcome = self._callers.standing(head, endpoint) if visit.own is None else lambda: True
        hall = Hall(
            reception.line,
            reception.office,
            reception.directory,
            self._connect,
            reception.office.plain,
            reception.access.session,
            reception.new_id,
        )
        return Realtime(hall, visit, welcome, declining(reception, visit))

    def _held_calls(self, visit: Visit) -> Opening:
        def onward(
            there: Endpoint, credential: Credential | None, query: str, steering: Steering
        ) -> Opening:
            onto = visit.at(there).under(credential).asking(query)
            return SteeredDoorway(self.reception, onto, steering)

        return HeldCalls(self.reception, visit, onward, self.spool)

    def refuse(
        self, head: Head, endpoint: Endpoint | None, refusal: Refused, extra: bytes = b""
    ) -> Whole:
        """Refuse a request whose caller is not known yet."""
        return Declining(self.reception, head, endpoint)(refusal, extra)


def _refuse_socket(head: Head, endpoint: Endpoint) -> None:
    """Refuse a WebSocket where there is none, with the status that makes clients fall back.

    Other offers are ignored: Java's client offers HTTP/2 with every call.
    """
    websocket = (head.field(b"upgrade") or b"").lower() == b"websocket"
    if head.method != "GET" or not websocket:
        return
    if endpoint.sockets_later:
        raise Refused(426, "upgrade_refused", "This path is served over HTTP. Send a POST.")
    if not endpoint.realtime:
        raise Refused(404, "not_found", "There is no WebSocket at this path.")
