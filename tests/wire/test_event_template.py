"""Events of a stream that differ in one text only."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.wire.event_template import EventTemplate

KEY = b'"content":'


def block(text: str, finish: str = "null") -> bytes:
    content = msgspec.json.encode(text)
    return b'data: {"id":"c1","delta":{"content":%b},"finish_reason":%b}\n\n' % (
        content,
        finish.encode(),
    )


def template() -> EventTemplate:
    made = EventTemplate.of(block("Hello"), KEY)
    assert made is not None
    return made


@pytest.mark.parametrize("text", ["", "a", " b", "é€", "\u2028"])
def test_it_fits_an_event_with_another_text(text: str) -> None:
    assert template().fits(block(text))


@pytest.mark.parametrize(
    "run",
    [
        b"",
        block("a") + block("b"),
        block("", '"stop"'),
        b": ping\n\n" + block("a"),
        block("a") + b": ping\n\n",
        block('say "hi"'),
        block("two\nlines"),
        block("a") + b"\n",
        block("a")[:-2],
        block("a").replace(b'"a"', b'"'),
    ],
)
def test_it_fits_nothing_else(run: bytes) -> None:
    assert not template().fits(run)


@pytest.mark.parametrize(
    "odd",
    [
        b'data: {"delta":{}}\n\n',
        b'data: {"delta":{"content":null}}\n\n',
        b'data: {"delta":{"content":"a"},"again":{"content":"b"}}\n\n',
        b'data: {"delta":{"content":"two\\nlines"}}\n\n',
        b'data: {"delta":{"content":["a"]}}\n\n',
    ],
)
def test_there_is_none_of_a_block_whose_text_does_not_stand_alone(odd: bytes) -> None:
    assert EventTemplate.of(odd, KEY) is None


def test_a_space_may_stand_before_the_text() -> None:
    made = EventTemplate.of(b'data: {"content": "a"}\n\n', KEY)
    assert made is not None
    assert made.fits(b'data: {"content": "b"}\n\n')
    assert not made.fits(b'data: {"content":"b"}\n\n')


pieces = st.sampled_from(
    [
        b"data: {",
        b'"id":"c1",',
        b'"delta":{"content":"',
        b'"',
        b"\\",
        b'"},"finish_reason":null}\n\n',
        b"\n",
        b"x",
    ]
)


@given(st.lists(st.one_of(pieces, st.text(max_size=3).map(block)), max_size=8))
def test_what_it_fits_reads_as_the_same_event_with_another_text(parts: list[bytes]) -> None:
    run = b"".join(parts)
    if template().fits(run):
        read = msgspec.json.decode(run.removeprefix(b"data: "))
        assert isinstance(read["delta"].pop("content"), str)
        assert read == {"id": "c1", "delta": {}, "finish_reason": None}
