"""Build the request of one try: its body, its head, and its deadlines.

The body is, in this order of preference: the client's own bytes; those bytes with the model's name
replaced and a request for usage added; the request encoded in a format that the provider speaks.
"""

from stockyard.core.exchange import Exchange
from stockyard.core.request import Content, Request
from stockyard.core.tracing import told_to_provider
from stockyard.errors import Refused, UpstreamError
from stockyard.providers import quirks
from stockyard.upstream.client_version import without_what_it_lacks
from stockyard.upstream.efforts import with_known_effort
from stockyard.upstream.json_in_words import TRAIT as JSON_IN_WORDS
from stockyard.upstream.json_in_words import in_words
from stockyard.upstream.lossy import Policies, forget, leave_out
from stockyard.upstream.outgoing import Outgoing, Timers
from stockyard.upstream.plan import Plan
from stockyard.upstream.signed import SIGNING, Owner, SignedTurns
from stockyard.wire.codec import Codec
from stockyard.wire.large_body import has_any
from stockyard.wire.openai_responses.local_tools import offered

MODULE = "dispatch"
"""The name under which Findings are left."""
BODILESS = frozenset({"GET", "HEAD", "DELETE"})
"""Methods whose requests have no Content-Length if there is no body."""


class Preparation:
    """Makes the requests of tries."""

    def __init__(self, signed: SignedTurns, lossy: Policies) -> None:
        self._signed = signed
        self._lossy = lossy

    def outgoing(self, x: Exchange, plan: Plan) -> Outgoing:
        inbound = x.inbound
        body = self._body(x, plan)
        if x.request.stream:
            start, timers = plan.stream_start, plan.stream
        else:
            start, timers = plan.start, plan.whole
        if len(x.attempts) > 1:
            timers = remaining(x, timers)
        else:
            x.total_seconds = timers.total_seconds
        if inbound.native is not None:
            forwarded = b""
        else:
            forwarded = inbound.headers.forward(plan.headers)
            if plan.forms is not None:
                forwarded += b"content-type: %b\r\n" % plan.forms.content_type(body)
            if x.spread is not None:
                forwarded += told_to_provider(x, plan.origin.url.host)
        if body or inbound.method not in BODILESS:
            head = b"%b%bcontent-length: %d\r\n\r\n" % (start, forwarded, len(body))
        else:
            head = b"%b%b\r\n" % (start, forwarded)
        return Outgoing(origin=plan.origin, head=head, body=body, timers=timers, decompress=True)

    def _body(self, x: Exchange, plan: Plan) -> bytes:
        request = x.request
        if request is x.received and plan.forward and not request.stream and len(x.attempts) == 1:
            # Most calls: nothing here changes what the client sent.
            body = x.inbound.body
            as_it_came = request.model == plan.target.model
            if as_it_came and not (plan.quirked and _may_be_quirked(plan, body)):
                return body
        if plan.codec is None:
            if not x.untouched:
                # A module changed it, so it must be encoded. This raises, as there is no codec.
                _ = x.request.meaning
            return x.inbound.body
        if len(x.attempts) > 1:
            forget(x)
        ignored: tuple[str, ...] = ()
        if plan.efforts and _may_ask_too_much(x, plan):
            request, ignored = with_known_effort(request, plan.efforts)
        if plan.forward and (request is x.received or request.differs_in_model_only(x.received)):
            body = self._spliced(x, plan, request)
        else:
            body = self._written(x, plan, plan.codec, request, ignored)
        if not plan.quirked or x.inbound.native is not None:
            return body
        if not plan.betas_in_body and not _may_be_quirked(plan, body):
            return body
        return self._quirked(x, plan, body)

    def _spliced(self, x: Exchange, plan: Plan, request: Request) -> bytes:
        assert plan.codec is not None  # noqa: S101  the caller looked
        inbound, target = x.inbound, plan.target
        model = None if target.model == x.received.model else target.model
        ask = request.stream and not request.wants_usage and plan.include_usage
        if inbound.native is not None:
            ask = False
        if model is None and not ask:
            return inbound.body
        return plan.codec.splice_request(inbound.body, model=model, include_usage=ask)

    def _written(
        self, x: Exchange, plan: Plan, codec: Codec, request: Request, ignored: tuple[str, ...]
    ) -> bytes:
        wanted, model = request, plan.target.model
        if wanted.model != model:
            wanted = wanted.with_model(model)
        if plan.format != x.inbound.format:
            wanted, unknown = self._for_another_format(x, wanted)
            ignored += unknown
            if JSON_IN_WORDS in plan.traits:
                wanted, unsaid = in_words(wanted)
                ignored += unsaid
        if plan.format in SIGNING:
            content = wanted.content
            signed = self._signed.returned(owner_of(x, plan), content)
            wanted = wanted if signed is content else wanted.with_content(signed)
        written = codec.encode_request(
            wanted,
            features=plan.provider.features,
            traits=plan.traits,
            max_output=plan.max_output,
        )
        if dropped := ignored + written.dropped:
            leave_out(x, self._lossy, MODULE, "dropped", dropped)
        return written.body

    def _for_another_format(self, x: Exchange, request: Request) -> tuple[Request, tuple[str, ...]]:
        """The request without features of its own format only, and the names of those. Raises
        Refused if it makes no sense without them."""
        if self._lossy.local_tools:
            request = _with_local_tools(request)
        tie = request.meaning.tie
        if tie is not None:
            raise Refused(400, tie.code, tie.message, param=tie.param)
        return without_what_it_lacks(x, request)

    def _quirked(self, x: Exchange, plan: Plan, body: bytes) -> bytes:
        betas = x.inbound.headers.field(quirks.BETAS_FIELD) if plan.betas_in_body else None
        changed = quirks.apply(plan.provider, plan.target.model, plan.format, body, betas=betas)
        if changed.noted:
            leave_out(x, self._lossy, MODULE, "quirks", changed.noted)
        return changed.body


