"""Pitfalls of streams in bytes, characters and events (`streaming.md` S1 to S7)."""

import json
import time
from typing import Any

import pytest

from stockyard.core.events import Finished, TextDelta
from stockyard.core.folding import fold
from stockyard.errors import UpstreamError
from stockyard.wire.formats import FORMATS
from tests.wire.streams import CHAT, DONE, NONE, delta, finish, look_at, read, written

HALF, OTHER_HALF = b'{"content":"a\\ud83d"}', b'{"content":"\\ude00b"}'


def halves() -> bytes:
    wrap = b'data: {"choices":[{"index":0,"delta":%b,"finish_reason":null}]}\n\n'
    return wrap % HALF + wrap % OTHER_HALF


def test_s01_a_pair_cut_between_deltas_is_forwarded_as_sent() -> None:
    stream = halves() + finish("stop") + DONE
    out, look = look_at(CHAT, stream)
    assert out + look.terminator == stream
    assert look.content


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_s01_a_pair_cut_between_deltas_is_joined_when_read(size: int) -> None:
    events = read(CHAT, halves() + finish("stop") + DONE, size=size)
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["a", "\U0001f600b"]
    written(CHAT, events).decode("utf-8")


def test_s01_half_a_pair_alone_is_replaced_at_the_end() -> None:
    wrap = b'data: {"choices":[{"index":0,"delta":%b,"finish_reason":null}]}\n\n'
    events = read(CHAT, wrap % HALF + finish("stop") + DONE)
    assert fold(events)[0].choices[0].message.text == "a\ufffd"


def test_s01_bytes_that_are_no_text_lose_no_event() -> None:
    stream = delta(content="a?").replace(b"?", b"\xff") + finish("stop") + DONE
    assert fold(read(CHAT, stream))[0].choices[0].message.text == "a\ufffd"
    out, look = look_at(CHAT, stream)
    assert out + look.terminator == stream


@pytest.mark.parametrize("first", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("second", [b"\n", b"\r\n", b"\r"])
def test_s02_every_blank_line_ends_an_event_at_every_cut(first: bytes, second: bytes) -> None:
    if (first, second) == (b"\r", b"\n"):
        pytest.skip("one CRLF, not two line ends")
    lines = [delta(content="x"), delta(content="y"), finish("stop"), DONE]
    stream = b"".join(line[:-2] + first + second for line in lines)
    expected = read(CHAT, b"".join(lines))
    for cut in range(len(stream)):
        reader = CHAT.reader(traits=NONE)
        assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) + reader.end() == expected


def test_s02_an_event_that_ends_on_cr_is_not_held_back() -> None:
    look = CHAT.look(traits=NONE, keep_usage=True, native=False)
    block_ = delta(content="x")[:-2] + b"\r\n\r"
    assert look.feed(block_) == block_
    assert look.feed(b"\n") == b""


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_s03_unicode_line_separators_do_not_split(mark: str) -> None:
    body = json.dumps(
        {"choices": [{"index": 0, "delta": {"content": f"a{mark}b"}}]}, ensure_ascii=mark < " "
    )
    usual = b"data: " + body.encode() + b"\n\n" + finish("stop") + DONE
    # The second is no event of the usual shape, and so is taken apart line by line.
    for stream in (usual, usual.replace(b"\n", b"\r\n")):
        assert fold(read(CHAT, stream))[0].choices[0].message.text == f"a{mark}b"
        out, look = look_at(CHAT, stream)
        assert out + look.terminator == stream


GRAMMAR = [
    ("no space after the colon", lambda d: b"data:" + d + b"\n\n"),
    ("data before event", lambda d: b"data: " + d + b"\nevent: message\n\n"),
    ("id and retry", lambda d: b"id: 7\nretry: 10\ndata: " + d + b"\n\n"),
    ("unknown field", lambda d: b"what: ever\ndata: " + d + b"\n\n"),
    ("two data lines", lambda d: b"data: " + d[:2] + b"\ndata: " + d[2:] + b"\n\n"),
    ("comment first", lambda d: b": hello\ndata: " + d + b"\n\n"),
    ("byte order mark", lambda d: b"\xef\xbb\xbfdata: " + d + b"\n\n"),
]


