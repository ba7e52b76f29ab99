"""How one Target is called: everything about a call that does not change from call to call.

Where the bytes go, which codec writes them, and the beginning of the request's head, ready to be
sent. `plans.py` makes Plans and keeps them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct

from stockyard.core.exchange import Reads
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
    """Ends streams that go on without content."""


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
    """The same codec, if its clients say how they want an answer spelled, and we have to look."""
    forward: bool
    """The client speaks the provider's format, so bytes may pass as they are."""
    quirked: bool
    """Whether the provider wants corrections of requests in this format."""
    quirk_marks: tuple[bytes, ...]
    """A body without any of these words needs none; empty if that cannot be told so."""
    plain: Callable[[bytes], bytes] | None
    """Makes an answer that is forwarded ordinary, where the provider has ways of its own."""
    unread: frozenset[Reads]
    """What modules may want to see of whole answers that are still relayed as they come."""
    flows_from: int
    """From how many bytes on they are."""
    include_usage: bool
    """Ask for usage in streams whether or not the client did."""

    # The head.

    start: bytes
    """Up to the fields that change: request line, host, proof, our constants."""
    stream_start: bytes
    """The same of a request for a stream; some formats ask for one in the path."""
    headers: str
    """The format whose header fields of the client go on; empty for none. Behind it, after `AS`,
    what the client is called where the provider wants to know and the client does not say."""
    betas_in_body: bool
    """What the client's `anthropic-beta` says is said in the body instead."""

    # The way there.

    transport: Transport
    origin: Origin
    whole: Timers
    stream: Timers
    silence: Silence

    # The model's bounds, which count where a request is written anew.

    max_output: int | None
    """The most that it can write, for formats that must state a limit."""
    efforts: tuple[str, ...]
    """The efforts of thinking that it takes; empty if nobody says, or none is told."""
    most_items: int
    """How many inputs one request may have; 0 is no limit."""

    reckons: bool = False
    """What is asked is answered here, by an estimate: nothing is sent."""
    detour: "Detour | None" = None
    """What it takes besides being written and sent. Nearly all Plans have none."""

    @property
    def proved(self) -> bool:
        """Whether each call needs a proof of its own, which `start` cannot hold."""
        return self.detour is not None and self.detour.prover is not None


class Detour(Struct, frozen=True, eq=False, kw_only=True):
    """What some calls need besides (`detours.py`)."""

    takes_bytes: bool = False
    """Images that are named by URLs have to be fetched for it."""
    summarises: bool = False
    """The summary that is asked for is asked for in a chat, in words."""
    for_reasoning_tools: Plan | None = None
    """How it is called for tools together with a reasoning effort, where the format of the Plan
    refuses that."""
    gathered: Plan | None = None
    """How it is called for a whole answer, where that has to be put together from a stream."""
    gathered_from: int = 0
    """How long the answer may become before that is so; 0 means that it always is."""
    answering: Callable[[Any], Codec] | None = None
    """Gives the codec for the answer to one request, where that depends on what is asked."""
    polling: Polling | None = None
    """How it is asked for an answer that it makes later."""
    prover: Prover | None = None
    """Makes the proof of each call, where `start` cannot hold it."""
    tuned: bool = False
    """The model is in no price list, so a team may have tuned it for itself."""


NO_DETOUR = Detour()
