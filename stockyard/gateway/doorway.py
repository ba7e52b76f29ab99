"""The Opening for calls of models: made from a request's head, it turns a body into a Call.

The lane keeps a Doorway for as long as the client repeats its head, so the work on the head is done
once. A Doorway is also the Headers of its calls: it decides which of the client's header fields are
forwarded to a provider.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from msgspec.structs import replace

from stockyard.core.exchange import Constraints, Exchange
from stockyard.core.inbound import Inbound
from stockyard.core.passage import Passage
from stockyard.core.request import Content, Deferred, Request
from stockyard.core.target import Target
from stockyard.errors import Refused
from stockyard.gateway import native_head
from stockyard.gateway.call import Call
from stockyard.gateway.contract import Reply, Running, Whole
from stockyard.gateway.declined import Declining, declining
from stockyard.gateway.first_model import own_model
from stockyard.gateway.http import field_lines
from stockyard.gateway.keyed_call import keyed_call
from stockyard.gateway.line import Pipelines
from stockyard.gateway.model_in_path import completed
from stockyard.gateway.reading_on import ReadingOn
from stockyard.gateway.reception import Reception
from stockyard.gateway.steering import Steering
from stockyard.gateway.visit import Visit
from stockyard.providers.quirks.calls import APP_FIELDS
from stockyard.upstream.plan import AS
from stockyard.upstream.plans import USER_AGENT, VERSIONED
from stockyard.wire import strict
from stockyard.wire.codec import Forms, NotReadable

OPENAI_FIELDS = (b"idempotency-key", b"x-client-request-id", b"openai-beta")
ANTHROPIC_FIELDS = (
    b"idempotency-key",
    b"x-client-request-id",
    b"anthropic-version",
    b"anthropic-beta",
)
FORWARDED: Mapping[str, tuple[bytes, ...]] = {
    "openai.chat": OPENAI_FIELDS,
    "openai.responses": OPENAI_FIELDS,
    "openai.completions": OPENAI_FIELDS,
    "openai.embeddings": OPENAI_FIELDS,
    "openai.moderations": OPENAI_FIELDS,
    "openai.speech": OPENAI_FIELDS,
    "openai.transcriptions": OPENAI_FIELDS,
    "openai.images": OPENAI_FIELDS,
    "openai.input_tokens": OPENAI_FIELDS,
    "openai.compact": OPENAI_FIELDS,
    "anthropic.messages": ANTHROPIC_FIELDS,
    "anthropic.count": ANTHROPIC_FIELDS,
    "gemini": (b"x-goog-user-project",),
    "gemini.count": (b"x-goog-user-project",),
    "openai.files": OPENAI_FIELDS,
    "openai.batches": OPENAI_FIELDS,
    "anthropic.files": ANTHROPIC_FIELDS,
    "anthropic.batches": ANTHROPIC_FIELDS,
}
"""Header fields of the client that are forwarded to a provider, by the format spoken to it."""

NO_CONTENT = Content()
UNREADABLE = "Only the native route of the provider that knows this format takes such bodies."


class Doorway:
    """Takes the bodies of calls below one head: an Opening, and the Headers of its calls."""

    __slots__ = (
        "_call",
        "_codec",
        "_endpoint",
        "_forwarded",
        "_head",
        "_line",
        "_needs",
        "_query",
        "_reception",
        "_roams",
        "_visit",
        "asked",
        "caller",
        "max_body",
    )

    def __init__(self, reception: Reception, visit: Visit) -> None:
        self._reception = reception
        self._visit = visit
        # Attributes of their own, because each call reads them.
        self._head = head = visit.head
        self._endpoint = endpoint = visit.endpoint
        self.caller = visit.caller
        self.asked = visit.asked
        self._codec = reception.reader_of(endpoint.format, head)
        self._needs = endpoint.needs or endpoint.kind
        bound = endpoint.native is not None or visit.own is not None or bool(visit.asked.provider)
        self._roams = not bound
        """Its calls may go to any provider that serves the model."""
        keyed = bool(visit.asked.idempotency) and head.method == "POST"
        self._line: Pipelines = reception.line
        self._call: type[Call] | Callable[..., Call] = Call
        if keyed and not endpoint.is_about_things:
            self._line, self._call = reception.line.keyed, keyed_call
        self._forwarded: dict[str, bytes] = {}
        self._query = native_head.kept_query(head, endpoint.native_auth)
        self.max_body = min(endpoint.max_body, reception.access.max_body)

    def refuse(self, refusal: Refused) -> Whole:
        return self._declining(refusal)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        reception = self._reception
        office = reception.office
        try:
            if len(office.running) >= office.overload.most:
                raise office.overload.refusal()
            if self._endpoint.model_in_path:
                body = completed(body, self._endpoint)
            received = self._received(body)
        except NotReadable:
            if self._endpoint.native is not None:
                return self._unread().start(reply, body)
            self._turn_away(reply, Refused(400, "invalid_request", UNREADABLE))
            return None
        except Refused as refusal:
            if self._needs_no_reading(body):
                return UnreadDoorway(self).start(reply, body)
            self._turn_away(reply, refusal)
            return None
        endpoint, head = self._endpoint, self._head
        x = Exchange(
            id=reception.ids.new("req_"),
            kind=endpoint.kind,
            needs=self._needs,
            caller=self.caller,
            inbound=Inbound(
                endpoint.format,
                head.method,
                head.path,
                self._query,
                body,
                self,
                endpoint.native,
                endpoint.native_path,
                endpoint.native_origin,
                endpoint.native_auth,
            ),
            received=received,
            asked=self.asked,
        )
        if not self._roams:
            self._aim(x)
        if received.makes:
            reply = self._watched(x, reply)
        passage = Passage(self._line.pipelines[x.kind], x)
        call = self._call(x, passage, self._codec, reply, office)
        office.running.add(call)
        return call if call.begin() else None

    _enter = start
    """`start` as it is here, for subclasses that look at the body first."""

    def _watched(self, x: Exchange, reply: Reply) -> Reply:
        """The Reply of a call whose provider may create and store something with the answer.
        Subclasses watch it for the id."""
        return reply

    def _turn_away(self, reply: Reply, refusal: Refused) -> None:
        self._declining(refusal).to(reply)

    @property
    def _declining(self) -> Declining:
        return declining(self._reception, self._visit)

    def _needs_no_reading(self, body: bytes) -> bool:
        """Whether a body that its codec cannot decode may be forwarded as it came: on a native
        route, if it is neither JSON nor a form, and no module reads the answer."""
        endpoint, codec = self._endpoint, self._codec
        if endpoint.native is None or codec is None:
            return False
        if self._reception.line.pipelines[endpoint.kind].reads != "nothing":
            return False
        if isinstance(codec, Forms) and (self._is_form or body[:2] == b"--"):
            return False
        return not strict.is_json(body)

    @property
    def _is_form(self) -> bool:
        """Whether the body is a multipart form, according to the head."""
        return (self._head.field(b"content-type") or b"").lower().startswith(b"multipart/")

    def _unread(self) -> "Doorway":
        """A Doorway that relays a body of a format that has no codec here."""
        endpoint = replace(self._endpoint, format="", kind="passthrough", needs="", stream=False)
        return Doorway(self._reception, self._visit.at(endpoint))

    def _received(self, body: bytes) -> Request:
        codec = self._codec
        if codec is None:
            if body:
                self._reception.check_guards(self._endpoint.kind)
            return Request(model=self._endpoint.model or own_model(body), content=NO_CONTENT)
        head = codec.peek(body)
        model, stream = head.model, head.stream
        if not model:
            model, stream = self._endpoint.model, stream or self._endpoint.stream
            if not model and self._endpoint.native is None:
                model = self._reception.usual_model(self._endpoint)
        return Request(
            model=model,
            content=Deferred(partial(codec.decode_request, body)),
            stream=stream,
            wants_usage=head.wants_usage,
            makes=head.makes,
        )

    def _aim(self, x: Exchange) -> None:
        """Set the Targets and Constraints that follow from the path, the headers and the caller's
        own secret."""
        native = self._endpoint.native
        if native is not None:
            credentials = self._reception.directory().credentials(native)
            credential = self._visit.own or (credentials[0] if credentials else None)
            model = self._reception.directory().named_at(native, x.received.model)
            x.targets = (Target(native, model, credential),)
            x.constraints = Constraints(providers=(native,))
        elif (own := self._visit.own) is not None:
            x.constraints = Constraints(providers=(own.provider,))
            target = self._reception.directory().own_target(x.received.model, x.needs, own)
            x.targets = (target,) if target is not None else ()
        elif self.asked.provider:
            x.constraints = Constraints(providers=(self.asked.provider,))

    # The Headers of the Exchange.

    def field(self, name: bytes) -> bytes | None:
        return self._head.field(name)

    def forward(self, format: str) -> bytes:
        block = self._forwarded.get(format)
        if block is None:
            spoken, _, app = format.partition(AS)
            names = FORWARDED.get(spoken, ())
            if self._endpoint.format not in VERSIONED:
                # A translated request has the version that we send (`upstream/plans.py`).
                names = tuple(name for name in names if name != b"anthropic-version")
            shown = self._shown(names)
            if app:
                shown += self._shown(APP_FIELDS) or [(APP_FIELDS[-1], app.encode())]
            block = self._forwarded[format] = field_lines(shown)
        return block

    def _shown(self, names: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
        """Those of these fields that the client sent, and that may be passed on (HS11)."""
        pairs = ((name, self._head.field(name)) for name in names)
        shown = [(name, value) for name, value in pairs if value is not None and value.isascii()]
        return native_head.apart(shown, self.caller)

    def forward_native(self) -> list[tuple[bytes, bytes]]:
        passes = self._endpoint.passes
        if passes:
            names = (b"content-type", b"accept", *FORWARDED[passes])
            shown = self._shown(names)
            return [*shown, (b"user-agent", USER_AGENT), (b"accept-encoding", b"identity")]
        endpoint = self._endpoint
        whole = endpoint.holds is not None or bool(endpoint.recalls)
        kept = native_head.kept(self._head, endpoint.native_auth, whole=whole)
        return [*native_head.apart(kept, self.caller), (b"accept-encoding", b"identity")]


class UnreadDoorway(Doorway):
    """For a body that its path's codec cannot decode. Request and answer pass as they came; a
    module that tries to read the request refuses the call by that."""

    __slots__ = ()

    def __init__(self, way: Doorway) -> None:
        endpoint = replace(way._endpoint, format="")
        super().__init__(way._reception, way._visit.at(endpoint))
        self._codec = way._codec

    def _received(self, body: bytes) -> Request:
        assert self._codec is not None  # noqa: S101  it has refused the body
        content = Deferred(partial(self._codec.decode_request, body))
        endpoint = self._endpoint
        return Request(model=endpoint.model, content=content, stream=endpoint.stream)


class SteeredDoorway(Doorway):
    """For one call whose way depends on its body: the Steering says where it must go."""

    __slots__ = ("_steering",)

    def __init__(self, reception: Reception, visit: Visit, steering: Steering) -> None:
        super().__init__(reception, visit)
        self._steering = steering
        self._roams = False
        self._needs = steering.needs or self._needs
        self._codec = steering.codec or self._codec

    def start(self, reply: Reply, body: bytes) -> Running | None:
        running = super().start(reply, body)
        if running is None or not any(watching.counts for watching in self._steering.watching):
            return running
        return ReadingOn(running)

    def _needs_no_reading(self, body: bytes) -> bool:
        return False

    def _aim(self, x: Exchange) -> None:
        super()._aim(x)
        self._steering.aim(x)

    def _watched(self, x: Exchange, reply: Reply) -> Reply:
        watched = self._steering.watched
        return reply if watched is None else watched(x, reply)