@pytest.mark.parametrize(("name", "spell"), GRAMMAR, ids=[name for name, _ in GRAMMAR])
def test_s04_the_whole_grammar_is_read_and_cleaned_for_clients(name: str, spell: Any) -> None:
    body = delta(content="hi")[6:-2].replace(b'{"id"', b'{ "id"', 1)
    stream = spell(body) + finish("stop") + DONE
    assert fold(read(CHAT, stream))[0].choices[0].message.text == "hi"
    out, look = look_at(CHAT, stream)
    assert fold(read(CHAT, out + look.terminator))[0].choices[0].message.text == "hi"
    for line in out.split(b"\n"):
        assert not line or line.startswith((b"data: ", b": ")), name
    untouched, native = look_at(CHAT, stream, native=True)
    assert untouched + native.terminator == stream


def test_s04_an_error_field_is_an_error() -> None:
    stream = delta(content="hi") + b'error: {"error":{"message":"failed to decode"}}\n\n'
    for act in (CHAT.reader(traits=NONE), CHAT.look(traits=NONE, keep_usage=False, native=False)):
        with pytest.raises(UpstreamError, match="failed to decode"):
            act.feed(stream)
        assert act.before_error


def test_s04_a_last_block_without_its_blank_line_counts_if_it_is_whole() -> None:
    stream = delta(content="hi") + finish("stop")
    for cut, whole in ((2, True), (1, True), (5, False)):
        reader = CHAT.reader(traits=NONE)
        reader.feed(stream[:-cut])
        if whole:
            assert any(isinstance(e, Finished) for e in reader.end())
        else:
            with pytest.raises(UpstreamError):
                reader.end()


def test_s05_a_huge_event_in_small_pieces_takes_time_by_its_size() -> None:
    def seconds(size: int) -> float:
        stream = delta(content="x" * size) + finish("stop") + DONE
        look = CHAT.look(traits=NONE, keep_usage=True, native=False)
        start = time.perf_counter()
        for i in range(0, len(stream), 1024):
            look.feed(stream[i : i + 1024])
        assert look.complete
        return time.perf_counter() - start

    seconds(100_000)
    # Sixteen times the size: quadratic work would take 256 times as long.
    assert seconds(4_000_000) < 100 * max(seconds(250_000), 0.001)


def test_s05_an_event_beyond_the_cap_is_cut_off() -> None:
    look = CHAT.look(traits=NONE, keep_usage=True, native=False)
    piece = b"data: " + b"x" * (1 << 20)
    for _ in range(31):
        look.feed(piece)
    with pytest.raises(UpstreamError) as raised:
        look.feed(piece * 2)
    assert raised.value.code == "limit_exceeded"


def test_s06_many_events_in_one_read_leave_unbroken() -> None:
    stream = b"".join(delta(content=str(i)) for i in range(100))
    look = CHAT.look(traits=NONE, keep_usage=True, native=False)
    assert look.feed(stream) == stream
    pieces = [e.text for e in read(CHAT, stream + finish("stop")) if isinstance(e, TextDelta)]
    assert pieces == [str(i) for i in range(100)]


@pytest.mark.parametrize(
    "format_", ["openai.chat", "anthropic.messages", "openai.responses", "cohere.chat"]
)
@pytest.mark.parametrize("empty", [b"data: \n\n", b"data:\n\n", b"event: x\ndata: \n\n"])
def test_s04_empty_data_reaches_no_client(format_: str, empty: bytes) -> None:
    look = FORMATS[format_].look(traits=NONE, keep_usage=True, native=False)
    assert look.feed(empty) == b""
    native = FORMATS[format_].look(traits=NONE, keep_usage=True, native=True)
    assert native.feed(empty) == empty


def test_s07_comments_pass_and_are_never_content() -> None:
    look = CHAT.look(traits=NONE, keep_usage=True, native=False)
    assert look.feed(b": OPENROUTER PROCESSING\n\n") == b": OPENROUTER PROCESSING\n\n"
    assert not look.content
    assert CHAT.reader(traits=NONE).feed(b": keep-alive\n\n: ping\n\n") == []
