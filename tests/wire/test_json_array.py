"""Elements cut out of a JSON array that arrives in any pieces."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.wire.json_array import Elements, element_of

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=4)
separators = st.sampled_from([b",", b"\n,\r\n", b" , ", b",\n"])


def fed(data: bytes, cuts: list[int]) -> tuple[list[bytes], bytes, bool]:
    elements = Elements()
    edges = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    pieces = [piece for start, end in pairwise(edges) for piece in elements.feed(data[start:end])]
    return pieces, elements.rest(), elements.closed


@given(
    st.lists(objects, max_size=5),
    separators,
    st.booleans(),
    st.lists(st.integers(0, 400), max_size=9),
)
def test_s09_the_elements_do_not_depend_on_the_cuts(
    items: list[Any], between: bytes, ascii_only: bool, cuts: list[int]
) -> None:
    spelled = [
        json.dumps(item, ensure_ascii=ascii_only).encode("utf-8", "replace") for item in items
    ]
    data = b"[" + between.join(spelled) + b"\n]"

    pieces, rest, closed = fed(data, cuts)

    assert [element_of(piece) for piece in pieces] == spelled
    assert b"".join(pieces) + rest == data
    assert closed


def test_s09_every_byte_may_come_alone() -> None:
    items: list[Any] = [{"a": 'x"}],[{\\'}, {"b": [[{}], "]"]}, {}, {"c": "\u2028é"}]
    data = b"[" + b"\n,\r\n".join(json.dumps(i, ensure_ascii=False).encode() for i in items) + b"]"

    pieces, _, closed = fed(data, list(range(len(data))))

    assert [json.loads(element_of(piece)) for piece in pieces] == items
    assert closed


def test_s09_an_element_is_given_out_with_its_last_byte() -> None:
    elements = Elements()

    assert elements.feed(b'[{"a":1') == []
    assert elements.feed(b"}") == [b'[{"a":1}']
    assert elements.feed(b"\n,\r\n{}") == [b"\n,\r\n{}"]


def test_s09_a_single_object_counts_as_an_element() -> None:
    pieces, rest, closed = fed(b'{\n  "error": {"code": 503}\n}\n', [5])

    assert [json.loads(piece) for piece in pieces] == [{"error": {"code": 503}}]
    assert (rest, closed) == (b"\n", False)


@pytest.mark.parametrize(
    "data",
    [
        b"<html>",
        b"[1]",
        b'["a"]',
        b"[[{}]]",
        b"[{}] {}",
        b"[{}]]",
        b"[{}][{}]",
        b"]",
        b"data: {}\n\n",
        b"[{} x]",
    ],
)
def test_what_is_no_array_of_objects_is_refused(data: bytes) -> None:
    for cuts in ([], list(range(len(data)))):
        with pytest.raises(UpstreamError) as raised:
            fed(data, cuts)
        assert raised.value.kind == "bad_answer"


def test_an_element_may_not_be_longer_than_the_limit() -> None:
    elements = Elements(limit=100)
    elements.feed(b'[{"a":"' + b"x" * 80)

    with pytest.raises(UpstreamError) as raised:
        elements.feed(b"x" * 80)

    assert raised.value.code == "limit_exceeded"


def test_the_time_grows_with_the_size_and_no_faster() -> None:
    def seconds(size: int) -> float:
        data = b'[{"data":"' + b"A" * size + b'"}]'
        elements = Elements()
        start = time.process_time()
        found = [p for i in range(0, len(data), 1024) for p in elements.feed(data[i : i + 1024])]
        assert len(found) == 1
        return time.process_time() - start

    small = max(seconds(500_000), 0.001)

    assert seconds(4_000_000) < small * 8 * 6


def test_an_element_of_nothing_but_brackets_is_refused_before_its_end() -> None:
    elements = Elements()
    with pytest.raises(UpstreamError, match="too many parts"):
        elements.feed(b'[{"a":[' + b"{}," * 40_000)


def test_many_elements_may_have_many_brackets() -> None:
    stream = b"[" + b",".join([b'{"a":[%b]}' % b",".join([b"{}"] * 1000)] * 100) + b"]"
    elements = Elements()
    found = [
        piece
        for start in range(0, len(stream), 1000)
        for piece in elements.feed(stream[start : start + 1000])
    ]
    assert len(found) == 100
    assert elements.closed
