"""What comes in a stream's place, and when it turns out to be a stream after all."""

import pytest

from stockyard.upstream.odd_answer import ODD_BYTES, Fields, odd_answer
from stockyard.wire.formats import FORMATS

CHAT = FORMATS["openai.chat"]
EVENT = b'data: {"choices":[]}\n\n'


def labelled(content_type: bytes) -> Fields:
    return [(b"x-other", b"1"), (b"content-type", content_type)]


@pytest.mark.parametrize(
    ("status", "fields", "odd"),
    [
        (200, labelled(b"text/event-stream"), False),
        (200, labelled(b"Text/Event-Stream; charset=utf-8"), False),
        (200, [], False),
        (200, labelled(b"application/json"), True),
        (500, labelled(b"text/event-stream"), True),
    ],
)
def test_the_head_tells_whether_an_answer_is_a_stream(
    status: int, fields: Fields, odd: bool
) -> None:
    assert (odd_answer(CHAT, status, fields, native=False) is not None) is odd


@pytest.mark.parametrize(
    ("status", "native", "pieces", "found"),
    [
        (200, False, [EVENT], [EVENT]),
        (200, False, [b": ", b"hi\n\n", EVENT], [None, None, b": hi\n\n" + EVENT]),
        (200, False, [b'{"choices":[]}', EVENT], [None, None]),
        (200, True, [EVENT], [None]),
        (500, False, [EVENT], [None]),
    ],
)
def test_an_answer_that_begins_as_a_stream_may_turn_out_to_be_one(
    status: int, native: bool, pieces: list[bytes], found: list[bytes | None]
) -> None:
    answer = odd_answer(CHAT, status, labelled(b"application/json"), native=native)
    assert answer is not None
    assert [answer.feed(piece) for piece in pieces] == found


def test_of_an_error_only_the_beginning_is_read() -> None:
    answer = odd_answer(CHAT, 500, [], native=False)
    assert answer is not None
    pieces = (b"x" * ODD_BYTES, b"y")
    assert [(answer.feed(piece), answer.is_too_long) for piece in pieces] == [
        (None, False),
        (None, True),
    ]
    assert (answer.raw().status, answer.raw().body) == (500, b"x" * ODD_BYTES)
