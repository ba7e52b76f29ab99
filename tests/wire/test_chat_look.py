"""What is seen of a chat stream while it is forwarded event by event."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.openai_chat.codec import ChatCodec
from stockyard.wire.openai_chat.look import ChatLook
from stockyard.wire.openai_completions.codec import CompletionsCodec

DONE = b"data: [DONE]\n\n"


def look(*, keep_usage: bool = False, native: bool = False) -> ChatLook:
    return ChatCodec().look(traits=frozenset(), keep_usage=keep_usage, native=native)


def chunk(text: str, finish: str | None = None, index: int = 0, **more: object) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return b"data: %b\n\n" % msgspec.json.encode({"id": "c1", "choices": [choice]} | more)


def texts(count: int) -> list[bytes]:
    return [chunk(f"t{n} ") for n in range(count)]


def test_events_that_differ_in_their_text_only_pass_as_they_came() -> None:
    seen = look()
    events = [chunk(""), *texts(20), chunk('a "quote" \\ and\nlines'), *texts(5)]
    assert [seen.feed(event) for event in events] == events
    assert seen.content
    assert seen.feed(chunk("", "length") + DONE) == chunk("", "length")
    assert (seen.finish, seen.complete, seen.terminator) == ("length", True, DONE)


def test_a_finish_after_many_texts_is_seen() -> None:
    seen = look()
    for event in [*texts(20), chunk("end", "stop")]:
        assert seen.feed(event) == event
    assert (seen.finish, seen.complete) == ("stop", True)


def test_usage_after_many_texts_is_counted_and_stays_here_if_nobody_asked() -> None:
    seen = look()
    for event in texts(20):
        seen.feed(event)
    counts = {"prompt_tokens": 3, "completion_tokens": 20, "total_tokens": 23}
    event = b"data: %b\n\n" % msgspec.json.encode({"id": "c1", "choices": [], "usage": counts})
    assert seen.feed(event) == b""
    assert seen.usage is not None
    assert seen.usage.completion == 20


def test_usage_that_every_event_says_is_none_is_taken_out_of_each() -> None:
    seen = look()
    for text in ("", "a", "b", "c", "d"):
        assert seen.feed(chunk(text, usage=None)) == chunk(text)


def test_usage_that_grows_with_every_event_is_the_last() -> None:
    seen = look(keep_usage=True)
    for count in range(1, 9):
        counts = {"prompt_tokens": 3, "completion_tokens": count, "total_tokens": count + 3}
        seen.feed(chunk(f"t{count}", usage=counts))
    assert seen.usage is not None
    assert seen.usage.completion == 8


def test_an_error_after_many_texts_breaks_the_stream() -> None:
    seen = look()
    for event in texts(20):
        seen.feed(event)
    with pytest.raises(UpstreamError):
        seen.feed(b'data: {"error":{"message":"no","type":"server_error"}}\n\n')


def test_another_choice_among_many_texts_is_waited_for() -> None:
    seen = look()
    for event in [*texts(5), chunk("b", index=1), *texts(5), chunk("", "stop")]:
        assert seen.feed(event) == event
    assert not seen.complete
    seen.feed(chunk("", "stop", index=1))
    assert seen.complete


@pytest.mark.parametrize("native", [False, True])
def test_texts_after_the_end_mark_are_not_passed_on(native: bool) -> None:
    seen = look(native=native)
    for event in texts(5):
        seen.feed(event)
    seen.feed(DONE)
    assert seen.feed(chunk("late")) == b""
    assert seen.terminator == (DONE + chunk("late") if native else DONE)


def test_completions_have_their_text_elsewhere() -> None:
    seen = CompletionsCodec().look(traits=frozenset(), keep_usage=False, native=False)
    events = [
        b'data: {"choices":[{"index":0,"text":"t%d","finish_reason":null}]}\n\n' % n
        for n in range(9)
    ]
    assert [seen.feed(event) for event in events] == events
    end = b'data: {"choices":[{"index":0,"text":"","finish_reason":"stop"}]}\n\n'
    seen.feed(end)
    assert seen.finish == "stop"


ODD_EVENTS = {
    "a finish": chunk("end", "stop"),
    "another choice": chunk("two", index=1),
    "usage": chunk("", usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
    "usage alone": b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n',
    "a comment": b": wait\n\n",
    "an empty line of data": b"data: \n\n",
    "an error": b'data: {"error":{"message":"gone","type":"server_error"}}\n\n',
    "an error by its object": b'data: {"object":"error","message":"gone"}\n\n',
    "no choices": b'data: {"choices":null}\n\n',
    "no choice": b'data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}\n\n',
    "another model": chunk("x", model="other"),
    "a role alone": chunk("", model="m", created=7),
    "nothing of the first choice": chunk("x", index=1) * 3,
    "a call of a tool": b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}\n\n',
    "two values": b"data: {},{}\n\n",
    "a finish that tells of a failure": chunk("", "error"),
    "an index that is text": b'data: {"choices":[{"index":"0","delta":{"content":"x"}}]}\n\n',
    "usage elsewhere": b'data: {"x_groq":{"usage":{"prompt_tokens":3}},"choices":[]}\n\n',
    "a blank line of data": b"data:  \n\n",
    "two chunks on a line": b'data: {"choices":[]} {"choices":[]}\n\n',
    "a line that ends like the end mark": b'data: {"choices":[]}  data: [DONE]\n\n',
    "nothing": b"data: null\n\n",
    "a list": b"data: [1]\n\n",
    "an error by its name": b'event: error\ndata: {"message":"no"}\n\n',
    "an error beside a text": chunk("x", error={"message": "no"}),
    "an error by its object beside a text": chunk("x", object="error"),
    "a failure in fields of its own": chunk("x", base_resp={"status_code": 1002}),
    "usage that is none": chunk("x", usage=None),
    "usage beside a text": chunk("x", usage={"prompt_tokens": 3, "completion_tokens": 1}),
    "usage elsewhere beside a text": chunk("x", x_groq={"usage": {"prompt_tokens": 1}}),
    "usage of a choice": b'data: {"choices":[{"index":0,"usage":{"prompt_tokens":2}}]}\n\n',
    "the finish of another choice": chunk("", "stop", index=1),
    "half a character": b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
    "the end": DONE,
    "data in two lines": b'data: {"choices":[{"index":0,\ndata: "delta":{"content":"x"}}]}\n\n',
}


@pytest.mark.parametrize("singly", [0, 1, 3])
@pytest.mark.parametrize("place", [0, 1, 2, 3, 10, 17, 18, 19, 20, 21])
@pytest.mark.parametrize("odd", ODD_EVENTS.values(), ids=ODD_EVENTS)
def test_what_comes_in_one_read_is_seen_as_if_it_came_in_many(
    odd: bytes, place: int, singly: int
) -> None:
    events = [chunk(""), *texts(20)]
    events.insert(place, odd)

    def seen(reads: list[bytes]) -> tuple[object, ...]:
        here, passed, failed = look(), b"", False
        try:
            for read in reads:
                passed += here.feed(read)
        except UpstreamError:
            passed, failed = passed + here.before_error, True
        noted = (here.content, here.model, here.finish, here.complete, here.usage)
        return passed, failed, noted, here.tell_usage(Usage())

    assert seen([*events[:singly], b"".join(events[singly:])]) == seen(events)


@given(
    events=st.lists(st.sampled_from([*texts(4), *ODD_EVENTS.values()]), max_size=12),
    cuts=st.lists(st.integers(0, 2000), max_size=4),
    keep_usage=st.booleans(),
    native=st.booleans(),
)
def test_a_stream_tells_the_same_however_its_reads_cut_it(
    events: list[bytes], cuts: list[int], keep_usage: bool, native: bool
) -> None:
    stream = b"".join(events)
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    told = [
        told_of(look(keep_usage=keep_usage, native=native), reads)
        for reads in ([bytes((byte,)) for byte in stream], pieces, [stream])
    ]
    assert told[0] == told[1] == told[2]


def test_a_choice_that_began_within_a_burst_must_end_too() -> None:
    seen = look()
    seen.feed(b"".join([*texts(8), chunk("two", index=1), *texts(8), chunk("", "stop")]))
    assert not seen.complete
    seen.feed(chunk("", "stop", index=1))
    assert seen.complete


def test_a_finish_is_content_although_nothing_was_said() -> None:
    seen = look()
    seen.feed(chunk(""))
    assert not seen.content
    seen.feed(chunk("", "stop"))
    assert seen.content


def test_usage_that_is_told_beside_a_choice_is_told_to_who_asked() -> None:
    usage = {"prompt_tokens": 2, "completion_tokens": 9}
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}
    event = b"data: %b\n\n" % msgspec.json.encode({"id": "c1", "choices": [choice]})
    passed = look(keep_usage=True).feed(chunk("a") + event + DONE)
    *_, last, _ = passed.split(b"\n\n")
    told = msgspec.json.decode(last[6:])
    assert (told["id"], told["choices"]) == ("c1", [])
    assert told["usage"]["completion_tokens"] == 9


def test_the_latest_of_several_counts_is_the_one_that_counts() -> None:
    seen = look()
    for so_far in (1, 2, 3):
        seen.feed(chunk("a", usage={"prompt_tokens": 5, "completion_tokens": so_far}))
        assert seen.usage is not None
        assert seen.usage.completion == so_far


def told_of(seen: ChatLook, reads: list[bytes]) -> tuple[object, ...]:
    """What goes on, how it ended, and all that was taken down."""
    passed, error = b"", ""
    try:
        for read in reads:
            passed += seen.feed(read)
        passed += seen.end()
    except UpstreamError as failure:
        passed, error = passed + seen.before_error, str(failure)
    found = (seen.content, seen.usage, seen.complete, seen.finish, seen.odd_finish, seen.model)
    return (passed, error, seen.terminator, *found)


def test_a_line_that_ends_like_the_end_mark_ends_nothing() -> None:
    seen = look()
    with pytest.raises(UpstreamError):
        seen.feed(chunk("a") + b'data: {"choices":[]}  data: [DONE]\n\n')
    assert not seen.terminator


def test_a_blank_event_and_two_chunks_on_a_line_do_not_shift_what_is_kept() -> None:
    seen = look()
    counts = b'data: {"choices":[],"usage":{"completion_tokens":5}}\n\n'
    twice = b'data: {"choices":[]} {"choices":[]}\n\n'
    seen.feed(chunk("a"))
    with pytest.raises(UpstreamError):
        seen.feed(b"data: {}\n\ndata: \n\n" + counts + chunk("b") + twice)
    assert seen.before_error == b"data: {}\n\n" + chunk("b")


def test_usage_that_is_none_is_taken_out_of_what_came_before_an_error() -> None:
    seen = look()
    seen.feed(chunk("a"))
    with pytest.raises(UpstreamError):
        seen.feed(chunk("b", usage=None) + b'data: {"error":{"message":"no"}}\n\n')
    assert seen.before_error == chunk("b")
