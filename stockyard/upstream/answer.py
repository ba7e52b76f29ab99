"""Parse a provider's HTTP/1.1 answer, and refuse what two parsers could understand differently.

llhttp (in httptools) does the parsing. It tolerates some things that are dangerous between two
hops, so one possessive regular expression checks every byte of a head before llhttp gets it
(`security.md` HS30). No I/O: bytes in, facts out.

An answer is zero to eight interim heads (1xx, skipped), one head, and a body that ends by
Content-Length, by the last chunk, or by the end of the connection. What follows a complete
message is surplus: the answer stands, but its connection is not used again (CVE-2025-4366).
"""

import re

import httptools
import msgspec

from stockyard.errors import MalformedFrame, UpstreamError
from stockyard.upstream.partial_head import (
    HEAD_END,
    PartialHead,
    malformed_head,
    oversized_head,
)

Fields = list[tuple[bytes, bytes]]

MAX_INTERIM = 8
MAX_FIELDS = 256

_TEXT = rb"[\t\x20-\x7e\x80-\xff]*+"
_HEAD = re.compile(
    rb"HTTP/1\.[01] [1-5][0-9]{2}(?: " + _TEXT + rb")?+\r\n"
    rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:" + _TEXT + rb"\r\n){0,%d}+\r\n" % MAX_FIELDS
)
_STATUS_CLASS = len("HTTP/1.1 ")  # where the first digit of the status stands
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,14}")
_LAST_CHUNK = b"0\r\n\r\n"
_FRAMING_FIELDS = (b"content-length", b"transfer-encoding")
_FRAMING_BYTES = 1024
_FRAMING_BYTES_PER_PIECE = 32
_MAX_KNOWN_BYTES = 4096


