"""Read a provider's HTTP/1.1 answer from bytes, and refuse what two readers could read differently.

llhttp (in httptools) does the reading. It forgives some things that matter between two hops, so
before it sees a head, one possessive regular expression has checked all of its bytes
(`security.md` HS30). Bytes in, facts out: nothing here waits or writes.

An answer is zero to eight interim heads (1xx, skipped), one head, and a body that ends by
Content-Length, by the last chunk, or by the end of the connection. What follows a complete
message is surplus: the answer stands, but its connection is not used again (CVE-2025-4366).
"""

import re

import httptools

from stockyard.errors import MalformedFrame, UpstreamError

Fields = list[tuple[bytes, bytes]]

MAX_INTERIM = 8
MAX_FIELDS = 256

_TEXT = rb"[\t\x20-\x7e\x80-\xff]*+"
_HEAD = re.compile(
    rb"HTTP/1\.[01] [1-5][0-9]{2}(?: " + _TEXT + rb")?+\r\n"
    rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:" + _TEXT + rb"\r\n){0,%d}+\r\n" % MAX_FIELDS
)
_START = b"HTTP/1."
_STATUS_CLASS = len("HTTP/1.1 ")  # where the first digit of the status stands
_END = b"\r\n\r\n"
_BROKEN_LINE = re.compile(rb"(?<!\r)\n|\r(?=[^\n])|\x00")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,14}")
_LAST_CHUNK = b"0\r\n\r\n"
_FRAMING_FIELDS = (b"content-length", b"transfer-encoding")
_FRAMING_BYTES = 1024
_FRAMING_BYTES_PER_PIECE = 32


