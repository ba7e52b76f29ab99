"""Pitfalls of streams in errors, endings and usage (`streaming.md` S14 to S23, S45)."""

import pytest

from stockyard.core.events import Event, PartStarted, TextDelta, UsageSeen
from stockyard.core.folding import fold
from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Codec, Fault, Pen
from stockyard.wire.formats import FORMATS
from tests.wire.streams import (
    CHAT,
    DONE,
    MESSAGES,
    NONE,
    USAGE,
    block,
    call,
    chunk,
    delta,
    event,
    finish,
    look_at,
    message,
    payloads,
    read,
    written,
)

COHERE = FORMATS["cohere.chat"]
FAULT = Fault(
    status=502,
    kind="interrupted",
    code="stream_interrupted",
    message="The provider's answer broke off.",
    request_id="req_1",
    stockyard={"code": "stream_interrupted"},
)


def test_s14_lifecycle_frames_commit_nothing() -> None:
    lifecycle = [
        delta(role="assistant", content=""),
        chunk(),
        chunk(prompt_filter_results=[{}]),
        b": ping\n\n",
        delta(content=None),
    ]
    look = CHAT.look(traits=NONE, keep_usage=True, native=False)
    for frame in lifecycle:
        look.feed(frame)
        assert not look.content
    look = MESSAGES.look(traits=NONE, keep_usage=True, native=False)
    look.feed(event("message_start", message={"model": "m", "usage": {"input_tokens": 1}}))
    look.feed(event("ping"))
    look.feed(event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    look.feed(event("content_block_delta", index=0, delta={"type": "text_delta", "text": ""}))
    assert not look.content


COMMITS = [
    (CHAT, delta(content="x")),
    (CHAT, delta(refusal="x")),
    (CHAT, delta(reasoning_content="x")),
    (CHAT, delta(reasoning="x")),
    (CHAT, call(0, "", id="a", name="f")),
    (CHAT, delta(audio={"id": "a"})),
    (CHAT, finish("stop")),
    (MESSAGES, event("content_block_delta", index=0, delta={"type": "text_delta", "text": "x"})),
    (MESSAGES, event("content_block_start", index=0, content_block={"type": "tool_use"})),
    (MESSAGES, event("content_block_start", index=0, content_block={"type": "redacted_thinking"})),
    (MESSAGES, event("message_delta", delta={"stop_reason": "end_turn"})),
]


@pytest.mark.parametrize(("codec", "frame"), COMMITS)
def test_s14_content_commits(codec: Codec, frame: bytes) -> None:
    look = codec.look(traits=NONE, keep_usage=True, native=False)
    look.feed(frame)
    assert look.content


ERRORS = [
    (CHAT, b'data: {"error":{"message":"boom","type":"server_error"}}\n\n', "provider_fault"),
    (
        CHAT,
        b'event: error\ndata: {"error":{"message":"boom","status_code":400}}\n\n',
        "bad_request",
    ),
    (
        CHAT,
        chunk(
            {"index": 0, "delta": {}, "finish_reason": "error"},
            error={"code": 429, "message": "boom"},
        ),
        "rate_limited",
    ),
    (CHAT, b'data: {"object":"error","message":"boom","code":40303}\n\n', "provider_fault"),
    (CHAT, b'error: {"detail":"boom"}\n\n', "provider_fault"),
    (CHAT, chunk(x_groq={"error": "boom"}), "provider_fault"),
    (CHAT, chunk(base_resp={"status_code": 1002, "status_msg": "boom"}), "rate_limited"),
    (CHAT, finish("network_error"), "provider_fault"),
    (MESSAGES, event("error", error={"type": "overloaded_error", "message": "boom"}), "overloaded"),
    (
        MESSAGES,
        event("error", error={"type": "rate_limit_error", "message": "boom"}),
        "rate_limited",
    ),
]


@pytest.mark.parametrize(("codec", "frame", "kind"), ERRORS)
@pytest.mark.parametrize("place", ["first", "after the start", "after content", "inside a call"])
def test_s15_an_error_in_the_stream_is_never_an_end(
    codec: Codec, frame: bytes, kind: str, place: str
) -> None:
    started = delta(role="assistant", content="")
    said, called = delta(content="x"), call(0, "{", id="a", name="f")
    if codec is MESSAGES:
        started = event("message_start", message={"model": "m"})
        said = event("content_block_start", index=0, content_block={"type": "text", "text": "x"})
        opened = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
        called = event("content_block_start", index=1, content_block=opened)
    before = {
        "first": b"",
        "after the start": started,
        "after content": started + said,
        "inside a call": started + said + called,
    }[place]
    reader, look = codec.reader(traits=NONE), codec.look(traits=NONE, keep_usage=True, native=False)
    for act in (reader, look):
        act.feed(before)
        with pytest.raises(UpstreamError) as raised:
            act.feed(frame + DONE)
        assert raised.value.kind == kind
        assert not act.complete
    assert look.terminator == b""


def test_s15_what_came_before_the_error_in_one_read_is_not_lost() -> None:
    look = CHAT.look(traits=NONE, keep_usage=True, native=False)
    with pytest.raises(UpstreamError):
        look.feed(delta(content="x") + b'data: {"error":{"message":"boom"}}\n\n')
    assert look.before_error == delta(content="x")
    reader = CHAT.reader(traits=NONE)
    with pytest.raises(UpstreamError):
        reader.feed(delta(content="x") + b'data: {"error":{"message":"boom"}}\n\n')
    assert any(isinstance(e, TextDelta) for e in reader.before_error)


def test_s17_a_written_stream_has_one_id_model_and_time() -> None:
    stream = chunk({"index": 0, "delta": {"content": "a"}}, id="x", model="p", created=0)
    stream += chunk({"index": 0, "delta": {"content": "b"}}, id="y", model="q", created=9)
    out = written(CHAT, read(CHAT, stream + finish("stop") + DONE), id="7", model="ours", created=5)
    assert {(p["id"], p["model"], p["created"]) for p in payloads(out)} == {
        ("chatcmpl-7", "ours", 5)
    }


def test_s19_a_missing_terminator_after_the_finish_is_complete() -> None:
    _, look = look_at(CHAT, delta(content="x") + finish("stop"))
    assert look.complete
    assert look.terminator == b""
    assert fold(read(CHAT, delta(content="x") + finish("stop")))[0].choices[0].finish == "stop"


def test_s19_every_choice_must_finish() -> None:
    reader = CHAT.reader(traits=NONE)
    reader.feed(delta(0, content="x") + delta(1, content="y") + finish("stop", 0))
    assert not reader.complete
    reader.feed(finish("stop", 1))
    assert reader.complete


def test_s20_bytes_after_the_end_stay_here_but_their_usage_counts() -> None:
    late = chunk(usage=USAGE)
    stream = delta(content="x") + finish("stop") + DONE
    out, look = look_at(CHAT, stream + late)
    assert out + look.terminator == stream
    assert look.usage is not None
    native_out, native = look_at(CHAT, stream + late, native=True)
    assert native_out + native.terminator == stream + late
    assert fold(read(CHAT, stream + late))[1] == look.usage


# As the services write them: a piece that is known by its opening.
LATE_MESSAGES = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"late"}}\n\n'
)


