"""How to call one Target: everything that is the same for all its calls.

Where the bytes go, which codec encodes them, and the beginning of the request's head, ready to be
sent. `plans.py` makes Plans and caches them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.exchange import Reads
from stockyard.core.request import Request
from stockyard.core.target import Target
from stockyard.providers.provider import Provider
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Timers
from stockyard.upstream.polling import Polling
from stockyard.upstream.prover import Prover
from stockyard.upstream.silence import Silence
from stockyard.upstream.transport import Transport
from stockyard.wire.codec import Codec, Forms, Traits
from stockyard.wire.whole import WholeCodec

AS = " as "


class Patience(NamedTuple):
    """How long a provider may take."""

    whole: Timers
    stream: Timers
    silence: Silence
    """Ends streams that continue without content."""


class Plan(Struct, frozen=True, eq=False, kw_only=True):
    target: Target
    provider: Provider
    traits: Traits

    # What is sent, and what comes back.

    format: str
    codec: Codec | None
    """None on a native path that no codec can read."""
    forms: Forms | None
    """The same codec, if its requests are not always JSON."""
    spelled: WholeCodec | None
    """The same codec, if clients choose the encoding of answers, so that it must be checked."""
    forward: bool
    """The client speaks the provider's format, so bytes may pass unchanged."""
    quirked: bool
    """Whether the provider needs quirks (corrections of requests) in this format."""
    quirk_marks: tuple[bytes, ...]
    """A body without any of these needs no quirks; empty if every body must be parsed."""
    plain: Callable[[bytes], bytes] | None
    """Removes a provider's deviations from answers that are forwarded."""
    unread: frozenset[Reads]
    """Values of `Exchange.reads` with which large whole answers may be streamed through."""
    flows_from: int
    """The size in bytes from which they are."""
    include_usage: bool
    """Ask for usage in streams whether or not the client did."""

    # The head.

    start: bytes
    """Up to the fields that change: request line, host, proof, our constants."""
    stream_start: bytes
    """The same of a request for a stream; some formats ask for one in the path."""
    headers: str
    """The format whose header fields of the client are forwarded; empty for none. After `AS`
    follows the client's name, for providers that want one and clients that do not say it."""
    betas_in_body: bool
    """Move the values of the client's `anthropic-beta` to the body."""

    # The way there.

    transport: Transport
    origin: Origin
    whole: Timers
    stream: Timers
    silence: Silence

    # The model's limits, for requests that are translated.

    max_output: int | None
    """Its longest output, for formats that must state a limit."""
    efforts: tuple[str, ...]
    """The reasoning efforts that it accepts; empty if unknown, or if the format has none."""
    most_items: int
    """How many inputs one request may have; 0 is no limit."""

    reckons: bool = False
    """Answer with an estimate, without sending anything."""
    tuned: bool = False
    """The model is in no price list, so a team may have tuned it for itself."""
    answering: Callable[[Any], Codec] | None = None
    """Gives the codec for the answer to a request, if it depends on the request."""
    detour: "Detour | None" = None
    """Further steps besides writing and sending. Nearly all Plans have none."""

    def answering_to(self, request: Request) -> "Plan":
        """The Plan with the codec for the answer to this request."""
        if self.answering is None:
            return self
        codec = self.answering(request.meaning)
        return self if codec is self.codec else replace(self, codec=codec)

    @property
    def proved(self) -> bool:
        """Whether each call needs a proof of its own, which `start` cannot hold."""
        return self.detour is not None and self.detour.prover is not None


class Detour(Struct, frozen=True, eq=False, kw_only=True):
    """Further steps that some calls need (`detours.py`)."""

    takes_bytes: bool = False
    """Fetch images that are named by URL."""
    summarises: bool = False
    """Request the summary with a prompt in a chat."""
    for_reasoning_tools: Plan | None = None
    """The Plan for tools together with a reasoning effort, if the format of this Plan refuses that.
    """
    gathered: Plan | None = None
    """The Plan for whole answers that must be folded from a stream."""
    gathered_from: int = 0
    """The `max_output` from which that is so; 0 means always."""
    polling: Polling | None = None
    """How to poll for an answer that is made later."""
    prover: Prover | None = None
    """Makes the proof of each call, if `start` cannot contain it."""


NO_DETOUR = Detour()
