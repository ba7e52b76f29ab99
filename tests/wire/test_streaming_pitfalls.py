"""The numbered pitfalls of streams that concern chat and Messages, each by its number."""

import json
import time
from typing import Any

import pytest

from stockyard.core.events import (
    ArgumentsDelta,
    Event,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.folding import fold
from stockyard.core.messages import Reasoning, Text, ToolCall
from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Codec, Fault, Pen, StreamLook
from stockyard.wire.formats import FORMATS

CHAT, MESSAGES = FORMATS["openai.chat"], FORMATS["anthropic.messages"]
COHERE = FORMATS["cohere.chat"]
NONE: frozenset[str] = frozenset()
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
FAULT = Fault(
    status=502,
    kind="interrupted",
    code="stream_interrupted",
    message="The provider's answer broke off.",
    request_id="req_1",
    stockyard={"code": "stream_interrupted"},
)


def chunk(*choices: dict[str, Any], **fields: Any) -> bytes:
    body = {"id": "c1", "model": "m", "created": 1, "choices": list(choices), **fields}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def delta(choice: int = 0, **fields: Any) -> bytes:
    return chunk({"index": choice, "delta": fields, "finish_reason": None})


def finish(reason: str, choice: int = 0, **fields: Any) -> bytes:
    return chunk({"index": choice, "delta": {}, "finish_reason": reason}, **fields)


def call(index: int | None, arguments: Any = None, **fields: Any) -> bytes:
    function = {
        "arguments": arguments,
        **({"name": fields.pop("name")} if "name" in fields else {}),
    }
    place = {} if index is None else {"index": index}
    return delta(tool_calls=[{**place, **fields, "function": function}])


def event(kind: str, **fields: Any) -> bytes:
    return (
        f"event: {kind}\ndata: ".encode() + json.dumps({"type": kind, **fields}).encode() + b"\n\n"
    )


def message(*blocks: bytes, stop: str = "end_turn") -> bytes:
    start = {
        "id": "msg_1",
        "model": "m",
        "content": [],
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    ending = event("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 5})
    return event("message_start", message=start) + b"".join(blocks) + ending + event("message_stop")


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    said = b"".join(event("content_block_delta", index=index, delta=d) for d in deltas)
    start = event("content_block_start", index=index, content_block=content)
    return start + said + event("content_block_stop", index=index)


def read(codec: Codec, data: bytes, *traits: str, size: int = 1 << 20) -> list[Event]:
    reader = codec.reader(traits=frozenset(traits))
    events = [e for i in range(0, len(data), size) for e in reader.feed(data[i : i + size])]
    return events + reader.end()


def written(codec: Codec, events: list[Event], **pen: Any) -> bytes:
    said = {"id": "1", "model": "m", "created": 1, "wants_usage": True, **pen}
    writer = codec.writer(Pen(**said))
    return writer.write(events) + writer.end()


def look_at(codec: Codec, data: bytes, *, native: bool = False) -> tuple[bytes, StreamLook]:
    look = codec.look(traits=NONE, keep_usage=False, native=native)
    return look.feed(data) + look.end(), look


def payloads(stream: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(line) for line in lines]


def deltas_of(stream: bytes) -> list[dict[str, Any]]:
    return [c["delta"] for p in payloads(stream) for c in p["choices"]]


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
    stream = b"data: " + body.encode() + b"\n\n" + finish("stop") + DONE
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


def test_s26_whole_calls_missing_ids_and_null_arguments() -> None:
    stream = (
        call(None, '{"a":1}', name="f")
        + call(1, None, id="q", name="g")
        + call(1, "{}")
        + finish("")
        + DONE
    )
    output, _ = fold(read(CHAT, stream))
    first, second = output.choices[0].message.parts
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.name, first.arguments) == ("f", '{"a":1}')
    assert first.id.startswith("call_")
    assert len(first.id) == len("call_") + 24
    assert (second.id, second.arguments) == ("q", "{}")
    assert output.choices[0].finish == "tool_calls"


def test_s26_a_second_id_under_the_same_index_is_a_second_call() -> None:
    stream = call(0, '{"a":1}', id="a", name="f") + call(0, '{"b":2}', id="b", name="g")
    output, _ = fold(read(CHAT, stream + finish("stop") + DONE))
    calls = [p for p in output.choices[0].message.parts if isinstance(p, ToolCall)]
    assert [(c.id, c.arguments) for c in calls] == [("a", '{"a":1}'), ("b", '{"b":2}')]


def test_s26_deltas_after_the_finish_belong_to_the_answer() -> None:
    stream = call(0, "{", id="a", name="f") + finish("tool_calls") + call(0, "}") + DONE
    output, _ = fold(read(CHAT, stream))
    assert output.choices[0].message.parts[0].arguments == "{}"  # type: ignore[union-attr]


def test_s26_a_written_stream_says_id_and_name_once_with_dense_indexes() -> None:
    stream = call(3, "", id="a", name="f") + call(7, "", id="b", name="g") + call(3, '{"x":1}')
    out = deltas_of(written(CHAT, read(CHAT, stream + finish("tool_calls") + DONE)))
    calls = [c for d in out for c in d.get("tool_calls", ())]
    assert all(isinstance(c["index"], int) for c in calls)
    assert [c["id"] for c in calls if "id" in c] == ["a", "b"]
    assert [c["index"] for c in calls if "id" in c] == [0, 1]
    arguments = {
        i: "".join(c["function"].get("arguments", "") for c in calls if c["index"] == i)
        for i in (0, 1)
    }
    assert arguments == {0: '{"x":1}', 1: "{}"}


def test_s26_interleaved_calls_reach_messages_one_block_at_a_time() -> None:
    stream = (
        call(0, '{"x":', id="a", name="f")
        + call(1, '{"y":', id="b", name="g")
        + delta(content="meanwhile")
        + call(0, "1}")
        + call(1, "2}")
        + finish("tool_calls")
        + DONE
    )
    out = written(MESSAGES, read(CHAT, stream))
    open_block = None
    for said in payloads(out):
        if said["type"] == "content_block_start":
            assert open_block is None
            open_block = said["index"]
        elif said["type"] == "content_block_delta":
            assert said["index"] == open_block
        elif said["type"] == "content_block_stop":
            open_block = None
    parts = fold(read(MESSAGES, out))[0].choices[0].message.parts
    calls = {p.id: p.arguments for p in parts if isinstance(p, ToolCall)}
    assert calls == {"a": '{"x":1}', "b": '{"y":2}'}
    assert "meanwhile" in "".join(p.text for p in parts if isinstance(p, Text))


def test_s27_arguments_in_the_chunk_that_opens_a_call_are_kept() -> None:
    both = delta(
        content="see",
        tool_calls=[
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": '{"y":2}'}},
        ],
    )
    out = written(MESSAGES, read(CHAT, both + finish("tool_calls") + DONE))
    parts = fold(read(MESSAGES, out))[0].choices[0].message.parts
    assert [p.arguments for p in parts if isinstance(p, ToolCall)] == ['{"x":1}', '{"y":2}']


REASONING = [
    ({"reasoning_content": "hm"}, ()),
    ({"reasoning": "hm"}, ("reasoning_field:reasoning",)),
    ({"thoughts": "hm"}, ("reasoning_field:thoughts",)),
    ({"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, ()),
    (
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
        ("content_list",),
    ),
]


@pytest.mark.parametrize(("said", "traits"), REASONING)
def test_s28_thinking_is_one_channel_whatever_it_is_called(
    said: dict[str, Any], traits: tuple[str, ...]
) -> None:
    events = read(CHAT, delta(**said) + delta(content="4") + finish("stop") + DONE, *traits)
    parts = fold(events)[0].choices[0].message.parts
    assert [p.text for p in parts if isinstance(p, Reasoning)] == ["hm"]
    out = payloads(written(MESSAGES, events))
    kinds = [p["content_block"]["type"] for p in out if p["type"] == "content_block_start"]
    assert kinds == ["thinking", "text"]


def test_s29_choices_are_kept_apart() -> None:
    stream = b"".join(delta(i % 2, content=str(i)) for i in range(6))
    stream += finish("stop", 0) + finish("length", 1) + chunk(usage=USAGE) + DONE
    events = read(CHAT, stream)
    output, usage = fold(events)
    assert [(c.message.text, c.finish) for c in output.choices] == [
        ("024", "stop"),
        ("135", "length"),
    ]
    assert sum(isinstance(e, UsageSeen) for e in events) == 1
    assert usage is not None
    again = fold(read(CHAT, written(CHAT, events)))[0]
    assert [c.message.text for c in again.choices] == ["024", "135"]


def test_s30_logprobs_go_out_with_their_text() -> None:
    logprobs = {"content": [{"token": "x", "bytes": [120], "logprob": -0.1, "top_logprobs": []}]}
    stream = chunk({"index": 0, "delta": {"content": "x"}, "logprobs": logprobs}) + finish("stop")
    events = read(CHAT, stream + DONE)
    assert any(isinstance(e, LogprobsAdded) for e in events)
    out = payloads(written(CHAT, events))
    said = next(p for p in out if p["choices"] and p["choices"][0]["delta"].get("content") == "x")
    assert said["choices"][0]["logprobs"] == logprobs


def test_s31_padding_is_forwarded_and_not_written() -> None:
    padded = chunk({"index": 0, "delta": {"content": "x"}}, obfuscation="abc", p="xyz")
    out, _ = look_at(CHAT, padded + finish("stop") + DONE)
    assert padded in out
    assert b"obfuscation" not in written(CHAT, read(CHAT, padded + finish("stop") + DONE))


def test_s32_the_accumulated_message_beside_the_delta_is_not_read() -> None:
    stream = b"".join(
        chunk({"index": 0, "delta": {"content": p}, "message": {"content": whole}})
        for p, whole in (("a", "a"), ("b", "ab"))
    )
    assert fold(read(CHAT, stream + finish("stop")))[0].choices[0].message.text == "ab"


def test_s34_our_comment_stands_before_the_terminator() -> None:
    events: list[Event] = [
        Started(),
        PartStarted(key="a", kind="text"),
        TextDelta(key="a", text="x"),
        PartEnded(key="a"),
        Finished(reason="stop"),
    ]
    for codec, last in (
        (CHAT, DONE),
        (MESSAGES, b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
    ):
        writer = codec.writer(Pen(id="1", model="m", created=1, wants_usage=False))
        out = writer.write(events) + writer.end(b": stockyard {}\n\n")
        assert out.endswith(b": stockyard {}\n\n" + last)
        assert fold(read(codec, out))[0].choices[0].message.text == "x"


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


def test_messages_blocks_that_nobody_else_knows_pass_through_whole() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    stream = message(
        block(0, use, {"type": "input_json_delta", "partial_json": '{"q":1}'}),
        block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "x"}),
    )
    out = written(MESSAGES, read(MESSAGES, stream))
    starts = [p["content_block"] for p in payloads(out) if p["type"] == "content_block_start"]
    assert starts == [{**use, "input": {"q": 1}}, {"type": "text", "text": ""}]


def test_a_signature_of_another_provider_never_reaches_messages() -> None:
    events: list[Event] = [
        PartStarted(key="a", kind="reasoning"),
        ReasoningDelta(key="a", text="hm"),
    ]

    events += [SignatureDelta(key="a", signature="sig", made_by="gemini"), PartEnded(key="a")]
    out = written(MESSAGES, [*events, Finished(reason="stop")])
    assert b"signature_delta" not in out
    assert b"hm" in out


def test_a_call_without_arguments_is_written_as_an_empty_object() -> None:
    events: list[Event] = [
        PartStarted(key="a", kind="tool_call", id="c", name="f"),
        PartEnded(key="a"),
        PartStarted(key="b", kind="tool_call", id="d", name="g"),
        ArgumentsDelta(key="b", text="{}"),
        PartEnded(key="b"),
        Finished(reason="tool_calls"),
    ]
    calls = [c for d in deltas_of(written(CHAT, events)) for c in d.get("tool_calls", ())]
    for index in (0, 1):
        said = [c["function"].get("arguments", "") for c in calls if c["index"] == index]
        assert "".join(said) == "{}"


def test_a_forwarded_messages_event_without_its_name_gets_it() -> None:
    stream = message(block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "x"}))
    nameless = b"\n".join(line for line in stream.split(b"\n") if not line.startswith(b"event: "))
    out, look = look_at(MESSAGES, nameless)
    assert (out + look.terminator).count(b"event: ") == stream.count(b"event: ")
    assert fold(read(MESSAGES, out + look.terminator)) == fold(read(MESSAGES, stream))
