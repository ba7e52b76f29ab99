"""What a format must be able to do, and the table of those that can.

A codec is pure: bytes in, values out, and back. No I/O, no clock, no randomness; ids and time are
passed in. Nobody converts from format to format: everything goes through the values of `core`.

How a kind of call is added that is no chat, such as embeddings:

1. `core/<kind>.py` has what is asked (an AnyContent) and what is answered (an AnyOutput).
2. `wire/<format>/` has a codec for each format of that kind. One whose answers come whole extends
   `whole.WholeCodec`, which also says how many inputs a request may have; one whose answers stream
   extends `streamed.StreamedCodec`, and its `Reader`, `Look` and `Writer` those of `reader.py`,
   `look.py` and `writer.py`. Where requests or answers are not always JSON, the codec is a Forms or
   a Media too. All stand in `formats.py`.
3. `providers/catalog.py` says under which names the catalog's rows offer it (`KINDS`, `SHAPES`);
   a row counts when its entry is certain and its format has a codec.
4. `gateway/endpoints.py` has its paths. An Endpoint `needs` what the rows call it.

Everything else (candidates, attempts, limits, errors, traces) is the same for every kind.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from stockyard.core.events import Event
from stockyard.core.meaning import AnyContent, AnyOutput
from stockyard.core.money import Usage
from stockyard.core.request import Content, Request
from stockyard.core.response import Response
from stockyard.errors import UpstreamError

Fields = Sequence[tuple[bytes, bytes]]
Traits = frozenset[str]
"""Names of a provider row's quirks; a codec looks for those that concern how it reads."""


REASONING_FIELD = "reasoning_content"
"""Where thinking usually stands in chat answers."""


class NotReadable(Exception):
    """On a path that carries bodies of several formats, a request is in one that is not read here.

    Raised by `peek`. The call is relayed as it is.
    """


class RequestHead(Struct, frozen=True):
    """What routing needs, read without decoding the messages."""

    model: str
    stream: bool = False
    wants_usage: bool = False
    max_output: int | None = None
    """For limits and estimates; None when the client left it to the provider."""
    makes: bool = False
    """Whether the provider may make something along with the answer that it keeps."""


class Addressee(NamedTuple):
    """What is known of the model that a request is written for."""

    features: Traits
    """What its provider's row says it can."""
    traits: Traits
    """The quirks of its provider, and its own."""
    max_output: int | None = None
    """The most that it can write, for formats that must state a limit."""


class Facts(Struct, frozen=True):
    """What can be told of a whole answer without decoding its content."""

    usage: Usage | None = None
    odd_finish: str = ""
    """A finish that nobody here knows, in the provider's own spelling."""


class Pen(Struct, frozen=True):
    """What a writer is given because it may not invent it."""

    id: str
    """Of the answer, without the format's prefix."""
    model: str
    """The model name to report."""
    created: int
    wants_usage: bool
    """The client asked for usage in its stream (formats that always carry it ignore this)."""
    input_estimate: Callable[[], int] = int
    """About how many tokens were asked, for formats that must state it before the provider does."""
    elapsed_us: Callable[[], int] | None = None
    """How long the call has taken so far, for formats that tell it."""
    asked: bytes = b""
    """The client's own request, for formats whose answers repeat parts of it."""
    reasoning_field: str = REASONING_FIELD
    """Where thinking stands in formats whose dialects have several fields for it."""


class Dropped(Struct, frozen=True):
    """An encoded request, and the fields that the target's format cannot say."""

    body: bytes
    dropped: tuple[str, ...] = ()


class WireError(Struct, frozen=True):
    """An error as one dialect says it."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Fault(Struct, frozen=True, kw_only=True):
    """What went wrong, ready to be said in any dialect. Made in `gateway/egress.py` only."""

    status: int
    kind: str
    """Neutral kind of `wire.md` 10.2, such as `rate_limited`."""
    code: str
    """Our own code, such as `rate_limited`."""
    message: str
    param: str | None = None
    retry_after: float | None = None
    request_id: str = ""
    should_retry: bool | None = None
    """Said as `x-should-retry`: False once we are done retrying, or when a repeat cannot help."""
    stockyard: Mapping[str, Any] = {}
    """The object that every dialect carries beside its own fields."""


class StreamReader(Protocol):
    """Reads a provider's stream. How the bytes are cut does not matter."""

    odd_finish: str
    """A finish that nobody here knows."""
    before_error: list[Event]
    """Events that the last call read before it raised; they were not returned."""

    @property
    def complete(self) -> bool:
        """Whether the stream, if it ended now, would be whole."""

    def feed(self, data: bytes) -> list[Event]:
        """Raises UpstreamError when the provider reports an error inside the stream."""

    def end(self) -> list[Event]:
        """The provider closed. Raises UpstreamError (`interrupted`) when it was not whole."""


