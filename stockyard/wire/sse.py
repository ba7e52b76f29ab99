"""Split server-sent events, fed in arbitrary pieces.

A stream is a series of blocks, each ended by a blank line. A line ends with LF, CRLF or CR; a CR
ends its line at once, because waiting for a possible LF would hold back the last event. Such a LF
that comes later belongs to the block before it and is harmless at the start of the next one.

Only bytes are split: `str.splitlines` also cuts at U+2028 and its like, which stand in real text.
"""

import re
from typing import NamedTuple

from stockyard.errors import UpstreamError
from stockyard.wire.surrogates import loose
from stockyard.wire.width import LARGE, MAX_THINGS, too_much, weighed

DONE = b"[DONE]"
"""The data that ends a stream in some formats."""
DONE_EVENT = b"data: [DONE]\n\n"
MAX_EVENT = 32 * 1024 * 1024
MAX_BEFORE = 64 * 1024
"""Bytes of lines that stand before the data of one event, where they are kept by themselves."""
_SMALL = 4096
_READ = 2 * LARGE
"""More than one read brings. What is fed at once may hold large blocks, which are looked at."""

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_CRLF_BLANK = b"\r\n\r\n"
_BOM = b"\xef\xbb\xbf"


class ParsedBlock(NamedTuple):
    """One parsed block. `data` is None when the block says nothing (comments, `retry`)."""

    name: bytes
    data: bytes | None
    plain: bool = True
    """Nothing but one `data: ` line, and at most one `event: ` line before it."""


_NOTHING = ParsedBlock(b"", None)


