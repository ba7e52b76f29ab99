"""How a stream may end, and when more may follow."""

import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.stream_end import cut_short, may_go_on
from stockyard.wire.formats import FORMATS
from tests.builders import an_exchange

CHAT, GEMINI = FORMATS["openai.chat"], FORMATS["gemini"]
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def missing(stream: bytes, *, native: bool) -> str | None:
    look = CHAT.look(traits=frozenset(), keep_usage=True, native=native)
    look.feed(stream)
    return cut_short(look, CHAT, native=native, size=len(stream))


@pytest.mark.parametrize(
    ("stream", "native", "told"),
    [
        (TEXT + FINISH + DONE, False, None),
        (TEXT + FINISH, False, "no_terminator"),
        (TEXT, True, "truncated"),
    ],
)
def test_the_part_of_the_end_that_is_missing_is_told(
    stream: bytes, native: bool, told: str | None
) -> None:
    assert missing(stream, native=native) == told


@pytest.mark.parametrize(("stream", "kind"), [(TEXT, "interrupted"), (b"", "bad_answer")])
def test_a_stream_without_a_finish_is_an_error(stream: bytes, kind: str) -> None:
    with pytest.raises(UpstreamError) as raised:
        missing(stream, native=False)
    assert raised.value.kind == kind


def test_more_may_follow_where_more_was_asked_for() -> None:
    assert not may_go_on(an_exchange(), CHAT)
    assert may_go_on(an_exchange(n=2), CHAT)
    assert not may_go_on(an_exchange(kind="audio", n=2), CHAT)


def test_more_may_follow_in_formats_that_stop_early() -> None:
    assert may_go_on(an_exchange(), GEMINI)
