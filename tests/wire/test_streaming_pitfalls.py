"""Pitfalls of streams in calls, thinking and choices (`streaming.md` S26 to S34)."""

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
from stockyard.core.messages import Opaque, Reasoning, Text, ToolCall
from stockyard.wire.codec import Pen
from tests.wire.streams import (
    CHAT,
    DONE,
    MESSAGES,
    USAGE,
    block,
    call,
    chunk,
    delta,
    finish,
    look_at,
    message,
    payloads,
    read,
    written,
)


def deltas_of(stream: bytes) -> list[dict[str, Any]]:
    return [c["delta"] for p in payloads(stream) for c in p["choices"]]


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
    assert output.choices[0].message.parts[0].arguments == "{}"  # type: ignore[union-attr]  # the part is a call


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


def test_messages_blocks_that_nobody_else_knows_pass_through_whole() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    stream = message(
        block(0, use, {"type": "input_json_delta", "partial_json": '{"q":1}'}),
        block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "x"}),
    )
    out = written(MESSAGES, read(MESSAGES, stream))
    starts = [p["content_block"] for p in payloads(out) if p["type"] == "content_block_start"]
    assert starts == [{**use, "input": {"q": 1}}, {"type": "text", "text": ""}]


def test_an_answer_may_break_off_in_what_a_tool_of_the_provider_is_asked() -> None:
    """With `max_tokens`, for one. What was said before stays an answer."""
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    stream = message(
        block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "x"}),
        block(1, use, {"type": "input_json_delta", "partial_json": '{"query": "y'}),
    )
    said, asked = fold(read(MESSAGES, stream))[0].choices[0].message.parts
    assert said == Text(text="x")
    assert isinstance(asked, Opaque)
    assert asked.value == {**use, "input": {"_raw": '{"query": "y'}}


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
