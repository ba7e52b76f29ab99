"""Forty inputs made to cost as much as they can (S24): ten readers, four sizes each.

Everything that reads what callers and providers send takes time in proportion to its size,
whatever stands in it.
"""

from collections.abc import Callable, Iterable
from time import process_time

import pytest

from stockyard.core.estimate import tokens_in
from stockyard.core.glob import Glob
from stockyard.core.scan.matcher import RuleMatcher
from stockyard.core.scan.normal import NormalView
from stockyard.core.scan.rule import pack
from stockyard.errors import StockyardError
from stockyard.wire import eventstream
from stockyard.wire.formats import FORMATS
from stockyard.wire.json_array import Elements
from stockyard.wire.multipart import read_form
from stockyard.wire.ndjson import Lines
from stockyard.wire.sse import Blocks
from stockyard.wire.strict import parse

KIB = 1024
SIZES = [
    16 * KIB,
    64 * KIB,
    pytest.param(256 * KIB, marks=pytest.mark.slow),
    pytest.param(1024 * KIB, marks=pytest.mark.slow),
]
SECONDS_PER_MIB = 20.0
"""Ten times what the slowest takes on a busy machine. What is not linear takes far longer."""
PIECES = (1_000, 64 * KIB)
"""A small read, and as large a one as there is."""


def filled(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


def in_pieces(feed: Callable[[], Callable[[bytes], Iterable[object]]], data: bytes) -> None:
    for size in PIECES:
        take = feed()
        for start in range(0, len(data), size):
            for _ in take(data[start : start + size]):
                pass


def json(size: int) -> None:
    for unit in (b"[],", b'{"a":1},', b'"\\\\",', b'"', b'"\\', b"[", b"1e9,"):
        given(parse, b"[" + filled(unit, size))


def heads(size: int) -> None:
    keys = b",".join(b'"%x":1' % i for i in range(size // 9))
    for body in (b'{"model":"m",%b}' % keys, b'{"model":' + filled(b'{"a":', size)):
        given(FORMATS["openai.chat"].peek, body)


def forms(size: int) -> None:
    start = b'--b\r\nContent-Disposition: form-data; name="x"\r\n'
    for body in (
        filled(start + b"\r\n\r\n", size),
        start + b"\r\n" + filled(b"\r\n--", size) + b"\r\n--b--",
        start + filled(b"a:\r\n", size),
        b'--b\r\nContent-Disposition: form-data; name="' + filled(b'\\"', size),
    ):
        given(lambda form: read_form(form, b"b"), body)


def tokens(size: int) -> None:
    for unit in ("word ", "a", "\u6f22", "\U0001f600", " ", "e\u0301"):
        tokens_in(unit * (size // len(unit.encode())))


def personal_data(size: int) -> None:
    scanner = RuleMatcher(pack("pii").rule)
    for unit in ("4111 1111 1111 1111 ", "a@b.co ", "1", "1.2.3.4 ", "a:"):
        scanner.find(unit * (size // len(unit)))


def secrets(size: int) -> None:
    scanner = RuleMatcher(pack("secrets").rule)
    for unit in ("sk-abcdefghijklmnop1234567890abcdef ", "eyJhbGciOi.", "-----BEGIN ", "A", "="):
        scanner.find(unit * (size // len(unit)))


def disguises(size: int) -> None:
    for unit in ("\uff49", "i\u200b", "e\u0301", "&amp;", "\u202e", "0"):
        assert NormalView(unit * (size // len(unit.encode()))).text is not None


def globs(size: int) -> None:
    assert not Glob("*a*" * 40 + "b").matches("a" * size)


def events(size: int) -> None:
    for unit in (b"\n", b"\r", b"\r\n", b":\n", b"data:\n", b"data: x\r\n\r\n", b"x"):
        for before in (b"", b"{}\r\n", b"{}\n\n", b"{}\r"):
            in_pieces(lambda: Blocks().feed, before + filled(unit, size))
            in_pieces(lambda: Lines().feed, before + filled(unit, size))


def frames(size: int) -> None:
    in_pieces(lambda: eventstream.Frames().feed, filled(eventstream.frame((), b""), size))
    for unit in (b"{},", b'{"a":"\\\\"},', b'{"a":[[[[]]]]},', b" "):
        in_pieces(lambda: Elements().feed, b"[" + filled(unit, size))
    deep = b'[{"a":' + filled(b"[", size)
    given(lambda body: in_pieces(lambda: Elements().feed, body), deep)


def given(read: Callable[[bytes], object], body: bytes) -> None:
    """Whether it is refused is for other tests to say."""
    try:
        read(body)
    except StockyardError:
        return


READERS = [
    json,
    heads,
    forms,
    tokens,
    personal_data,
    secrets,
    disguises,
    globs,
    events,
    frames,
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_s24_time_grows_no_faster_than_size(read: Callable[[int], None], size: int) -> None:
    read(1)  # what is made once does not count
    before = process_time()
    read(size)
    assert process_time() - before < SECONDS_PER_MIB * size / (1024 * KIB) + 0.1


def test_the_forty_cases_are_all_there() -> None:
    assert len(READERS) * len(SIZES) == 40
