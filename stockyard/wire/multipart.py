"""Parse a multipart/form-data body, and replace texts in it.

Programs disagree about malformed forms, which a caller could use to show us one model and the
provider another. Whatever leaves room for doubt is refused: lines that do not end with CRLF, text
around the parts, a delimiter where none belongs, repeated fields, encoded parts, nested forms.
Everything else is passed on byte for byte; files are located, never copied.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stockyard.errors import Refused
from stockyard.wire.large_body import Edit, edited

MAX_SKIPPED = 64 * 1024
"""Bytes of fields that may precede the one searched for."""
MAX_PARTS = 20
MAX_HEADERS = 8 * 1024
"""Bytes of the headers of all parts together."""
MAX_WORD = 1024
"""Bytes of a one-word field, such as the model name."""
MAX_TEXT = 1024 * 1024
"""Bytes of a field that is read as text, such as a prompt."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE = re.compile(rb"multipart/form-data[ \t]*(?=;|$)", re.IGNORECASE)
# Some clients leave out the quotes although their boundary has characters that ask for them.
_PARAMETER = re.compile(
    rb";[ \t]*(" + _TOKEN + rb')=(?:"((?:[^"\\]|\\.)*+)"|([^\s;"\\]+))[ \t]*', re.DOTALL
)
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_HEADER = re.compile(rb"(" + _TOKEN + rb"):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*)")
_FORM_DATA = re.compile(rb"form-data[ \t]*(?=;|$)", re.IGNORECASE)
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*")
_NUMBER = re.compile(r"[0-9]{1,9}")
_LENGTH = re.compile(rb"[0-9]{1,12}")
_UNENCODED = frozenset({b"7bit", b"8bit", b"binary"})


class Part(NamedTuple):
    """One part of a form, and where it stands."""

    name: str
    is_file: bool
    start: int
    end: int
    length_start: int = 0
    """Where the part states its own length; the end is 0 when it does not."""
    length_end: int = 0


class Form:
    """A form whose parts are known."""

    __slots__ = ("_body", "_boundary", "parts")

    def __init__(self, body: bytes, boundary: bytes, parts: tuple[Part, ...]) -> None:
        self._body = body
        self._boundary = boundary
        self.parts = parts

    def word(self, name: str) -> str | None:
        """The short text of a field that may occur once; None if it is absent."""
        part, text = self._only(name), self.text(name)
        if part is None or text is None:
            return None
        if part.end - part.start > MAX_WORD or _PLAIN.fullmatch(text) is None:
            raise _bad(f"The field '{name}' is too long, or has control characters.", name)
        return text

    def text(self, name: str) -> str | None:
        """The text of a field that may occur once; None if it is absent."""
        part = self._only(name)
        if part is None:
            return None
        if part.end - part.start > MAX_TEXT:
            raise _bad(f"The field '{name}' is longer than {MAX_TEXT} bytes.", name)
        try:
            return self._body[part.start : part.end].decode()
        except UnicodeDecodeError:
            raise _bad(f"The field '{name}' is not UTF-8 text.", name) from None

    def number(self, name: str) -> int | None:
        """The number in a field; None when it is absent, or something else."""
        word = self.word(name) or ""
        return int(word) if _NUMBER.fullmatch(word) else None

    def file(self, name: str) -> Part | None:
        """The first file of this name."""
        return next((part for part in self.parts if part.is_file and part.name == name), None)

    def count(self, name: str) -> int:
        """How many parts have this name."""
        return sum(part.name == name for part in self.parts)

    def with_texts(self, texts: Mapping[str, str]) -> bytes:
        """The form with other texts in these fields, and every other byte as it was."""
        edits = [edit for name, text in texts.items() for edit in self._edits(name, text.encode())]
        return edited(self._body, *sorted(edits))

    def _edits(self, name: str, value: bytes) -> Iterator[Edit]:
        part = self._only(name)
        if part is None or b"--" + self._boundary in value:
            raise _bad(f"The form has no field '{name}' that could say this.", name)
        if part.length_end:
            yield Edit(part.length_start, part.length_end, b"%d" % len(value))
        yield Edit(part.start, part.end, value)

    def with_added(self, name: str, text: str) -> bytes:
        """The form with one more field, before all others."""
        value = text.encode()
        if b"--" + self._boundary in value:
            raise _bad(f"The form cannot say this as '{name}'.", name)
        head = b'--%b\r\nContent-Disposition: form-data; name="%b"' % (
            self._boundary,
            name.encode(),
        )
        return edited(self._body, Edit(0, 0, b"".join((head, b"\r\n\r\n", value, b"\r\n"))))

    def _only(self, name: str) -> Part | None:
        found = [part for part in self.parts if part.name == name]
        if len(found) > 1:
            raise _bad(f"The form has the field '{name}' twice.", name)
        if found and found[0].is_file:
            raise _bad(f"The field '{name}' must be text, not a file.", name)
        return found[0] if found else None


def boundary_of(content_type: bytes) -> bytes | None:
    """The boundary of a form, from its content type; None if that is not a form's."""
    media_type = _MEDIA_TYPE.match(content_type)
    if media_type is None:
        return None
    boundary = _parameters(content_type, media_type.end()).get(b"boundary")
    if boundary is None or _BOUNDARY.fullmatch(boundary) is None:
        raise _bad("The content type of the form has no usable boundary.")
    return boundary