class AnswerParser:
    """One per connection, for one answer after the other: `begin`, then `feed` until `complete`."""

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_fields",
        "_head_bytes",
        "_head_limit",
        "_head_read",
        "_interim",
        "_keep_alive",
        "_known",
        "_parser",
        "_partial",
        "_pieces",
        "_pieces_of_this",
        "_surplus",
        "_unexplained",
        "complete",
        "encoded",
        "fields",
        "head_known",
        "left_over",
        "on_body",
        "reusable",
        "started",
        "status",
        "until_end",
    )

    status: int
    fields: Fields
    encoded: bool
    """Whether a field names a coding of the body."""

    _fields: Fields
    _partial: PartialHead | None
    """The beginning of a head whose end has not come yet."""
    _head_bytes: int
    _unexplained: int
    """How many bytes were read that are neither head nor body, but framing."""
    _head_read: bool
    _chunked: bool

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # llhttp hands body bytes straight to the list
        self._parser = httptools.HttpResponseParser(self)
        self._known: _KnownHead | None = None
        self.begin(bodiless=False, head_limit=0)

    def begin(self, *, bodiless: bool, head_limit: int) -> None:
        """Expect an answer. `bodiless`: it has no body, as answers to HEAD do."""
        self._bodiless = bodiless
        self._head_limit = head_limit
        self.started = False
        """Whether any byte of an answer has come."""
        self.head_known = False
        """Whether `status`, `fields` and `encoded` are set."""
        self.complete = False
        self.reusable = False
        """Whether the connection may carry another call: complete, kept open, nothing left over."""
        self.left_over = False
        """A bodiless answer was followed by further bytes."""
        self.until_end = False
        """The body ends with the connection."""

    def feed(self, data: bytes) -> bytes:
        """Parse further data. Returns the body bytes in it.

        Raises `bad_answer`. After that, `take` returns the valid body bytes before the fault.
        """
        if not self.head_known:
            return self._feed_head(data)
        if self.complete:
            self.reusable = False
            return b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._stopped()
        return self._body_of(data)

    def take(self) -> bytes:
        """The body bytes before a fault."""
        body = b"".join(self._pieces)
        self._pieces.clear()
        return body

    def close(self) -> None:
        """No answer follows: drop llhttp, which refers to us."""
        del self._parser

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
        for name, _ in self._fields:
            if name in _FRAMING_FIELDS:
                raise MalformedFrame("Trailers say how long the body is.")
        self.complete = True
        self._pieces_of_this = len(self._pieces)
        self._keep_alive = self._parser.should_keep_alive()

    # Heads.

    def _feed_head(self, data: bytes) -> bytes:
        if not self.started:
            known = self._known
            if known is not None and len(data) == known.answer_bytes and self._repeats(known, data):
                self.status = known.status
                self.fields = known.fields.copy()
                self.encoded = known.encoded
                self.started = self.head_known = self.complete = self.reusable = True
                return data[len(known.head) :]
            self._start()
        data = self._from_final_head(data)
        if not data:
            return b""
        if self._bodiless:
            self.left_over = len(data) > self._head_bytes
            data = data[: self._head_bytes]
        self._read_head(data)
        body = self._body_of(data)
        if self.reusable and not self._chunked and self._head_bytes <= _MAX_KNOWN_BYTES:
            self._known = _KnownHead(
                data[: self._head_bytes], len(data), self.status, self.fields.copy(), self.encoded
            )
        return body

    def _repeats(self, known: "_KnownHead", data: bytes) -> bool:
        if self._bodiless or len(known.head) > self._head_limit:
            return False
        return data.startswith(known.head)

    def _start(self) -> None:
        """Reset the state of the last answer, because llhttp is to parse this one."""
        self.started = True
        self._partial = None
        self._fields = []
        self.fields = []
        self._interim = self._head_bytes = self._pieces_of_this = self._unexplained = 0
        self._chunked = self._head_read = self._keep_alive = self._surplus = False

    def _from_final_head(self, data: bytes) -> bytes:
        """`data` from the final head on; empty while that head is incomplete."""
        if self._partial is not None:
            joined = self._partial.add(data)
            if joined is None:
                return b""
            self._partial, data = None, joined
        while data:
            match = _HEAD.match(data)
            if match is None:
                self._hold(data)
                return b""
            if match.end() > self._head_limit:
                raise oversized_head()
            if data[_STATUS_CLASS] != ord("1"):
                self._head_bytes = match.end()
                return data
            self._skip_interim(data)
            data = data[match.end() :]
        return b""

    def _hold(self, data: bytes) -> None:
        """Keep the beginning of a head. Raises `bad_answer` if `data` holds a whole one: it was not
        valid."""
        if HEAD_END in data:
            raise malformed_head() if len(data) <= self._head_limit else oversized_head()
        self._partial = PartialHead(data, self._head_limit)

    def _skip_interim(self, data: bytes) -> None:
        if data.startswith(b"01", _STATUS_CLASS + 1):
            raise UpstreamError("bad_answer", "The provider switched protocols unasked.")
        self._interim += 1
        if self._interim > MAX_INTERIM:
            raise UpstreamError("bad_answer", "The provider sent too many interim answers.")

    def _read_head(self, data: bytes) -> None:
        stopped = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            stopped = True  # perhaps in the body, so look at the head first
        try:
            self._judge_fields(self.fields, data)
        except UpstreamError:
            self._pieces.clear()  # the framing is unknown, and with it what the body is
            raise
        self.status = int(data[_STATUS_CLASS : _STATUS_CLASS + 3])
        self.head_known = True
        self._unexplained = -self._head_bytes
        if stopped:
            self._stopped()
        if self._bodiless:
            # llhttp cannot know that no body follows, so it cannot parse another answer.
            self.complete = self._surplus = True

    def _judge_fields(self, fields: Fields, data: bytes) -> None:
        named = dict(fields)
        if len(named) != len(fields):
            names = [name for name, _ in fields]
            if any(names.count(name) > 1 for name in _FRAMING_FIELDS):
                raise _malformed("framing")
        length = named.get(b"content-length")
        coding = named.get(b"transfer-encoding")
        if coding is not None:
            is_old = data.startswith(b"HTTP/1.0")
            if is_old or length is not None or coding.strip().lower() != b"chunked":
                raise _malformed("framing")
            self._chunked = True
        elif length is not None:
            if not _LENGTH.fullmatch(length.strip()):
                raise _malformed("framing")
        elif not self.complete:
            self.until_end = True
        self.encoded = b"content-encoding" in named

    # Bodies.

    def _stopped(self) -> None:
        """llhttp stopped: there is a fault, or data after the end."""
        if not self.complete:
            raise _malformed("body")
        self._surplus = True

    def _body_of(self, data: bytes) -> bytes:
        """The body bytes that llhttp found in `data`. Checks that the other bytes are framing."""
        pieces = self._pieces
        if self.complete:
            del pieces[self._pieces_of_this :]  # a second answer may have come in one read
        count = len(pieces)
        body = pieces[0] if count == 1 else b"".join(pieces)
        unexplained = self._unexplained + len(data) - len(body)
        if self._chunked:
            # Bound chunk sizes, extensions and trailers (HS18).
            unexplained -= _FRAMING_BYTES_PER_PIECE * count
            if unexplained > _FRAMING_BYTES:
                raise _malformed("framing")
        self._unexplained = unexplained
        pieces.clear()
        if self.complete:
            # llhttp silently skips line ends between messages, so count instead of asking it.
            clean = data.endswith(_LAST_CHUNK) if self._chunked else unexplained == 0
            self.reusable = clean and self._keep_alive and not self._surplus
        return body


class _KnownHead(msgspec.Struct, frozen=True):
    """The head of a whole answer, kept with what was decided about it.

    If the next answer has the same head, byte for byte, and the same length, the same decisions
    hold: it is complete, and its body is the rest. So it is not parsed again. Local servers repeat
    their heads within a second; for servers that put counters or ids into heads, this only costs a
    comparison.
    """

    head: bytes
    answer_bytes: int
    status: int
    fields: Fields
    encoded: bool


def _malformed(part: str) -> UpstreamError:
    return UpstreamError("bad_answer", f"The provider's answer has a malformed {part}.")
