"""Read the heads of HTTP requests as strictly as a gateway must, and write its answers.

Request smuggling lives where two parsers disagree, so there is nothing here to disagree about: a
head is either exactly in the grammar of `security.md` 3.1 (HS01-HS19) or refused, before any of it
is used. No I/O: bytes in, a checked `Head` out.

A head as the SDKs send it matches one possessive regular expression, which never backtracks, and is
then searched once for the few fields that matter here. Only a head that the expression does not
accept is read line by line, to say which rule it breaks, or to accept it as unusual but valid
(8-bit values, names with `_`, absolute-form, very long lines).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from ipaddress import AddressValueError, IPv6Address

from stockyard.errors import StockyardError
from stockyard.gateway.limits import HttpLimits

METHODS = {
    b"GET": "GET",
    b"HEAD": "HEAD",
    b"POST": "POST",
    b"PUT": "PUT",
    b"PATCH": "PATCH",
    b"DELETE": "DELETE",
    b"OPTIONS": "OPTIONS",
}
HEAD_END = b"\r\n\r\n"
INTERPRETED = frozenset(
    (
        b"host connection content-length transfer-encoding te trailer upgrade expect "
        b"content-type content-encoding accept accept-encoding authorization proxy-authorization "
        b"cookie origin referer forwarded via x-real-ip x-request-id idempotency-key if-match "
        b"if-none-match last-event-id api-key x-api-key x-goog-api-key x-admin-key "
        b"anthropic-version anthropic-beta openai-organization openai-project"
    ).split()
)
"""Fields that some part of the gateway acts on: no 8-bit values, no spelling with `_`."""
INTERPRETED_PREFIXES = (b"x-forwarded-", b"x-stockyard-", b"sec-")
FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})

_NAME = rb"[!#-'*+.^`|~0-9A-Za-z-]"
_PATH = rb"/(?:[A-Za-z0-9._~!$&'()*+,=:@/-]++|%[0-9A-Fa-f]{2})*+"
_QUERY = rb"(?:[!\"$&-\[\]-~]++|%[0-9A-Fa-f]{2})*+"

_REQUEST_LINE = re.compile(rb"([A-Z]{3,16}) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_ORIGIN_FORM = re.compile(rb"(" + _PATH + rb")(?:\?(" + _QUERY + rb"))?+")
_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#@]+)((?:/|\?|\Z).*)", re.IGNORECASE)
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_HOST = re.compile(
    rb"(?:[a-z0-9_-]++(?:\.[a-z0-9_-]++)*+|\[([0-9a-f:.]+)\])(?::([1-9][0-9]{0,4}))?+"
)
_MEANINGFUL = re.compile(
    rb"\n(host|content-length|transfer-encoding|connection|expect|upgrade):[ \t]*+([^\r]*)"
)


class HttpError(StockyardError):
    """A request that violates HTTP or a limit. `rule` names the rule of `security.md` 3.1."""

    def __init__(self, status: int, rule: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.rule = rule


class Head:
    """The checked head of one request. Nothing in it was changed, decoded or normalised."""

    __slots__ = (
        "_lowered",
        "chunked",
        "dropped",
        "expects_continue",
        "http11",
        "keep_alive",
        "length",
        "method",
        "path",
        "query",
        "raw",
        "target",
        "upgrade",
    )

    def __init__(self, raw: bytes, method: str, path: str, query: str, http11: bool) -> None:
        self.raw = raw
        self.method = method
        self.path = path
        self.query = query
        self.target = f"{path}?{query}" if query else path
        """Path and query, whatever form the client sent them in."""
        self.http11 = http11
        self.keep_alive = http11
        self.length = 0
        self.chunked = False
        self.expects_continue = False
        self.upgrade = False
        self.dropped = 0
        """How many fields are ignored because of a `_` in their names (HS13)."""
        self._lowered = raw.lower()

    def field(self, name: bytes) -> bytes | None:
        """The value of the first field of this lower-case name, without blanks around it."""
        mark = b"\n" + name + b":"
        at = self._lowered.find(mark)
        if at < 0:
            return None
        start = at + len(mark)
        return self.raw[start : self.raw.index(b"\r", start)].strip(b" \t")

    def repeats(self, name: bytes) -> bool:
        """Whether there is more than one field of this lower-case name."""
        return self._lowered.count(b"\n" + name + b":") > 1

    def fields(self) -> list[tuple[bytes, bytes]]:
        """All fields that may be forwarded, in order: not those with 8-bit values or `_` names."""
        pairs = []
        for line in self.raw.strip(b"\r\n").split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if b"_" not in name and value.isascii():
                pairs.append((name.lower(), value.strip(b" \t")))
        return pairs

    def without(self, *names: bytes) -> bytes:
        """The head again in origin-form, without these fields and without its end."""
        kept = [b"%b: %b\r\n" % pair for pair in self.fields() if pair[0] not in names]
        line = f"{self.method} {self.target} HTTP/1.{int(self.http11)}\r\n"
        return line.encode() + b"".join(kept)


def read_head(raw: bytes, limits: HttpLimits) -> Head:
    """The Head in `raw`, which ends with the first CRLF CRLF. Raises HttpError for any fault."""
    # No line of a short head can be too long.
    short = len(raw) <= limits.max_line_bytes and len(raw) <= limits.max_head_bytes
    match = _well_formed(limits.max_fields).fullmatch(raw) if short else None
    if match is None:
        return _look_closer(raw, limits)
    method, path, query, minor = match.groups()
    head = Head(
        raw,
        METHODS[method],
        path.decode(),
        "" if query is None else query.decode(),
        minor == b"1",
    )
    _understand(head)
    return head


@lru_cache(maxsize=4)
def _well_formed(max_fields: int) -> re.Pattern[bytes]:
    methods = b"|".join(METHODS)
    field = _NAME + rb"++:[\t\x20-\x7e]*+\r\n"
    return re.compile(
        rb"(?:\r\n)?+(%b) (%b)(?:\?(%b))?+ HTTP/1\.([01])\r\n(?:%b){0,%d}+\r\n"
        % (methods, _PATH, _QUERY, field, max_fields)
    )


def _understand(head: Head) -> None:
    """Check the fields that control framing and connection, and set their values on the head."""
    hosts = lengths = codings = 0
    for name, value in _MEANINGFUL.findall(head._lowered):
        value = value.rstrip(b" \t")
        if name == b"host":
            hosts += 1
            if not _is_host(value):
                raise HttpError(400, "HS14", "The Host field is not a host name.")
        elif name == b"content-length":
            lengths += 1
            head.length = _content_length(value)
        elif name == b"connection":
            if value != b"keep-alive" and b"close" in [t.strip() for t in value.split(b",")]:
                head.keep_alive = False
        elif name == b"transfer-encoding":
            codings += 1
            if value != b"chunked" or not head.http11:
                raise HttpError(
                    400, "HS16", "Transfer-Encoding may only be 'chunked', and only in HTTP/1.1."
                )
            head.chunked = True
        elif name == b"expect":
            if value != b"100-continue":
                raise HttpError(417, "HS19", "Expect may only be '100-continue'.")
            head.expects_continue = head.http11
        else:
            # Ignored except on WebSocket paths; the connection ends with the answer (HS20).
            head.upgrade = True
            head.keep_alive = False
    if hosts != 1 and (head.http11 or hosts > 1):
        raise HttpError(400, "HS14", "There must be exactly one Host field.")
    if lengths > 1:
        raise HttpError(400, "HS15", "There may be only one Content-Length field.")
    if codings > 1 or (codings and lengths):
        raise HttpError(400, "HS16", "The length of the body is given more than once.")
    if (head.length or head.chunked) and head.method in ("GET", "HEAD"):
        raise HttpError(400, "HS17", "GET and HEAD have no body.")


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    match = _HOST.fullmatch(value)
    if match is None or len(value) > 255:
        return False
    ipv6, port = match.groups()
    if port is not None and int(port) > 65535:
        return False
    if ipv6 is None:
        return True
    try:
        IPv6Address(ipv6.decode())
    except AddressValueError:
        return False
    return True


def _content_length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 15 or (len(value) > 1 and value[0] == 0x30):
        raise HttpError(400, "HS15", "Content-Length must be one plain number.")
    return int(value)


def _look_closer(raw: bytes, limits: HttpLimits) -> Head:
    """Read a head that is invalid or unusual, line by line. Raises HttpError for what is wrong."""
    text = raw[2:] if raw.startswith(b"\r\n") else raw
    check_size(text, limits)
    line, *fields = text[:-4].split(b"\r\n")
    method, target, minor = _request_line(line)
    dropped = 0
    for field in fields:
        dropped += check_field(field)
    path, query, authority = _target(target, method)
    head = Head(raw, method, path, query, minor == b"1")
    head.dropped = dropped
    _understand(head)
    if authority is not None and authority.lower() != (head.field(b"host") or b"").lower():
        raise HttpError(400, "HS07", "The target names another host than the Host field.")
    return head


def check_size(text: bytes, limits: HttpLimits) -> None:
    """Refuse a head, complete or not, that exceeds a size limit already."""
    lines = text[:-4].split(b"\r\n") if text.endswith(HEAD_END) else text.split(b"\r\n")
    if len(lines[0]) > limits.max_line_bytes:
        raise HttpError(414, "HS01", "The request line is too long.")
    if len(text) > limits.max_head_bytes:
        raise HttpError(431, "HS01", "The head of the request is too long.")
    if any(len(line) > limits.max_line_bytes for line in lines):
        raise HttpError(431, "HS01", "A field of the request is too long.")
    if len(lines) - 1 > limits.max_fields:
        raise HttpError(431, "HS01", "The request has too many fields.")


def _request_line(line: bytes) -> tuple[str, bytes, bytes]:
    if b"\r" in line or b"\n" in line:
        raise HttpError(400, "HS02", "Lines must end with CR LF.")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise HttpError(400, "HS04", "The request line is malformed.")
    method, target, major, minor = match.groups()
    if major != b"1" or minor not in (b"0", b"1"):
        raise HttpError(505, "HS05", "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    if method not in METHODS:
        raise HttpError(405, "HS06", "This method is not allowed.")
    return METHODS[method], target, minor


def check_field(line: bytes) -> bool:
    """Check one field. Returns whether it is to be ignored (HS13)."""
    if b"\r" in line or b"\n" in line:
        raise HttpError(400, "HS02", "Lines must end with CR LF.")
    if line[:1] in (b" ", b"\t"):
        raise HttpError(400, "HS12", "Folded fields are not allowed.")
    name, colon, value = line.partition(b":")
    if not colon or _FIELD_NAME.fullmatch(name) is None:
        raise HttpError(400, "HS10", "The name of a field is malformed.")
    if _FIELD_VALUE.fullmatch(value) is None:
        raise HttpError(400, "HS11", "The value of a field has control characters.")
    plain = name.lower().replace(b"_", b"-")
    interpreted = plain in INTERPRETED or plain.startswith(INTERPRETED_PREFIXES)
    if interpreted and b"_" in name:
        raise HttpError(400, "HS13", "The name of a field has '_' where '-' belongs.")
    if interpreted and not value.isascii():
        raise HttpError(400, "HS11", "The value of a field is not ASCII.")
    return b"_" in name


def _target(target: bytes, method: str) -> tuple[str, str, bytes | None]:
    """Path, query, and the authority of an absolute-form."""
    if target == b"*" and method == "OPTIONS":
        return "*", "", None
    authority = None
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE_FORM.fullmatch(target)
        if absolute is None:
            raise HttpError(400, "HS07", "The target of the request is malformed.")
        authority, rest = absolute.groups()
        target = rest if rest.startswith(b"/") else b"/" + rest
    match = _ORIGIN_FORM.fullmatch(target)
    if match is None:
        raise HttpError(400, "HS08", "The path of the request is malformed.")
    path, query = match.groups(b"")
    return path.decode(), query.decode(), authority


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}
CONTINUE = STATUS_LINES[100] + b"\r\n"

_ANSWER_NAME = re.compile(_NAME.replace(b".", b"._") + b"+")
_ANSWER_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


def field_lines(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A block of checked `name: value` lines, which may be kept if it is constant.

    Framing fields are set by the lane, so one of them here raises ValueError, as a line break does.
    """
    lines = []
    for name, value in pairs:
        if _ANSWER_NAME.fullmatch(name) is None or _ANSWER_VALUE.fullmatch(value) is None:
            raise ValueError(f"The field {name!r} cannot be written.")
        if name.lower() in FRAMING:
            raise ValueError(f"The field {name!r} is the lane's to write.")
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def header_pairs(block: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of such a block."""
    lines = (line.partition(b": ") for line in block.split(b"\r\n") if line)
    return [(name, value) for name, _, value in lines]


BODILESS = frozenset((*range(100, 200), 204, 304))
"""Statuses whose answers carry no body."""


def has_body(method: str, status: int) -> bool:
    """Whether an answer of this status to this method may carry a body."""
    return method != "HEAD" and status not in BODILESS