class StreamLook(Protocol):
    """Looks on while a stream is forwarded: what passes, and what stays here.

    `feed` returns the bytes to forward now, always whole events, exactly as they came. The
    terminator is kept in `terminator`. On unified routes the usage chunk that the client did not
    ask for is kept back too.
    """

    content: bool
    """A content-bearing event has passed: the answer is committed."""
    terminator: bytes
    """Empty when the provider sent none, though its answer may be `complete`."""
    finish: str
    odd_finish: str
    """As a StreamReader's."""
    model: str
    before_error: bytes
    """What the last call would have forwarded before it raised."""

    @property
    def usage(self) -> Usage | None: ...
    @property
    def complete(self) -> bool:
        """Whether the stream, if it ended now, would be whole."""

    def feed(self, data: bytes) -> bytes:
        """Raises UpstreamError when the provider reports an error inside the stream."""

    def end(self) -> bytes:
        """The provider closed: a last event that lacked only its blank line. See `complete`."""

    def tell_usage(self, usage: Usage) -> bytes:
        """The event that tells a client the usage it asked for, when the provider told none.

        Empty in formats that do not ask: what they say of usage is part of other events.
        """


class StreamWriter(Protocol):
    """Writes Events as one format's stream."""

    def write(self, events: Sequence[Event]) -> bytes: ...
    def end(self, comment: bytes = b"") -> bytes:
        """What is still held, our closing comment where the format allows one, the terminator."""

    def fail(self, fault: Fault) -> bytes:
        """The dialect's error event, and no terminator after it."""


class Codec(Protocol):
    """One wire format, both directions."""

    name: str
    stream_type: bytes
    """Content type of its streams."""
    ping: bytes
    """What keeps a silent stream alive; empty where the format tolerates nothing."""
    comments: bool
    """Whether its streams may carry comments."""
    terminator: bytes
    """What ends a complete stream, for providers that left it out; empty where nothing does."""

    def peek(self, body: bytes) -> RequestHead:
        """Read a request's head. Raises Refused (400) for what is not JSON or not this format."""

    def decode_request(self, body: bytes) -> AnyContent: ...

    def encode_request(
        self,
        request: Request,
        /,
        *,
        features: Traits,
        traits: Traits,
        max_output: int | None = None,
    ) -> Dropped:
        """Write a request for a model of which this is known: see `Addressee`."""

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        """Replace the model's name and ask for usage in the original bytes; touch nothing else."""

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        """Raises UpstreamError when a 200 holds an error or is no answer of this format."""

    def decode_response(self, body: bytes, *, traits: Traits) -> AnyOutput: ...
    def encode_response(self, response: Response, /, pen: Pen) -> bytes: ...
    def reader(self, *, traits: Traits) -> StreamReader: ...
    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> StreamLook: ...
    def writer(self, pen: Pen) -> StreamWriter: ...
    def decode_error(
        self, status: int, fields: Fields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError: ...
    def encode_error(self, fault: Fault) -> WireError: ...
    def failed_stream(self, fault: Fault) -> bytes:
        """The error event for a stream that was forwarded, not written."""


@runtime_checkable
class Media(Protocol):
    """What a codec says besides, when its answers are images or sound, of which nobody here reads
    more than what they cost."""

    flows_from: int
    """From how many bytes on a whole answer is relayed as it comes."""


@runtime_checkable
class Renames(Protocol):
    """What a codec does besides, when its format does not take every name for a tool."""

    def answering(self, content: Content) -> Codec:
        """The codec for the answer to this request: tools are called there as their client calls
        them."""


@runtime_checkable
class Expects(Protocol):
    """What a codec does besides, when a stream of its answers is whole only once all that was asked
    for has come."""

    def expecting(self, content: Any) -> Codec:
        """The codec for the answer to this request."""


@runtime_checkable
class Forms(Protocol):
    """What a codec does besides, when requests of its format are not always JSON.

    Asked once for each head that clients send, and for each body that goes out.
    """

    def reading(self, content_type: bytes) -> Codec:
        """The codec for a client's bodies of this type. Raises Refused (415) for another type."""

    def content_type(self, body: bytes) -> bytes:
        """The type of a body that goes out, whether written anew or spliced."""


@runtime_checkable
class Plain(Protocol):
    """What a codec does besides, when some providers of its format say things as no client of it
    expects them."""

    def plain(self, traits: Traits) -> Callable[[bytes], bytes] | None:
        """What makes whole answers of such a provider ordinary; None where they are. Its look does
        so with streams."""


@runtime_checkable
class Continuing(Protocol):
    """What a codec does besides, when the error event of a forwarded stream must follow from it.

    Asked once for a stream that broke.
    """

    def failed_after(self, fault: Fault, first: bytes, last: bytes) -> bytes:
        """As `failed_stream`, after a stream that began with `first` and has come to `last`."""
