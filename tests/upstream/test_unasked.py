"""Streams that come although a whole answer was requested."""

import pytest

from stockyard.upstream import unasked
from stockyard.upstream.unasked import folded
from stockyard.wire.formats import FORMATS

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
CODEC = FORMATS["openai.chat"]


@pytest.mark.parametrize("size", [1, 70_000])
def test_a_stream_is_folded_however_long_its_events_are(size: int) -> None:
    response = folded(CODEC, CHUNK % (b"a" * size) + CHUNK % b"b" + END, frozenset())
    assert response is not None
    (part,) = response.output.choices[0].message.parts
    assert part.text == "a" * size + "b"  # type: ignore[union-attr]  # a Text


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"choices":[]}', id="no stream"),
        pytest.param(CHUNK % b"a", id="incomplete"),
        pytest.param(b'data: {"error":{"message":"no"}}\n\n', id="an error"),
    ],
)
def test_anything_else_is_none(body: bytes) -> None:
    assert folded(CODEC, body, frozenset()) is None


def test_one_that_is_too_long_to_be_folded_at_once_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = CHUNK % b"a" * 100 + END
    assert folded(CODEC, stream, frozenset()) is not None
    monkeypatch.setattr(unasked, "MAX_LINES", 100)
    assert folded(CODEC, stream, frozenset()) is None
    monkeypatch.setattr(unasked, "MAX_LINES", 1000)
    monkeypatch.setattr(unasked, "MAX_BODY", 1000)
    assert folded(CODEC, stream, frozenset()) is None
