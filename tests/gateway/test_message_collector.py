"""Watched messages are joined from their frames; others, and too long ones, are skipped."""

import pytest

from stockyard.gateway.message_collector import MOST_BYTES, MessageCollector
from stockyard.upstream.frames import BINARY, CONTINUATION, TEXT, Frame


@pytest.mark.parametrize(
    ("frames", "messages"),
    [
        ([Frame(TEXT, b"whole")], [b"whole"]),
        ([Frame(TEXT, b"a", final=False), Frame(CONTINUATION, b"b")], [None, b"ab"]),
        ([Frame(BINARY, b"sound"), Frame(TEXT, b"text")], [None, b"text"]),
        ([Frame(BINARY, b"a", final=False), Frame(CONTINUATION, b"b")], [None, None]),
        ([Frame(TEXT, b"x" * (MOST_BYTES + 1)), Frame(TEXT, b"next")], [None, b"next"]),
        (
            [Frame(TEXT, b"x" * MOST_BYTES, final=False), Frame(CONTINUATION, b"x")],
            [None, None],
        ),
    ],
)
def test_only_complete_messages_of_a_kind_come_out(
    frames: list[Frame], messages: list[bytes | None]
) -> None:
    collector = MessageCollector((TEXT,))
    assert [collector.add(frame) for frame in frames] == messages
