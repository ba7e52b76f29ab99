"""Messages, where it differs from every other format (`wire.md` 4.4, 5.2, 14)."""

import json
from typing import Any

import pytest
from openai.lib.streaming._deltas import accumulate_delta

from stockyard.core.folding import fold, unfold
from stockyard.core.messages import Opaque, Reasoning
from stockyard.core.request import Request
from stockyard.errors import Refused
from stockyard.wire.anthropic_messages.usage import read_usage
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

MESSAGES, CHAT = FORMATS["anthropic.messages"], FORMATS["openai.chat"]
NONE: frozenset[str] = frozenset()
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def sent(asked: dict[str, Any], features: frozenset[str] = NONE) -> dict[str, Any]:
    """What a chat request becomes."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **asked})
    request = Request(model="m", content=CHAT.decode_request(body.encode()))
    written: dict[str, Any] = json.loads(
        MESSAGES.encode_request(request, features=features, traits=NONE).body
    )
    return written


@pytest.mark.parametrize("features", [NONE, frozenset({"adaptive_thinking"})])
@pytest.mark.parametrize(
    ("effort", "thinking"), [("high", False), ("low", False), ("none", True), (None, False)]
)
def test_forced_tools_exclude_thinking_but_not_its_absence(
    effort: str | None, thinking: bool, features: frozenset[str]
) -> None:
    asked = {"tools": [TOOL], "tool_choice": "required", "reasoning_effort": effort}
    written = sent(asked, features)
    assert written["tool_choice"]["type"] == "any"
    assert written.get("thinking") == ({"type": "disabled"} if thinking else None)


def test_thinking_that_has_no_room_is_named() -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "high"}
    for limit, room in ((1_024, False), (1_025, True)):
        asked = json.dumps({"model": "m", **body, "max_tokens": limit}).encode()
        request = Request(model="m", content=CHAT.decode_request(asked))
        written = MESSAGES.encode_request(request, features=NONE, traits=NONE)
        assert ("thinking" in json.loads(written.body)) == room
        assert written.dropped == (() if room else ("reasoning_effort",))


SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}


def test_a_sound_is_refused_and_not_left_out() -> None:
    content = [{"type": "text", "text": "What is said here?"}, SOUND]
    with pytest.raises(Refused, match="cannot take sound") as refused:
        sent({"messages": [{"role": "user", "content": content}]})
    assert (refused.value.status, refused.value.param) == (400, "messages")


PASSES = [
    ([{"input_tokens": 500, "output_tokens": 30}, {"input_tokens": 100, "output_tokens": 9}], 600),
    ([{"input_tokens": 100, "output_tokens": 9}], 100),
    ([], 70),
]


@pytest.mark.parametrize(("passes", "fresh"), PASSES)
def test_passes_are_summed_and_what_they_do_not_count_is_kept(
    passes: list[dict[str, int]], fresh: int
) -> None:
    top = {"input_tokens": 70, "output_tokens": 7, "cache_read_input_tokens": 5}
    usage = read_usage({**top, "iterations": passes})
    assert usage is not None
    assert (usage.in_fresh, usage.in_cached) == (fresh, 5)


def frame(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (
        kind.encode(),
        json.dumps({"type": kind, **fields}).encode(),
    )


def test_a_block_that_only_this_format_knows_comes_whole_out_of_its_pieces() -> None:
    block = {"type": "compaction", "content": None}
    stream = frame("message_start", message={"id": "m", "usage": {"input_tokens": 1}})
    stream += frame("content_block_start", index=0, content_block=block)
    for piece in ("They ", "met."):
        delta = {"type": "compaction_delta", "content": piece}
        stream += frame("content_block_delta", index=0, delta=delta)
    stream += frame("content_block_stop", index=0)
    stream += frame("message_delta", delta={"stop_reason": "compaction"})
    stream += frame("message_stop")
    reader = MESSAGES.reader(traits=NONE)
    output, _ = fold([*reader.feed(stream), *reader.end()])
    [part] = output.choices[0].message.parts
    assert isinstance(part, Opaque)
    assert part.value == {"type": "compaction", "content": "They met."}
    assert output.choices[0].native_finish == "compaction"


def test_thinking_that_comes_back_in_chat_loses_nothing() -> None:
    known = {"format": "anthropic-claude-v1", "id": None}
    pieces = [
        {**known, "type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "index": 0},
        {**known, "type": "reasoning.encrypted", "data": "cmVk", "index": 1},
    ]
    turn = {"role": "assistant", "content": "Well.", "reasoning_details": pieces}
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}, turn]})
    request = Request(model="m", content=CHAT.decode_request(body.encode()))
    written = MESSAGES.encode_request(request, features=NONE, traits=NONE)
    assert json.loads(written.body)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "cmVk"},
        {"type": "text", "text": "Well."},
    ]
    assert written.dropped == ()


KNOWN = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
THOUGHT = (
    frame("message_start", message={"id": "msg_1", "usage": {}})
    + frame("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
    + frame("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm"})
    + frame("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": ", 4."})
    + frame("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2ln"})
    + frame("content_block_stop", index=0)
    + frame("message_delta", delta={"stop_reason": "end_turn"})
    + frame("message_stop")
)


def test_signed_thinking_is_told_to_chat_piece_by_piece_and_no_piece_twice() -> None:
    reader = MESSAGES.reader(traits=NONE)
    events = [*reader.feed(THOUGHT), *reader.end()]
    for told in (events, unfold(*fold(events))):
        writer = CHAT.writer(Pen(id="1", model="m", created=1, wants_usage=False))
        out = writer.write(told) + writer.end()
        chunks = [json.loads(line[6:]) for line in out.split(b"\n") if line.startswith(b"data: {")]
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
        text = "".join(delta.get("reasoning_content", "") for delta in deltas)
        details = [d["reasoning_details"][0] for d in deltas if "reasoning_details" in d]
        assert text == "".join(detail.get("text", "") for detail in details) == "Hm, 4."
        assert details[0] == KNOWN | {"text": details[0]["text"]}
        assert details[-1] == {"type": "reasoning.text", "index": 0, "signature": "c2ln"}
        put_together: dict[object, object] = {}
        for delta in deltas:
            accumulate_delta(put_together, delta)
        assert put_together["reasoning_details"] == [KNOWN | {"text": text, "signature": "c2ln"}]
        again = CHAT.reader(traits=NONE)
        [part] = fold([*again.feed(out), *again.end()])[0].choices[0].message.parts
        assert isinstance(part, Reasoning)
        assert (part.text, part.signature) == ("Hm, 4.", "c2ln")


def test_a_maker_that_was_named_with_each_piece_is_known() -> None:
    name = "anthropic-claude-v1" * 3
    piece = KNOWN | {"format": name, "text": "Hm.", "signature": "c2ln"}
    turn = {"role": "assistant", "content": "Well.", "reasoning_details": [piece]}
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}, turn]}
    request = Request(model="m", content=CHAT.decode_request(json.dumps(body).encode()))
    written = MESSAGES.encode_request(request, features=NONE, traits=NONE)
    thought, _ = json.loads(written.body)["messages"][1]["content"]
    assert thought == {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}


@pytest.mark.parametrize("empty", [{}, {"signature": ""}])
def test_signed_thinking_may_come_back_in_the_pieces_in_which_it_was_told(
    empty: dict[str, str],
) -> None:
    pieces = [
        {**KNOWN, **empty, "text": "Hm"},
        {**KNOWN, **empty, "text": ", 4."},
        {"type": "reasoning.text", "index": 0, "signature": "c2ln"},
        {**KNOWN, **empty, "index": 1, "text": "Or"},
        {**KNOWN, "index": 1, "text": " 5.", "signature": "c2ln2"},
    ]
    turn = {"role": "assistant", "content": "Well.", "reasoning_details": pieces}
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}, turn]}
    request = Request(model="m", content=CHAT.decode_request(json.dumps(body).encode()))
    written = MESSAGES.encode_request(request, features=NONE, traits=NONE)
    assert json.loads(written.body)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm, 4.", "signature": "c2ln"},
        {"type": "thinking", "thinking": "Or 5.", "signature": "c2ln2"},
        {"type": "text", "text": "Well."},
    ]
    assert written.dropped == ()
    again = CHAT.encode_request(request, features=NONE, traits=NONE)
    assert json.loads(again.body)["messages"][1] == turn


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Sure: ", "Sure:"),
        ("Sure:\n\n", "Sure:"),
        ([{"type": "text", "text": "Sure: "}], "Sure:"),
        ("Sure:", "Sure:"),
    ],
)
def test_what_the_model_shall_go_on_from_ends_without_blanks(said: object, told: str) -> None:
    """4.4: a last turn of the assistant is a prefill."""
    turns = [{"role": "user", "content": "hi "}, {"role": "assistant", "content": said}]
    assert sent({"messages": turns})["messages"] == [
        {"role": "user", "content": "hi "},
        {"role": "assistant", "content": told},
    ]
    later = [*turns, {"role": "user", "content": "more"}]
    assert "Sure" in json.dumps(sent({"messages": later})["messages"][1])