def _may_be_quirked(plan: Plan, body: bytes) -> bool:
    return not plan.quirk_marks or has_any(body, plan.quirk_marks)


def remaining(x: Exchange, timers: Timers) -> Timers:
    """The deadlines of a further try: the total applies to the whole Exchange, over all tries."""
    left = timers.total_seconds - x.elapsed_us() / 1e6
    if left <= 0:
        raise UpstreamError(
            "timeout", "The call took too long (timeout.total).", timer="timeout.total"
        )
    return Timers(
        dns_seconds=timers.dns_seconds,
        connect_seconds=timers.connect_seconds,
        tls_seconds=timers.tls_seconds,
        pool_seconds=timers.pool_seconds,
        write_seconds=timers.write_seconds,
        first_byte_seconds=timers.first_byte_seconds,
        idle_seconds=timers.idle_seconds,
        total_seconds=left,
    )


def _with_local_tools(request: Request) -> Request:
    content = request.meaning
    if not isinstance(content, Content):
        return request
    changed = offered(content)
    return request if changed is content else request.with_content(changed)


def _may_ask_too_much(x: Exchange, plan: Plan) -> bool:
    """Whether the request may have an effort that the model does not accept. A client that named
    the model itself, in its provider's own format, knows the efforts."""
    if not plan.forward:
        return True
    return (
        plan.target.model != x.received.model
        and x.inbound.native is None
        and b"effort" in x.inbound.body
    )


def may_unsign(x: Exchange, plan: Plan) -> bool:
    """Whether signatures may be lost on the way to the caller: in another format, or because a
    module changes the answer."""
    return plan.format in SIGNING and (not plan.forward or x.reads != "nothing")


def owner_of(x: Exchange, plan: Plan) -> Owner:
    """The key for signed turns: they are only put back for the same team and provider."""
    return Owner(x.partition, plan.provider.name, plan.format)
