"""What the lane asks of the data plane, and what it offers in return.

The lane knows HTTP; the plane knows calls. Between them: a checked Head goes in, an Opening says
that the body is welcome, `start` gets the whole body and a Reply to write the answer to, and the
Running it returns hears what happens to the client meanwhile.
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
    """The way back to one client, for one answer. Harmless to call once the client has gone."""

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        """Answer completely, in one write."""

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        """Begin an answer of unknown length: head and first piece in one write."""

    def push(self, data: bytes) -> None:
        """Send a further piece. Nothing is sent for an empty one."""

    def finish(self, last: bytes = b"") -> None:
        """End the answer that was begun."""

    def cut(self) -> None:
        """Break the connection so that the client can tell that the answer is incomplete."""


class Running(Protocol):
    """A call that is being answered. Not told anything more once its Reply is complete."""

    def gone(self) -> None:
        """The client has left. Cancel; nothing will be read."""

    def pause(self) -> None:
        """The client reads slowly: push nothing until `resume`."""

    def resume(self) -> None:
        """The client has caught up."""

    def shutdown(self) -> None:
        """The drain time is over: end the stream with the format's error event, now."""


class Opening(Protocol):
    """The plane's consent to receive a body.

    Used again for every request of the connection whose head is the same in all but its
    Content-Length, until the generation changes: so it may depend on nothing else.
    """

    @property
    def max_body(self) -> int:
        """The largest body in bytes."""

    def start(self, reply: Reply, body: bytes) -> Running | None:
        """The request is complete. None when it was answered at once."""

    def refuse(self, refusal: Refused) -> Whole:
        """The answer to a request that the lane refuses, in the words of the client's format."""


class Plane(Protocol):
    """The data plane."""

    @property
    def generation(self) -> int:
        """Changes whenever `open` might answer an earlier head differently."""

    def open(self, head: Head, peer: Peer) -> Opening | Whole | None:
        """Look at a head. None: not a call, it belongs to the control plane. Whole: answer this
        without reading the body. The same head and peer get the same in one generation."""
