"""Sixty malformed answers that a gateway must survive: `reliability.md`, Appendix B, as a table.

Each is told to a provider, `MALFORMED["half JSON"](provider)`, and works in every format a scripted
provider speaks; those of `STREAMS` show only when the call asks for a stream. They are the next
answer and, as a script's last line does, all later ones.
"""

import gzip
import zlib
from collections.abc import Callable

from stockyard.testing.script import Script

Telling = Callable[[Script], Script]


def _wire(head: bytes, body: bytes = b"", *, open_end: bool = False) -> Telling:
    """An answer byte for byte; the connection is closed after it unless its end is to be open."""
    data = head + b"\r\n" + body
    return lambda p: p.sends_exactly(data) if open_end else p.sends_exactly(data).closes()


def _chunked(body: bytes) -> Telling:
    return _wire(_OK + b"transfer-encoding: chunked\r\n", body)


def _sized(*headers: bytes, body: bytes = b"{}") -> Telling:
    return _wire(_OK + b"".join(header + b"\r\n" for header in headers), body)


def _status(status: int, body: bytes = b"", **headers: str) -> Telling:
    return lambda p: p.sends(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def _json(body: bytes, **headers: str) -> Telling:
    return _status(200, body, content_type="application/json", **headers)


def _stream(change: Callable[[Script], Script]) -> Telling:
    return lambda p: change(p.streams("one", " two"))


_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"

FRAMING: dict[str, Telling] = {
    "chunk size that is not hexadecimal": _chunked(b"zz\r\n{}\r\n0\r\n\r\n"),
    "chunk size of 18 F": _chunked(b"F" * 18 + b"\r\n{}\r\n0\r\n\r\n"),
    "no CRLF after chunk data": _chunked(b"2\r\n{}0\r\n\r\n"),
    "EOF without last chunk": _chunked(b"2\r\n{}\r\n"),
    "content length too small": _sized(b"content-length: 1"),
    "content length too large": _sized(b"content-length: 99"),
    "length and chunks": _sized(
        b"content-length: 2", b"transfer-encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"
    ),
    "two content lengths": _sized(b"content-length: 2", b"content-length: 3"),
    "negative content length": _sized(b"content-length: -2"),
    "unknown transfer coding": _sized(b"transfer-encoding: zap"),
    "LF-only head": lambda p: p.sends_exactly(b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}").closes(),
    "NUL in a header": _sized(b"x-a: a\0b", b"content-length: 2"),
    "header of 1 MiB": _sized(b"x-a: " + b"a" * 2**20, b"content-length: 2"),
    "1,000 headers": _sized(*[b"x-%d: a" % i for i in range(1000)], b"content-length: 2"),
    "garbage status line": lambda p: p.sends_exactly(b"\x16\x03\x01garbage\r\n\r\n").closes(),
    "body without head": lambda p: p.sends_exactly(b'{"choices": []}').closes(),
}

STATUS: dict[str, Telling] = {
    "100 interim answers": lambda p: p.says("late").interims(*[100] * 100),
    "unsolicited 101": _wire(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n"
    ),
    "204 with a body": _status(204, b"{}"),
    "304": _status(304),
    "302 to another host": _status(302, location="http://192.0.2.1/v1/elsewhere"),
    "407": _status(407, proxy_authenticate="Basic"),
    "status 999": _status(999, b"{}"),
    "two content types": _sized(b"content-type: text/html", b"content-length: 2"),
}

_ZIPPED = gzip.compress(b'{"choices": [], "content": []}', mtime=0)

ENCODING: dict[str, Telling] = {
    "gzip declared but plain": _json(b"{}", content_encoding="gzip"),
    "gzip truncated": _json(_ZIPPED[:-12], content_encoding="gzip"),
    "gzip with a garbage tail": _json(_ZIPPED + b"garbage", content_encoding="gzip"),
    # Built when told: what it unpacks to is 64 MiB.
    "gzip 1,000:1": lambda p: _json(_bomb(), content_encoding="gzip")(p),
    "unsupported coding": _json(b"{}", content_encoding="zap"),
    "gzip twice": _json(gzip.compress(_ZIPPED, mtime=0), content_encoding="gzip"),
    "UTF-16 with BOM": _json('{"choices": []}'.encode("utf-16")),
    "invalid UTF-8 in JSON": _json(b'{"choices": "\xff\xfe", "content": "\xff"}'),
}

_OF_A_WRONG_TYPE = (
    b'{"type":"message","role":"assistant","content":42,"stop_reason":"end_turn",'
    b'"choices":[{"index":0,"message":{"role":"assistant","content":42},"finish_reason":"stop"}]}'
)

BODY: dict[str, Telling] = {
    "empty 200": _json(b""),
    "HTML 200": _status(200, b"<html>Welcome</html>", content_type="text/html"),
    "HTML 502": _status(502, b"<html>Bad gateway</html>", content_type="text/html"),
    "plain text": _status(200, b"OK", content_type="text/plain"),
    "JSON array": _json(b"[]"),
    "JSON scalar": _json(b"42"),
    "half JSON": _json(b'{"id": "x", "choices": [{"mess'),
    "NaN": _json(b'{"choices": [], "content": [], "usage": {"prompt_tokens": NaN}}'),
    "5,000 levels": _json(b"[" * 5000 + b"]" * 5000),
    "duplicate keys": _json(b'{"id":"a","id":"b","choices":[],"choices":{},"content":[]}'),
    "no choices": _json(b'{"id":"x","object":"chat.completion","type":"message","model":"m"}'),
    "content of a wrong type": _json(_OF_A_WRONG_TYPE),
}


def _tool_delta(index: bytes) -> dict[str, bytes]:
    """A piece of a tool call at an index that nobody opened, or at none."""
    chat = b'{"choices":[{"index":0,"delta":{"tool_calls":[{%b"function":{"arguments":"{}"}}]}}]}'
    piece = b'{"type":"content_block_delta",%b"delta":{"type":"input_json_delta"}}'
    return {
        "openai.chat": b"data: " + chat % index + b"\n\n",
        "anthropic.messages": b"event: content_block_delta\ndata: " + piece % index + b"\n\n",
    }


_BARE_ERROR = b'{"error": {"message": "No.", "type": "server_error"}}\n\n'

STREAMS: dict[str, Telling] = {
    "event without data": _stream(lambda p: p.inserts(b"event: odd\n\n", after="open")),
    "data that is not JSON": _stream(
        lambda p: p.inserts(b"data: {nope\n\n", after="first_content")
    ),
    "half an event at EOF": _stream(
        lambda p: p.ends_with(b'data: {"type": "cont', after="first_content")
    ),
    "terminator twice": _stream(lambda p: p.ends_twice()),
    "bytes after the terminator": _stream(lambda p: p.inserts(b"data: more\n\n", after="end")),
    "no terminator": _stream(lambda p: p.without_terminator()),
    "no finish": _stream(lambda p: p.without_finish().without_terminator()),
    "error as the first event": _stream(lambda p: p.fails_after(0)),
    "error after content": _stream(lambda p: p.fails_after("first_content")),
    "error without data:": _stream(lambda p: p.ends_with(_BARE_ERROR, after="first_content")),
    # Built when told: 33 MiB.
    "line above 32 MiB": lambda p: p.streams("x" * (33 * 2**20)),
    "NUL in a line": _stream(lambda p: p.inserts(b"data: \0\n\n", after="first_content")),
    "only comments": lambda p: p.plays(b": still here\n\n" * 5),
    "negative usage": _stream(lambda p: p.counts(-5, -7).counts_unasked()),
    "tool delta without index": _stream(
        lambda p: p.inserts(_tool_delta(b""), after="first_content")
    ),
    "index of a thousand million": _stream(
        lambda p: p.inserts(_tool_delta(b'"index":1000000000,'), after="first_content")
    ),
}

MALFORMED: dict[str, Telling] = FRAMING | STATUS | ENCODING | BODY | STREAMS


def _bomb() -> bytes:
    press = zlib.compressobj(9, wbits=31)
    return b"".join(press.compress(bytes(2**20)) for _ in range(64)) + press.flush()
