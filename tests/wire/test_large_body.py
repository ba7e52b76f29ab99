"""A body in pieces says of itself what the same bytes in one piece would say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.wire import large_body
from stockyard.wire.large_body import Edit, LargeBody, buffer_of, edited, views_of
from stockyard.wire.multipart import read_form, start_of_file

FORM = (
    b'--cut\r\ncontent-disposition: form-data; name="model"\r\ncontent-length: 1\r\n\r\nm\r\n'
    b'--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n%b\r\n--cut--\r\n'
) % (b"\r\n--cu" * 100)


def in_pieces(*pieces: bytes) -> bytes:
    return LargeBody(map(memoryview, pieces))  # type: ignore[return-value]  # used as bytes are


def cut(whole: bytes, size: int) -> bytes:
    return in_pieces(*(whole[at : at + size] for at in range(0, len(whole), size)))


@pytest.fixture(autouse=True)
def a_small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_body, "WINDOW", 7)


PIECES = st.lists(st.binary(max_size=9), max_size=6)
PLACES = st.integers(0, 60)


@given(PIECES, PLACES, PLACES)
def test_it_is_as_long_as_its_bytes_and_sliced_like_them(
    pieces: list[bytes], start: int, end: int
) -> None:
    whole, large = b"".join(pieces), in_pieces(*pieces)
    assert len(large) == len(whole)
    assert large[start:end] == whole[start:end]
    assert large[start:] == whole[start:]
    assert bytes(buffer_of(large)) == whole
    assert b"".join(views_of(large)) == whole


@given(
    st.lists(st.text("ab", max_size=5).map(str.encode), max_size=12),
    st.text("ab", min_size=1, max_size=4).map(str.encode),
    PLACES,
    st.none() | PLACES,
)
def test_what_is_searched_for_is_found_wherever_pieces_and_windows_end(
    pieces: list[bytes], wanted: bytes, start: int, end: int | None
) -> None:
    whole, large = b"".join(pieces), in_pieces(*pieces)
    assert large.find(wanted, start, end) == whole.find(wanted, start, end)
    assert large.rfind(wanted) == whole.rfind(wanted)
    assert large.startswith(wanted, start) == whole.startswith(wanted, start)
    assert large.startswith((b"x", wanted)) == whole.startswith(wanted)


@given(PIECES, st.lists(st.tuples(PLACES, st.binary(max_size=5)), max_size=4), st.integers(0, 4))
def test_edits_are_made_in_it_as_in_bytes(
    pieces: list[bytes], places: list[tuple[int, bytes]], length: int
) -> None:
    whole, at, edits = b"".join(pieces), 0, []
    for place, instead in sorted(places):
        start = min(max(place, at), len(whole))
        at = min(start + length, len(whole))
        edits.append(Edit(start, at, instead))
    expected = edited(whole, *edits)
    assert edited(in_pieces(*pieces), *edits)[:] == expected
    at, built = 0, b""
    for start, end, instead in edits:
        built, at = built + whole[at:start] + instead, end
    assert expected == built + whole[at:]


def test_an_edited_body_shares_what_was_not_edited() -> None:
    recording = memoryview(bytes(1000))
    (before, instead, after) = views_of(edited(in_pieces(recording), Edit(10, 20, b"new")))  # type: ignore[arg-type]  # the pieces are read as bytes
    assert before.obj is after.obj is recording.obj
    assert bytes(instead) == b"new"
    assert (len(before), len(after)) == (10, 980)


@pytest.mark.parametrize("size", [1, 3, 64, 10_000])
def test_forms_are_read_and_changed_alike(size: int) -> None:
    form, same = read_form(cut(FORM, size), b"cut"), read_form(FORM, b"cut")
    assert form.parts == same.parts
    assert form.word("model") == "m"
    changed = {"model": "another-model"}
    assert form.with_texts(changed)[:] == same.with_texts(changed)
    assert b"content-length: 13" in same.with_texts(changed)
    assert form.with_added("prompt", "go")[:] == same.with_added("prompt", "go")
    assert start_of_file(cut(FORM, size), "file") == start_of_file(FORM, "file")
