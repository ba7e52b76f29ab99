"""Interpret a whole answer: error or not, usage and, once it is needed, the decoded content."""

from msgspec.structs import replace

from stockyard.core.exchange import Exchange
from stockyard.core.fieldtext import field_text
from stockyard.core.response import Output, Raw, Response
from stockyard.errors import UpstreamError
from stockyard.upstream.echo import covered
from stockyard.upstream.plan import Plan
from stockyard.upstream.preparation import MODULE, may_unsign, owner_of
from stockyard.upstream.reckoning import COUNTED, is_missing, usage_of_whole
from stockyard.upstream.signed import SignedTurns
from stockyard.upstream.unasked import folded
from stockyard.wire.codec import Codec, Traits
from stockyard.wire.stray_usage import TAIL_BYTES, stray_usage
from stockyard.wire.stream_detection import is_page
from stockyard.wire.width import weighed

MAX_ID = 128
"""Characters of a provider's request id that are kept."""


class Reading:
    """Reads the answers of tries."""

    def __init__(self, signed: SignedTurns) -> None:
        self._signed = signed

    def response(self, x: Exchange, plan: Plan, raw: Raw) -> Response:
        """The Response for a whole answer. Raises UpstreamError if it is an error or invalid.

        On native routes the error has the answer attached as it came, because the client gets that.
        """
        if raw.status >= 300:
            raw = covered(raw, x.attempts[-1])
        if x.inbound.native is None:
            return self._read(x, plan, raw)
        if 300 <= raw.status < 400:
            return Response(_unreadable, raw=raw)
        try:
            return self._read(x, plan, raw)
        except UpstreamError as error:
            error.raw = raw
            raise

    def _read(self, x: Exchange, plan: Plan, raw: Raw) -> Response:
        codec = plan.codec
        assert codec is not None  # noqa: S101  only native paths lack one, and they were asked
        if raw.status >= 400:
            x.attempts[-1].upstream_id = named_by_provider(raw.fields)
            x.attempts[-1].error_fields = raw.fields
            raise codec.decode_error(raw.status, raw.fields, raw.body, traits=plan.traits)
        if raw.status >= 300:
            raise UpstreamError(
                "bad_answer",
                "The provider answered with a redirect, which is not followed.",
                status=raw.status,
            )
        traits = plan.traits
        if plan.plain is not None and x.inbound.native is None:
            raw = replace(raw, body=plan.plain(raw.body))
        try:
            facts = codec.facts(weighed(raw.body), traits=traits)
        except UpstreamError:
            streamed = self._unasked(x, codec, raw, traits)
            if streamed is not None:
                return streamed
            if plan.detour is not None and plan.detour.polling is not None:
                plan.detour.polling.check(raw)
            # A failed answer may have to be paid for all the same.
            x.usage = stray_usage(raw.body[-TAIL_BYTES:]) or x.usage
            raise
        if facts.odd_finish:
            x.note(MODULE, "finish_unknown", {"finish": facts.odd_finish})
        response = Response(
            lambda: codec.decode_response(raw.body, traits=traits), usage=facts.usage, raw=raw
        )
        if may_unsign(x, plan):
            self._signed.remember(owner_of(x, plan), response.output)
        usage = facts.usage
        if usage is None or (usage.flags and is_missing(usage)):
            response.usage = usage_of_whole(x, response)
        return response

    def _unasked(self, x: Exchange, codec: Codec, raw: Raw, traits: Traits) -> Response | None:
        """The answer, if it is a stream although none was requested."""
        labelled = dict(raw.fields).get(b"content-type", b"").lower()
        if x.inbound.native is not None or x.kind not in COUNTED or is_page(labelled):
            return None
        response = folded(codec, raw.body, traits)
        if response is not None and is_missing(response.usage):
            response.usage = usage_of_whole(x, response)
        return response


def named_by_provider(fields: list[tuple[bytes, bytes]]) -> str | None:
    """The provider's own id of the request, for questions to its support."""
    named = dict(fields)
    found = named.get(b"x-request-id") or named.get(b"request-id")
    return field_text(found.decode("latin-1"))[:MAX_ID] if found else None


def _unreadable() -> Output:
    raise UpstreamError("bad_answer", "This answer is in a format that cannot be read here.")
