"""Refuse a request before a call has begun: in the caller's format, and on record.

All such refusals are counted, by code. If the caller is known, the refusal is recorded like any
call: it has a Trace, and the modules of stage OBSERVE see it. If not, nothing else is recorded, so
that nobody without a Key can fill the disk. The same holds for refusals because of overload (5xx),
which recording would make worse.
"""

from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from stockyard.core.inbound import NO_CONTROL_HEADERS, ControlHeaders, Inbound
from stockyard.core.passage import Passage
from stockyard.core.request import Content, Request
from stockyard.errors import Refused
from stockyard.gateway import egress, ingress
from stockyard.gateway.contract import Whole
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.faults import fault_of
from stockyard.gateway.http import Head
from stockyard.gateway.reception import Reception
from stockyard.gateway.visit import Visit

NO_CONTENT = Content()


class Declined:
    """A call that never began, for the Office."""

    def __init__(self, x: Exchange) -> None:
        self.x = x


class Declining:
    """Refuses one request."""

    def __init__(
        self,
        reception: Reception,
        head: Head,
        endpoint: Endpoint | None,
        caller: Caller | None = None,
        asked: ControlHeaders = NO_CONTROL_HEADERS,
    ) -> None:
        """`caller` is None while the caller is not known."""
        self._reception = reception
        self._head = head
        self._endpoint = endpoint
        self._caller = caller
        self._asked = asked

    def __call__(self, refusal: Refused, extra: bytes = b"") -> Whole:
        self._reception.declined[refusal.code] += 1
        endpoint, caller = self._endpoint, self._caller
        if endpoint is None or caller is None or refusal.status >= 500:
            return self.say(refusal, extra)
        if endpoint.about:
            return self.say(refusal, extra)
        x = self._exchange(endpoint, caller)
        x.failed_with(refusal.with_traceback(None))  # its frames refer to the request
        fault = fault_of(refusal, x)
        x.status = fault.status
        passage = Passage(self._reception.line.pipelines[x.kind], x)
        passage.declined(refusal)
        passage.head()
        self._reception.office.finished(Declined(x))
        words = self._reception.words(self._head, endpoint)
        fields = egress.refused_fields(x)
        if self._looks_for_plain and b"\nrequest-id:" not in fields:
            fields += b"request-id: %b\r\n" % (x.asked.request_id or x.id).encode()
        return egress.refusal(words, fault, fields + extra)

    def say(self, refusal: Refused, extra: bytes = b"") -> Whole:
        """The refusal without a record, for a call that has one already or shall have none."""
        request_id = self._called() or self._reception.new_id()
        fault = fault_of(refusal, None, request_id)
        words = self._reception.words(self._head, self._endpoint)
        return egress.refusal(words, fault, self._fields(request_id) + extra)

    def named(self, whole: Whole) -> Whole:
        """An answer of ours that is not a call, with a request id."""
        request_id = self._called() or self._reception.new_id()
        return Whole(whole.status, whole.fields + self._fields(request_id), whole.body)

    def _fields(self, request_id: str) -> bytes:
        own = f"x-request-id: {request_id}\r\n"
        if self._looks_for_plain:
            own += f"request-id: {request_id}\r\n"
        return own.encode()

    @property
    def _looks_for_plain(self) -> bool:
        """Whether the client reads the request id from `request-id`, without the `x-`."""
        endpoint = self._endpoint
        if endpoint is not None and endpoint.native is not None:
            return endpoint.format in egress.LOOKS_FOR_REQUEST_ID
        return self._reception.words(self._head, endpoint).name in egress.LOOKS_FOR_REQUEST_ID

    def _called(self) -> str:
        """The caller's own id of the request; empty if it sent none."""
        return self._asked.request_id or ingress.request_id_of(self._head) or ""

    def _exchange(self, endpoint: Endpoint, caller: Caller) -> Exchange:
        head, asked = self._head, self._asked
        if asked is NO_CONTROL_HEADERS:
            asked = ControlHeaders(request_id=self._called())
        return Exchange(
            id=self._reception.new_id(),
            kind=endpoint.kind,
            needs=endpoint.needs or endpoint.kind,
            caller=caller,
            inbound=Inbound(
                endpoint.format, head.method, head.path, "", b"", _Unsent(head), endpoint.native
            ),
            received=Request(model=endpoint.model, content=NO_CONTENT, stream=endpoint.stream),
            asked=asked,
        )


def declining(reception: Reception, visit: Visit) -> Declining:
    """Refuses a request whose caller is known."""
    return Declining(reception, visit.head, visit.endpoint, visit.caller, visit.asked)


class _Unsent:
    """The Headers of a call that is never sent: nothing is forwarded."""

    def __init__(self, head: Head) -> None:
        self.field = head.field

    def forward(self, format: str) -> bytes:
        return b""

    def forward_native(self) -> list[tuple[bytes, bytes]]:
        return []
