"""Looking on while a Responses stream is forwarded."""

import json
from typing import Any

import pytest

from stockyard.errors import UpstreamError
from stockyard.wire.openai_responses.codec import ResponsesCodec
from stockyard.wire.openai_responses.look import ResponsesLook

NONE: frozenset[str] = frozenset()
ITEM = {"type": "message", "role": "assistant", "content": []}


def look(*, native: bool = False) -> ResponsesLook:
    return ResponsesCodec().look(traits=NONE, keep_usage=True, native=native)


def block(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, **fields}, separators=(",", ":")).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


CREATED = block("response.created", response={"model": "m", "status": "in_progress"})
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
COMPLETED = block("response.completed", response={"status": "completed", "usage": USAGE})
DELTA = block("response.output_text.delta", delta="Hi")


@pytest.mark.parametrize(
    ("event", "commits"),
    [
        (CREATED, False),
        (block("response.in_progress", response={}), False),
        (block("response.output_item.added", item=ITEM), False),
        (block("response.output_item.added", item={"type": "reasoning"}), False),
        (block("response.content_part.added", part={"type": "output_text", "text": ""}), False),
        (block("response.output_text.delta", delta=""), False),
        (block("response.web_search_call.searching"), False),
        (block("keepalive", sequence_number=3), False),
        (b": comment\n\n", False),
        (DELTA, True),
        (block("response.refusal.delta", delta="No"), True),
        (block("response.reasoning_summary_text.delta", delta="Hm"), True),
        (block("response.reasoning_text.delta", delta="Hm"), True),
        (block("response.output_item.added", item={"type": "function_call"}), True),
        (block("response.output_item.added", item={"type": "custom_tool_call"}), True),
        (block("response.incomplete", response={}), True),
        (COMPLETED, True),
    ],
)
def test_only_content_commits_the_answer(event: bytes, commits: bool) -> None:
    looking = look()
    looking.feed(event)
    assert looking.content is commits


def test_the_last_event_waits_until_the_call_is_settled() -> None:
    looking = look()
    assert looking.feed(CREATED + DELTA + COMPLETED) == CREATED + DELTA
    assert looking.terminator == COMPLETED
    assert looking.complete
    assert (looking.model, looking.finish) == ("m", "completed")
    assert looking.usage is not None
    assert looking.usage.total == 5


def test_an_incomplete_answer_tells_why() -> None:
    details = {"incomplete_details": {"reason": "max_output_tokens"}, "status": "incomplete"}
    looking = look()
    looking.feed(block("response.incomplete", response=details))
    assert (looking.complete, looking.finish) == (True, "max_output_tokens")


@pytest.mark.parametrize(
    "failure",
    [
        block("error", code="server_error", message="It broke."),
        block("error", error={"code": "server_error", "message": "It broke."}),
        block(
            "response.failed", response={"error": {"code": "server_error", "message": "It broke."}}
        ),
        b'data: {"error":{"message":"It broke.","code":"server_error"}}\n\n',
    ],
    ids=["flat", "nested", "failed", "unnamed"],
)
def test_an_error_is_raised_and_what_came_before_it_is_kept(failure: bytes) -> None:
    looking = look()
    with pytest.raises(UpstreamError) as raised:
        looking.feed(CREATED + DELTA + failure)
    assert (raised.value.kind, raised.value.message) == ("provider_fault", "It broke.")
    assert looking.before_error == CREATED + DELTA
    assert not looking.complete


def test_an_event_without_its_name_gets_it() -> None:
    data = b'data: {"type":"response.output_text.delta","delta":"Hi"}\n\n'
    assert look().feed(data) == b"event: response.output_text.delta\n" + data
    assert look(native=True).feed(data) == data


def test_data_before_its_name_is_put_in_order() -> None:
    data = b'data: {"type":"response.in_progress"}\nevent: response.in_progress\n\n'
    expected = b'event: response.in_progress\ndata: {"type":"response.in_progress"}\n\n'
    assert look().feed(data) == expected
    assert look(native=True).feed(data) == data


def test_an_end_mark_of_another_format_stays_here() -> None:
    looking, native = look(), look(native=True)
    assert looking.feed(CREATED + COMPLETED + b"data: [DONE]\n\n") == CREATED
    assert looking.terminator == COMPLETED
    native.feed(CREATED + COMPLETED + b"data: [DONE]\n\n")
    assert native.terminator == COMPLETED + b"data: [DONE]\n\n"


def test_nothing_follows_the_last_event() -> None:
    looking = look()
    assert looking.feed(COMPLETED + DELTA + block("error")) == b""
    assert looking.terminator == COMPLETED


def test_a_last_event_may_lack_its_blank_line() -> None:
    looking = look()
    looking.feed(CREATED + COMPLETED.rstrip())
    assert looking.end() == b""
    assert looking.terminator == COMPLETED
    cut = look()
    cut.feed(CREATED + COMPLETED[:-9])
    cut.end()
    assert not cut.complete


@pytest.mark.parametrize("data", [b"data: [1]\n\n", b"data: nonsense\n\n"])
def test_what_is_no_stream_of_a_response_is_refused_unless_it_is_native(data: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        look().feed(data)
    assert raised.value.kind == "bad_answer"
    assert look(native=True).feed(data) == data


def test_half_a_character_passes_as_it_came() -> None:
    data = DELTA.replace(b"Hi", b"\\ud83d")
    looking = look()
    assert looking.feed(data) == data
    assert looking.content