class AnswerParser:
    """One per connection, for one answer after the other: `begin`, then `feed` until `complete`."""

    __slots__ = (
        "_bodiless",
        "_body_bytes",
        "_chunked",
        "_fed",
        "_fields",
        "_framing_allowed",
        "_head_bytes",
        "_head_limit",
        "_head_read",
        "_held",
        "_interim",
        "_keep_alive",
        "_parser",
        "_pieces",
        "_pieces_of_this",
        "_surplus",
        "complete",
        "fields",
        "head_known",
        "left_over",
        "on_body",
        "status",
        "until_end",
    )

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # llhttp hands body bytes straight to the list
        self._parser = httptools.HttpResponseParser(self)
        self.begin(bodiless=False, head_limit=0)

    def begin(self, *, bodiless: bool, head_limit: int) -> None:
        """Expect an answer. `bodiless`: it ends with its head, as answers to HEAD do."""
        self._bodiless = bodiless
        self._head_limit = head_limit
        self._held: bytearray | None = None
        self._interim = 0
        self._fields: Fields = []
        self._fed = self._body_bytes = self._head_bytes = 0
        self._framing_allowed = _FRAMING_BYTES
        self._pieces_of_this = 0
        self._chunked = self._head_read = self._keep_alive = self._surplus = False
        self._pieces.clear()
        self.fields: Fields = []
        self.status = 0
        self.head_known = False
        self.complete = False
        self.left_over = False
        """Bytes follow the head of an answer that ends there."""
        self.until_end = False
        """The body has no other end than that of the connection."""

    def feed(self, data: bytes) -> None:
        """Read on; `take` the body bytes before the next call.

        Raises `bad_answer`. What was right before the fault is there all the same.
        """
        already_complete = self.complete
        if already_complete:
            self._surplus = True
            return
        if self.head_known:
            self._read(data)
        else:
            data = self._from_final_head(data)
            if not data:
                return
            self._read_head(data)
        if self.complete:
            del self._pieces[self._pieces_of_this :]  # a second answer may have come in one read
        self._body_bytes += sum(map(len, self._pieces))
        if self._chunked:
            self._check_chunks()
        if self.complete:
            self._look_for_surplus(data)

    def take(self) -> bytes:
        """The body bytes read since the last call."""
        pieces = self._pieces
        if not pieces:
            return b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return body

    @property
    def started(self) -> bool:
        """Whether any byte of an answer has come."""
        return self.head_known or self._held is not None or self._interim > 0

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another call: complete, kept open, nothing left over."""
        return self.complete and self._keep_alive and not self._surplus

    # What llhttp calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._head_read:
            self._surplus = True
            return
        self._head_read = True
        self.fields = self._fields
        self._fields = []  # from here on: trailers

    def on_message_complete(self) -> None:
        if self.complete:
            return
        if any(name in _FRAMING_FIELDS for name, _ in self._fields):
            raise MalformedFrame("Trailers say how long the body is.")
        self.complete = True
        self._pieces_of_this = len(self._pieces)
        self._keep_alive = self._parser.should_keep_alive()

    # Heads.

    def _from_final_head(self, data: bytes) -> bytes:
        """`data` from the final head on; empty while that head is not whole."""
        if self._held is not None:
            data = self._join_held(data)
        while data:
            match = _HEAD.match(data)
            if match is None:
                self._hold(data)
                return b""
            if match.end() > self._head_limit:
                raise _oversized()
            if data[_STATUS_CLASS] != ord("1"):
                self._head_bytes = match.end()
                return data
            self._skip_interim(data)
            data = data[match.end() :]
        return b""

    def _join_held(self, data: bytes) -> bytes:
        """All bytes held so far if they contain the end of a head; linear however they were cut."""
        held = self._held
        assert held is not None  # noqa: S101 - the one caller has looked
        seen = max(0, len(held) - len(_END) + 1)
        held += data
        if held.find(_END, seen) < 0:
            self._check_partial(held, seen)
            return b""
        self._held = None
        return bytes(held)

    def _hold(self, data: bytes) -> None:
        if _END in data:
            raise _malformed("head") if len(data) <= self._head_limit else _oversized()
        self._check_partial(data, 0)
        self._held = bytearray(data)

    def _check_partial(self, held: bytes | bytearray, seen: int) -> None:
        """Refuse at once what no further byte can mend, instead of waiting for a deadline."""
        if len(held) > self._head_limit:
            raise _oversized()
        if held[: len(_START)] != _START[: len(held)] or _BROKEN_LINE.search(held, seen):
            raise _malformed("head")

    def _skip_interim(self, data: bytes) -> None:
        if data.startswith(b"01", _STATUS_CLASS + 1):
            raise UpstreamError("bad_answer", "The provider switched protocols unasked.")
        self._interim += 1
        if self._interim > MAX_INTERIM:
            raise UpstreamError("bad_answer", "The provider sent too many interim answers.")

    def _read_head(self, data: bytes) -> None:
        fault: UpstreamError | None = None
        try:
            self._read(data[: self._head_bytes] if self._bodiless else data)
        except UpstreamError as error:
            fault = error  # perhaps of the body, so look at the head first
        try:
            self._decide_framing(self.fields, old=data.startswith(b"HTTP/1.0"))
        except UpstreamError:
            self._pieces.clear()  # nobody knows what of it is the body
            raise
        self.status = int(data[_STATUS_CLASS : _STATUS_CLASS + 3])
        self.head_known = True
        if fault is not None:
            raise fault
        if self._bodiless:
            # llhttp cannot know that no body follows, so it is no good for another answer.
            self.complete = self._surplus = True
            self.left_over = len(data) > self._head_bytes

    def _decide_framing(self, fields: Fields, *, old: bool) -> None:
        named = dict(fields)
        if len(named) != len(fields):
            names = [name for name, _ in fields]
            if any(names.count(name) > 1 for name in _FRAMING_FIELDS):
                raise _malformed("framing")
        length = named.get(b"content-length")
        coding = named.get(b"transfer-encoding")
        if coding is not None:
            if old or length is not None or coding.strip().lower() != b"chunked":
                raise _malformed("framing")
            self._chunked = True
        elif length is not None:
            if not _LENGTH.fullmatch(length.strip()):
                raise _malformed("framing")
        elif not self.complete:
            self.until_end = True

    # Bodies.

    def _read(self, data: bytes) -> None:
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if not self.complete:
                raise _malformed("body") from None
            self._surplus = True

    def _check_chunks(self) -> None:
        """Bound what is neither head nor body: chunk sizes, extensions, trailers (HS18)."""
        self._framing_allowed += _FRAMING_BYTES_PER_PIECE * len(self._pieces)
        if self._fed - self._head_bytes - self._body_bytes > self._framing_allowed:
            raise _malformed("framing")

    def _look_for_surplus(self, data: bytes) -> None:
        """llhttp skips line ends between messages silently, so count instead of asking it."""
        if self._chunked:
            self._surplus = self._surplus or not data.endswith(_LAST_CHUNK)
        elif self._fed != self._head_bytes + self._body_bytes:
            self._surplus = True


def _malformed(part: str) -> UpstreamError:
    return UpstreamError("bad_answer", f"The provider's answer has a malformed {part}.")


def _oversized() -> UpstreamError:
    return UpstreamError("bad_answer", "The head of the provider's answer is too large.")
