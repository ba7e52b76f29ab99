"""Compressed answers: forty cases of `security.md` section 8, and every cut between reads."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.upstream.decompress import MAX_RATIO, PIECE_BYTES, decoder_for

MIB = 1024 * 1024
TEXT = b"".join(b"line %d\n" % number for number in range(5000))


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def unpack(coding: bytes, data: bytes, every: int = 0) -> bytes:
    decoder = decoder_for([(b"content-encoding", coding)])
    assert decoder is not None
    plain = b""
    for start in range(0, len(data), every or len(data) or 1):
        for piece in decoder.feed(data[start : start + (every or len(data))]):
            assert len(piece) <= PIECE_BYTES
            plain += piece
    decoder.finish()
    return plain


def slow_bomb(pack: bytes) -> bytes:
    """Modest at first, then zeros."""
    packer = zlib.compressobj(wbits=31 if pack == b"gzip" else 15)
    return packer.compress(TEXT) + packer.compress(b"\0" * 20 * MIB) + packer.flush()


PACK: dict[bytes, Callable[[bytes], bytes]] = {b"gzip": gzip.compress, b"deflate": zlib.compress}
FAULTS = {
    "plain bomb": lambda pack: PACK[pack](b"\0" * 16 * MIB),
    "nested": lambda pack: PACK[pack](PACK[pack](b"\0" * 32 * MIB)),
    "concatenated": lambda pack: PACK[pack](TEXT) * 2,
    "truncated": lambda pack: PACK[pack](TEXT)[:-9],
    "ratio just over": lambda pack: PACK[pack](b"\0" * 200_000),
    "wrong declared": lambda pack: TEXT,
    "garbage tail": lambda pack: PACK[pack](TEXT) + b"garbage",
    "slow bomb": slow_bomb,
}
REFUSED_CODINGS = [b"br", b"zstd", b"gzip, gzip", b"gzip, identity, gzip", b"compress", b"gzip;q=1"]
UNKNOWN = [
    (coding, name)
    for coding in (b"br", b"zstd")
    for name in [*FAULTS, "size just over", "valid control"]
]


@pytest.mark.parametrize("every", [0, 1000])
@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("name", FAULTS)
def test_s21_hostile_compression_is_refused(name: str, coding: bytes, every: int) -> None:
    with pytest.raises(UpstreamError) as refusal:
        unpack(coding, FAULTS[name](coding), every)
    assert refusal.value.kind == "bad_answer"


@pytest.mark.parametrize(("coding", "name"), UNKNOWN)
def test_s21_a_coding_that_nobody_asked_for_is_refused(coding: bytes, name: str) -> None:
    with pytest.raises(UpstreamError, match="unknown content encoding"):
        decoder_for([(b"content-encoding", coding)])


@pytest.mark.parametrize("coding", REFUSED_CODINGS)
def test_an_unknown_coding_or_several_are_refused(coding: bytes) -> None:
    with pytest.raises(UpstreamError):
        decoder_for([(b"content-encoding", coding)])


def test_two_fields_are_two_codings() -> None:
    with pytest.raises(UpstreamError):
        decoder_for([(b"content-encoding", b"gzip"), (b"content-encoding", b"gzip")])


@pytest.mark.parametrize("coding", [b"", b"identity", b"Identity , identity"])
def test_a_plain_answer_needs_no_decoder(coding: bytes) -> None:
    assert decoder_for([(b"content-encoding", coding)]) is None
    assert decoder_for([]) is None


@pytest.mark.parametrize("coding", [b"gzip", b"GZIP", b"x-gzip", b"identity, gzip"])
def test_valid_control_gzip(coding: bytes) -> None:
    assert unpack(coding, gzip.compress(TEXT)) == TEXT


@pytest.mark.parametrize("pack", [zlib.compress, raw])
def test_valid_control_deflate_in_both_forms(pack: object) -> None:
    assert callable(pack)
    assert unpack(b"deflate", pack(TEXT), every=1) == TEXT


def test_a_ratio_at_the_limit_passes() -> None:
    zeros = 0
    while len(gzip.compress(b"\0" * (zeros + 100))) * MAX_RATIO >= zeros + 100 and zeros < 10_000:
        zeros += 100
    assert unpack(b"gzip", gzip.compress(b"\0" * zeros)) == b"\0" * zeros


@pytest.mark.parametrize(
    ("coding", "packed"),
    [(b"gzip", b""), (b"gzip", gzip.compress(b"")), (b"deflate", b""), (b"deflate", raw(b""))],
)
def test_an_empty_body_is_not_cut_short(coding: bytes, packed: bytes) -> None:
    assert unpack(coding, packed) == b""


@pytest.mark.parametrize("cut", range(1, 20))
def test_every_cut_in_the_head_of_a_stream_is_noticed(cut: int) -> None:
    with pytest.raises(UpstreamError, match="cut short"):
        unpack(b"gzip", gzip.compress(b"hello")[:cut])


def test_each_flush_is_handed_on_at_once() -> None:
    decoder = decoder_for([(b"content-encoding", b"gzip")])
    assert decoder is not None
    packer = zlib.compressobj(wbits=31)
    for number in range(50):
        event = b"data: %d\n\n" % number
        flushed = packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)
        assert b"".join(decoder.feed(flushed)) == event


@given(st.binary(max_size=3000), st.integers(1, 100), st.sampled_from([*PACK]))
def test_a_compressed_body_is_unpacked_however_it_was_cut(
    data: bytes, every: int, coding: bytes
) -> None:
    data += bytes(range(256))  # keeps the ratio below the limit
    assert unpack(coding, PACK[coding](data), every) == data


@given(st.binary(max_size=300), st.sampled_from([*PACK]))
def test_any_bytes_are_unpacked_or_refused(data: bytes, coding: bytes) -> None:
    try:
        unpack(coding, data)
    except UpstreamError as error:
        assert error.kind == "bad_answer"  # noqa: PT017 - either way is right


def test_the_forty_cases_are_all_there() -> None:
    # Size just over is the client's limit: test_an_answer_larger_than_its_limit_is_refused.
    sizes_and_controls = 2 * len(PACK)
    assert len(FAULTS) * len(PACK) + len(UNKNOWN) + sizes_and_controls == 40
