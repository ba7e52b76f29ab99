"""The interface between the lane and the data plane.

The lane knows HTTP; the plane knows calls. The plane gets a checked Head and returns an Opening,
which accepts a body of some size. `Opening.start` gets the whole body and a Reply to write the
answer to. The Running that it returns is told what happens to the client until the answer is
complete.
"""

from dataclasses import dataclass
from typing import Protocol

from stockyard.errors import Refused
from stockyard.gateway.http import Head


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of one connection."""

    address: str
    port: int
    loopback: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """A complete answer. `fields` is a block made by `field_lines`."""

    status: int
    fields: bytes
    body: bytes

    def to(self, reply: "Reply") -> None:
        """Answer with it."""
        reply.whole(self.status, self.fields, self.body)


class Reply(Protocol):
    """Writes one answer to one client. Harmless to call once the client has gone."""

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        """Answer completely, in one write."""

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        """Begin an answer of unknown length: head and first piece in one write."""

    def push(self, data: bytes) -> None:
        """Send a further piece. Nothing is sent for an empty one."""

    def finish(self, last: bytes = b"") -> None:
        """End the answer that was begun."""

    def cut(self) -> None:
        """Abort the answer in such a way that the client can tell that it is incomplete."""


class Running(Protocol):
    """A call that is being answered. Nothing is called any more once its Reply is complete."""

    def gone(self) -> None:
        """The client has left. Cancel: nobody will read the answer."""

    def pause(self) -> None:
        """The client reads slowly: push nothing until `resume`."""

    def resume(self) -> None:
        """The client has caught up."""

    def shutdown(self) -> None:
        """The drain time is over: end the stream with the format's error event, now."""


class Opening(Protocol):
    """What the plane decided about a head: it is a call, and this takes its body.

    Reused for every request on the connection whose head differs in its Content-Length only, until
    the plane's generation changes. So it may depend on nothing else.
    """

    @property
    def max_body(self) -> int:
        """The largest body in bytes."""

    def start(self, reply: Reply, body: bytes) -> Running | None:
        """The request is complete: begin the call. None if it was answered at once."""

    def refuse(self, refusal: Refused) -> Whole:
        """The answer to a request that the lane refuses, in the client's format."""


class Plane(Protocol):
    """The data plane."""

    @property
    def generation(self) -> int:
        """Changes whenever `open` might answer an earlier head differently."""

    def open(self, head: Head, peer: Peer) -> Opening | Whole | None:
        """Decide about a head. None: it is not a call and belongs to the control plane. Whole: the
        answer, without reading a body. In one generation, the same head and peer always get the
        same."""
