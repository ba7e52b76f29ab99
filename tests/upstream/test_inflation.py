"""What a Receiver does not take yet of a compressed body waits, and nothing of it is lost."""

import gzip

import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.inflation import Inflation, inflation_of

TEXT = b"".join(b"line %d\n" % number for number in range(50_000))
GZIP = [(b"content-encoding", b"gzip")]


def inflation() -> Inflation:
    found = inflation_of(GZIP)
    assert found is not None
    return found


def taken(body: Inflation) -> bytes:
    return b"".join(iter(body.take, None))


def test_a_body_that_is_not_compressed_needs_no_inflation() -> None:
    assert inflation_of([(b"content-type", b"text/plain")]) is None


def test_bytes_of_several_reads_are_taken_in_order() -> None:
    body, packed = inflation(), gzip.compress(TEXT)
    for start in range(0, len(packed), 1000):
        body.add(packed[start : start + 1000])
    assert body.waits()
    assert taken(body) == TEXT
    assert not body.waits()
    body.finish()


def test_nothing_is_decompressed_before_it_is_taken() -> None:
    body = inflation()
    body.add(b"this is not gzip")
    assert body.waits()
    with pytest.raises(UpstreamError, match="not compressed as it says"):
        body.take()


def test_a_compressed_body_that_is_cut_short_is_an_error() -> None:
    body = inflation()
    body.add(gzip.compress(TEXT)[:-9])
    assert TEXT.startswith(taken(body))
    with pytest.raises(UpstreamError, match="cut short"):
        body.finish()