def boundary_in(body: bytes) -> bytes | None:
    """The boundary that a body starts with; None if it is not a form."""
    if not body.startswith(b"--"):
        return None
    boundary, line_end, after = body[2:80].partition(b"\r\n")
    # A form without parts is only its end.
    if boundary.endswith(b"--") and after in (b"", b"\r\n"):
        boundary, line_end = boundary[:-2], b"\r\n"
    if not line_end or _BOUNDARY.fullmatch(boundary) is None:
        raise _bad("The first line of the form is no boundary.")
    return boundary


def content_type_with(boundary: bytes) -> bytes:
    """The content type of a form, with the boundary quoted so that every parser understands it."""
    return b'multipart/form-data; boundary="%b"' % boundary


def read_form(body: bytes, boundary: bytes, *, max_parts: int = MAX_PARTS) -> Form:
    """The parts of a form. Raises Refused (400) where two readers might see different ones."""
    parts: list[Part] = []
    for part in _parts(body, boundary):
        if len(parts) == max_parts:
            raise _bad(f"The form has more than {max_parts} parts.")
        parts.append(part)
    return Form(body, boundary, tuple(parts))


def start_of_file(body: bytes, name: str) -> int | None:
    """Where the first file of this name begins, if short fields only stand before it.

    What follows is not looked at, so it does not matter how much that is. Raises Refused (400).
    """
    boundary = boundary_in(body)
    if boundary is None:
        return None
    at = 0
    for _ in range(MAX_PARTS):
        begin = at + len(boundary) + 4
        start = body.find(b"\r\n\r\n", begin, begin + MAX_HEADERS) + 4
        if start < 4:
            return None
        lines = [line.partition(b":") for line in body[begin : start - 4].split(b"\r\n")]
        headers = {header.lower(): value.strip(b" \t") for header, _, value in lines}
        if _disposition(headers.get(b"content-disposition", b"")) == (name, True):
            return start
        at = body.find(b"\r\n--" + boundary + b"\r\n", start, start + MAX_SKIPPED) + 2
        if at < 2:
            return None
    return None


_AFTER = (b"", b"\r\n", b"\r\n\r\n")
"""What may follow a form: the libraries of JavaScript disagree on how many lines end with it."""


def _parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    delimiter = b"--" + boundary
    at, room = 0, MAX_HEADERS
    if not body.startswith(delimiter):
        raise _bad("The form does not begin with the boundary that its content type names.")
    while True:
        at += len(delimiter)
        if body.startswith(b"--", at):
            break
        if not body.startswith(b"\r\n", at):
            raise _bad("A boundary of the form is not alone in its line.")
        begin = at + 2
        start = body.find(b"\r\n\r\n", begin, begin + room) + 4
        if start < 4:
            raise _bad(f"The parts of the form have no headers, or more than {MAX_HEADERS} bytes.")
        room -= start - begin
        at = body.find(delimiter, begin)
        if at < 0:
            raise _bad("The form breaks off before its end.")
        # A boundary that is not after a line end of its own is none for some readers.
        if at < start + 2 or not body.startswith(b"\r\n", at - 2):
            raise _bad("A boundary of the form stands where none may be.")
        yield _part(body, begin, start, at - 2)
    if body[at + 2 : at + 7] not in _AFTER:
        raise _bad("Something follows the end of the form.")


def _part(body: bytes, begin: int, start: int, end: int) -> Part:
    headers: dict[bytes, bytes] = {}
    length_start = length_end = 0
    at = begin
    for line in body[begin : start - 4].split(b"\r\n"):
        header = _HEADER.fullmatch(line)
        if header is None or header[1].lower() in headers:
            raise _bad("A part of the form has a malformed header, or one header twice.")
        name, value = header[1].lower(), header[2].rstrip(b" \t")
        headers[name] = value
        if name == b"content-length":
            length_start = at + header.start(2)
            length_end = length_start + len(value)
        at += len(line) + 2
    _check(headers, end - start)
    said, is_file = _disposition(headers.get(b"content-disposition", b""))
    return Part(said, is_file, start, end, length_start, length_end)


def _check(headers: dict[bytes, bytes], size: int) -> None:
    """Refuse encoded parts and nested forms."""
    encoding = headers.get(b"content-transfer-encoding", b"binary")
    if encoding.lower() not in _UNENCODED:
        raise _bad("A part of the form is encoded; send it as it is.")
    if headers.get(b"content-type", b"").lower().startswith(b"multipart/"):
        raise _bad("A part of the form is a form itself.")
    length = headers.get(b"content-length")
    if length is not None and (_LENGTH.fullmatch(length) is None or int(length) != size):
        raise _bad("A part of the form is not as long as it says.")


def _disposition(value: bytes) -> tuple[str, bool]:
    form_data = _FORM_DATA.match(value)
    if form_data is None:
        raise _bad("A part of the form does not say that it is a field of one.")
    said = _parameters(value, form_data.end())
    name = said.get(b"name")
    if name is None or b"\\" in name or b"name*" in said:
        raise _bad("A part of the form has no name that every reader would read alike.")
    return name.decode("utf-8", "replace"), b"filename" in said or b"filename*" in said


def _parameters(value: bytes, start: int) -> dict[bytes, bytes]:
    said: dict[bytes, bytes] = {}
    while start < len(value):
        found = _PARAMETER.match(value, start)
        if found is None or found[1].lower() in said:
            raise _bad("A header of the form has a malformed parameter, or one twice.")
        said[found[1].lower()] = found[3] if found[2] is None else found[2]
        start = found.end()
    return said


def _bad(message: str, param: str | None = None) -> Refused:
    return Refused(400, "invalid_request", message, param=param)