class Blocks:
    """Splits a stream into blocks, byte for byte as they came. Time is linear in the bytes fed."""

    __slots__ = ("_buffer", "_ended_on_cr", "_limit", "_searched", "_seen_cr")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._limit = limit
        self._seen_cr = False
        self._ended_on_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """The blocks completed by this data, each with its blank line."""
        run = self.run(data)
        if run is not None:
            return cut(run)
        self._seen_cr = True
        at_once = len(data) <= _READ and not self._buffer and not self._ended_on_cr
        if at_once and data.endswith(_CRLF_BLANK):
            blocks = data.split(_CRLF_BLANK)
            breaks = data.count(b"\r\n")
            if not blocks.pop() and breaks == data.count(b"\r") == data.count(b"\n"):
                # Whole blocks, all of whose lines end with CRLF.
                return [block + _CRLF_BLANK for block in blocks]
        self._keep(data)
        return self._cut()

    def run(self, data: bytes) -> bytes | None:
        """The completed blocks joined, as a fast path for nearly every stream.

        None, with nothing consumed, if there are line ends other than LF, much is left from earlier
        or much is fed; then use `feed`.
        """
        if self._seen_cr or len(self._buffer) >= _SMALL or len(data) > _READ or b"\r" in data:
            return None
        if self._buffer:
            data = bytes(self._buffer) + data
            self._buffer.clear()
        end = data.rfind(b"\n\n")
        end = end + 2 if end >= 0 else 0
        if end < len(data):
            self._keep(data[end:])
        return data[:end]

    def rest(self) -> bytes:
        """The bytes after the last blank line. The stream has ended."""
        rest = weighed(bytes(self._buffer))
        self._buffer.clear()
        self._searched = 0
        return rest

    def _keep(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > self._limit and not _BLANK_LINE.search(self._buffer, self._searched):
            raise UpstreamError(
                "bad_answer",
                f"The provider sent one event of more than {self._limit} bytes.",
                code="limit_exceeded",
            )

    def _cut(self) -> list[bytes]:
        buffer, start, blocks = self._buffer, 0, []
        # A CR may have ended the last block whose LF comes only now: that LF is no line end.
        search = 1 if self._ended_on_cr and buffer[:1] == b"\n" else self._searched
        next_end = _after_lf_lf if buffer.find(b"\r", search) < 0 else _after_blank_line
        while end := next_end(buffer, search):
            blocks.append(weighed(bytes(buffer[start:end])))
            start = search = end
        self._ended_on_cr = (
            blocks[-1].endswith(b"\r")
            if blocks and start == len(buffer)
            else self._ended_on_cr and not buffer
        )
        if start:
            del buffer[:start]
        # A blank line may have begun in the last three bytes (CR LF CR, with its LF to come).
        self._searched = max(search - start, len(buffer) - 3, 0)
        return blocks


def _after_lf_lf(buffer: bytearray, start: int) -> int:
    """The end of the first blank line, where there is no CR; 0 without one."""
    at = buffer.find(b"\n\n", start)
    return at + 2 if at >= 0 else 0


def _after_blank_line(buffer: bytearray, start: int) -> int:
    found = _BLANK_LINE.search(buffer, start)
    return found.end() if found is not None else 0


class LineBlocks(Blocks):
    """The same for a provider whose events end with the data line, without a blank line."""

    __slots__ = ("_before",)

    def __init__(self, limit: int = MAX_EVENT) -> None:
        super().__init__(limit)
        self._before = b""

    def run(self, data: bytes) -> bytes:
        held = len(self._buffer)
        self._keep(data)
        end = self._buffer.rfind(b"\n", held) + 1
        lines = bytes(self._buffer[:end]).split(b"\n")
        del self._buffer[:end]
        return b"".join(filter(None, map(self._line, lines)))

    def rest(self) -> bytes:
        before, self._before = self._before, b""
        return before + super().rest()

    def _line(self, line: bytes) -> bytes:
        """The block completed by this line; empty if there is none."""
        line = line.removesuffix(b"\r")
        if not line:
            return b""
        if not line.startswith((b"data", b"error", b":")):
            if len(self._before) > MAX_BEFORE:
                raise too_much("lines without data")
            self._before += line + b"\n"
            return b""
        before, self._before = self._before, b""
        return weighed(before + line + b"\n\n")


def cut(run: bytes) -> list[bytes]:
    """The blocks of a `run`."""
    return [block + b"\n\n" for block in run[:-2].split(b"\n\n")] if run else []


def parse_block(block: bytes) -> ParsedBlock:
    """Parse a block by the full grammar."""
    if b"\r" in block or not block.endswith(b"\n\n"):
        end = len(block) - 4
        one_line = block.find(b"\r") == end and block.find(b"\n") == end + 1
        if one_line and block.startswith(b"data: {") and block.endswith(_CRLF_BLANK):
            return ParsedBlock(b"", block[6:end])
        return _parse_at_length(block)
    if block.startswith(b"data: {") and block.find(b"\n") == len(block) - 2:
        return ParsedBlock(b"", block[6:-2])
    if block.startswith(b"event: "):
        lines = block[:-2].split(b"\n")
        if len(lines) == 2 and lines[1].startswith(b"data: {"):
            return ParsedBlock(lines[0][7:], lines[1][6:])
    return _parse_at_length(block)


def _parse_at_length(block: bytes) -> ParsedBlock:
    if len(block) > LARGE and block.count(b"\n") + block.count(b"\r") > MAX_THINGS:
        raise too_much("lines in one event")
    line = block.strip(b"\r\n")
    if not line or (line.startswith(b":") and _LINE_END.search(line) is None):
        return _NOTHING
    name, data, plain = b"", None, not block.startswith(_BOM)
    seen: list[bytes] = []
    pieces: list[bytes] = []
    for line in _LINE_END.split(block.removeprefix(_BOM)):
        if not line or line.startswith(b":"):
            continue
        field, _, value = line.partition(b":")
        spaced = value.startswith(b" ")
        value = value.removeprefix(b" ")
        seen.append(field)
        plain = plain and spaced
        if field == b"data":
            pieces.append(value)
            data = value
        elif field == b"event":
            name = value
        elif field == b"error":
            # Seen from one server: `error: {json}` where `data:` should stand.
            name, data, pieces = b"error", value, [value]
    if len(pieces) > 1:
        data = b"\n".join(pieces)
    plain = plain and seen in ([b"data"], [b"event", b"data"], [])
    if data is not None and data != DONE and data.rstrip() == DONE:
        # Blanks may pad any line. Whoever waits for the mark waits for it alone.
        return ParsedBlock(name, DONE, plain=False)
    return ParsedBlock(name, data, plain)


def is_whole(block: bytes) -> bool:
    """Whether a final block without its blank line has all of its data: an object, or the mark of
    the end."""
    data = parse_block(block + b"\n\n").data
    return data is not None and (data == DONE or isinstance(loose(data), dict))


def clean(heard: ParsedBlock, *, named: bool) -> bytes:
    """A block rewritten without what clients cannot parse: `id`, `retry`, empty or several data
    lines, a byte order mark, a field without its space; and event names where the format has
    none."""
    if not heard.data:
        return b""
    name = b"event: " + heard.name + b"\n" if named and heard.name else b""
    return name + b"".join(b"data: " + line + b"\n" for line in heard.data.split(b"\n")) + b"\n"