LATE_COHERE = (
    b'event: content-delta\ndata: {"type":"content-delta","index":0,'
    b'"delta":{"message":{"content":{"text":"late"}}}}\n\n'
)


COHERE_WHOLE = event("tool-plan-delta", delta={"message": {"tool_plan": "x"}}) + event(
    "message-end", delta={"finish_reason": "COMPLETE"}
)


@pytest.mark.parametrize(
    ("codec", "stream", "late", "rest"),
    [
        (MESSAGES, message(block(0, {"type": "text", "text": "x"})), LATE_MESSAGES, b""),
        (COHERE, COHERE_WHOLE, LATE_COHERE, DONE),
        (COHERE, COHERE_WHOLE + DONE, LATE_COHERE, b""),
    ],
    ids=["messages", "cohere", "cohere after its mark"],
)
def test_s20_pieces_after_the_end_are_forwarded_natively_only(
    codec: Codec, stream: bytes, late: bytes, rest: bytes
) -> None:
    out, look = look_at(codec, stream + late + late + rest)
    assert out + look.terminator == stream + rest
    native_out, native = look_at(codec, stream + late + rest, native=True)
    assert native_out + native.terminator == stream + late + rest
    said = [e for e in read(codec, stream + late + rest) if isinstance(e, TextDelta)]
    assert all(e.text != "late" for e in said)


def test_s21_messages_waits_for_the_usage_that_follows_the_finish() -> None:
    events = read(CHAT, delta(content="x") + finish("stop") + chunk(usage=USAGE) + DONE)
    ending = payloads(written(MESSAGES, events))[-2]
    assert ending["type"] == "message_delta"
    assert ending["usage"]["input_tokens"] == 10
    assert ending["usage"]["output_tokens"] == 5


def test_s22_finish_twice_and_usage_everywhere_come_out_once() -> None:
    stream = (
        delta(content="x")
        + finish("stop", usage=USAGE)
        + finish("stop", usage=USAGE)
        + chunk(usage=USAGE)
        + DONE
    )
    out = payloads(written(CHAT, read(CHAT, stream)))
    finishes = [c for p in out for c in p["choices"] if c["finish_reason"]]
    assert len(finishes) == 1
    counted = [p for p in out if p.get("usage")]
    assert len(counted) == 1
    assert counted[0]["choices"] == []
    assert counted[0]["usage"]["total_tokens"] == 15


def test_s22_usage_of_a_vendor_field_replaces_and_is_never_added() -> None:
    stream = finish("stop", x_groq={"usage": USAGE}) + chunk(usage=USAGE) + DONE
    _, usage = fold(read(CHAT, stream))
    assert usage is not None
    assert usage.total == 15


def test_s23_an_estimate_is_still_sent_to_a_client_that_asked() -> None:
    events = read(CHAT, delta(content="x") + finish("stop") + DONE)
    estimate = Usage(in_fresh=7, out_text=1, source="estimated")
    out = payloads(written(CHAT, [*events, UsageSeen(usage=estimate)]))
    assert out[-1]["usage"]["prompt_tokens"] == 7


@pytest.mark.parametrize("codec", [CHAT, MESSAGES])
def test_s45_a_failed_stream_ends_with_an_error_and_no_terminator(codec: Codec) -> None:
    writer = codec.writer(Pen(id="1", model="m", created=1, wants_usage=True))
    events: list[Event] = [PartStarted(key="a", kind="text"), TextDelta(key="a", text="x")]
    out = writer.write(events) + writer.fail(FAULT)
    assert codec.terminator not in out
    assert out.endswith(codec.failed_stream(FAULT))
    reader = codec.reader(traits=NONE)
    with pytest.raises(UpstreamError, match="broke off"):
        reader.feed(out)
    assert [e.text for e in reader.before_error if isinstance(e, TextDelta)] == ["x"]
