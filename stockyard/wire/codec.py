"""The interface that every wire format implements.

A codec is pure: bytes in, values out, and back. No I/O, no clock, no randomness; ids and times are
passed in. Nothing converts one format to another directly: everything goes through the values of
`core`.

To add a kind of call other than chat, such as embeddings:

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
"""Quirk names of a provider's row; a codec checks for those that change how it reads or writes."""


REASONING_FIELD = "reasoning_content"
"""The usual field for reasoning text in chat answers."""


class NotReadable(Exception):
    """The body is in a format that nothing here reads, on a path shared by several formats.

    Raised by `peek`. The call is relayed unread.
    """


class RequestHead(Struct, frozen=True):
    """What routing needs, read without decoding the messages."""

    model: str
    stream: bool = False
    wants_usage: bool = False
    max_output: int | None = None
    """Tokens, for limits and estimates; None when the client set no limit."""
    makes: bool = False
    """Whether the provider may store something under an id along with the answer."""


class Addressee(NamedTuple):
    """What is known about the model that a request is written for."""

    features: Traits
    """Features its provider's row lists."""
    traits: Traits
    """Quirks of its provider and of the model itself."""
    max_output: int | None = None
    """Tokens it can write at most, for formats that require a limit."""


class Facts(Struct, frozen=True):
    """What can be read from a whole answer without decoding its content."""

    usage: Usage | None = None
    odd_finish: str = ""
    """A finish reason that is unknown here, in the provider's spelling."""


class Pen(Struct, frozen=True):
    """Values a writer needs but must not make up itself, because codecs are pure."""

    id: str
    """Id of the answer, without the format's prefix."""
    model: str
    """The model name to report."""
    created: int
    wants_usage: bool
    """The client asked for usage in its stream (formats that always carry it ignore this)."""
    input_estimate: Callable[[], int] = int
    """Estimated prompt tokens, for formats that must report them before the provider does."""
    elapsed_us: Callable[[], int] | None = None
    """Microseconds the call has taken so far, for formats that report it."""
    asked: bytes = b""
    """The client's request body, for formats whose answers repeat parts of it."""
    reasoning_field: str = REASONING_FIELD
    """The field for reasoning text, in formats whose dialects differ in it."""


class Dropped(Struct, frozen=True):
    """An encoded request, and the fields that the target's format cannot express."""

    body: bytes
    dropped: tuple[str, ...] = ()


class WireError(Struct, frozen=True):
    """An error response in one format."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Fault(Struct, frozen=True, kw_only=True):
    """What went wrong, ready to be written in any format. Made in `gateway/egress.py` only."""

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
    """Sent as `x-should-retry`: False once we stopped retrying, or when a retry cannot help."""
    stockyard: Mapping[str, Any] = {}
    """Our own object, which every format carries beside its error fields."""


class StreamReader(Protocol):
    """Reads a provider's stream into Events, however its bytes are split."""

    odd_finish: str
    """A finish reason that is unknown here, in the provider's spelling; empty if there is none."""
    before_error: list[Event]
    """Events that the failed call had read before it raised. They were not returned."""

    @property
    def complete(self) -> bool:
        """Whether the stream would be complete if it ended now."""

    def feed(self, data: bytes) -> list[Event]:
        """Raises UpstreamError when the provider reports an error inside the stream."""

    def end(self) -> list[Event]:
        """The provider closed the stream. Raises UpstreamError (`interrupted`) if it was
        incomplete."""


class StreamLook(Protocol):
    """Watches a stream while it is forwarded, and decides what is held back.

    `feed` returns the bytes to forward now: whole events, exactly as they came. The terminator is
    held back in `terminator`. On unified routes so is the usage chunk if the client did not ask for
    it.
    """

    content: bool
    """A content-bearing event has passed: the answer is committed."""
    terminator: bytes
    """Empty if the provider sent none, even if the answer is `complete`."""
    finish: str
    odd_finish: str
    """As in StreamReader."""
    model: str
    before_error: bytes
    """Bytes that the failed call would have forwarded had it not raised."""

    @property
    def usage(self) -> Usage | None: ...
    @property
    def complete(self) -> bool:
        """Whether the stream would be complete if it ended now."""

    def feed(self, data: bytes) -> bytes:
        """Raises UpstreamError when the provider reports an error inside the stream."""

    def end(self) -> bytes:
        """The provider closed the stream. Returns a final event that lacked only its blank line."""

    def tell_usage(self, usage: Usage) -> bytes:
        """A usage event for a client that asked for one, when the provider sent none.

        Empty in formats where usage is not requested but part of other events.
        """


class StreamWriter(Protocol):
    """Writes Events as one format's stream."""

    def write(self, events: Sequence[Event]) -> bytes: ...
    def end(self, comment: bytes = b"") -> bytes:
        """What is still held back, the comment if the format allows any, and the terminator."""

    def fail(self, fault: Fault) -> bytes:
        """The format's error event, without a terminator after it."""


class Codec(Protocol):
    """One wire format, both directions."""

    name: str
    stream_type: bytes
    """Content type of its streams."""
    ping: bytes
    """Bytes that keep a silent stream alive; empty if the format tolerates none."""
    comments: bool
    """Whether its streams may carry comments."""
    terminator: bytes
    """Written after a complete stream whose provider left it out; empty if the format has none."""

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
        """Write a request for one model. For the arguments see `Addressee`."""

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        """Set the model name and ask for usage in the original bytes, leaving all others as they
        are."""

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
        """The error event at the end of a stream that was forwarded rather than written."""


@runtime_checkable
class Media(Protocol):
    """Implemented by codecs whose answers are images or sound, which are relayed unread."""

    flows_from: int
    """A whole answer of at least this many bytes is relayed as it arrives."""


@runtime_checkable
class Renames(Protocol):
    """Implemented by codecs whose format restricts tool names."""

    def answering(self, content: Content) -> Codec:
        """The codec for the answer to this request: it turns derived tool names back into the
        client's."""


@runtime_checkable
class Expects(Protocol):
    """Implemented by codecs whose streams are complete once everything requested has arrived."""

    def expecting(self, content: Any) -> Codec:
        """The codec for the answer to this request."""


@runtime_checkable
class Forms(Protocol):
    """Implemented by codecs whose requests are not always JSON.

    Called once for each distinct client head, and for each outgoing body.
    """

    def reading(self, content_type: bytes) -> Codec:
        """The codec for request bodies of this content type. Raises Refused (415) for others."""

    def content_type(self, body: bytes) -> bytes:
        """The content type of an outgoing body, written or spliced."""


@runtime_checkable
class Plain(Protocol):
    """Implemented by codecs of a format that some providers speak with deviations no client
    expects."""

    def plain(self, traits: Traits) -> Callable[[bytes], bytes] | None:
        """A function that normalises whole answers of such a provider; None if they need none. The
        codec's look does the same for streams."""


@runtime_checkable
class Continuing(Protocol):
    """Implemented by codecs whose error event depends on what the forwarded stream held.

    Called once, when a forwarded stream breaks off.
    """

    def failed_after(self, fault: Fault, first: bytes, last: bytes) -> bytes:
        """As `failed_stream`, for a stream whose first block was `first` and whose latest is
        `last`."""
