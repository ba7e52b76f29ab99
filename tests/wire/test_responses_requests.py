"""Responses requests: what they mean to other formats, and what they cannot mean."""

import json
from typing import Any

import pytest

from stockyard.core.folding import fold
from stockyard.core.messages import Reasoning, ToolCall, ToolResult
from stockyard.core.request import Content, Request
from stockyard.core.response import Response
from stockyard.errors import Refused
from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.codec import Codec, Dropped, Pen
from stockyard.wire.openai_chat.codec import ChatCodec
from stockyard.wire.openai_responses.codec import ResponsesCodec

CODEC, CHAT, MESSAGES = ResponsesCodec(), ChatCodec(), MessagesCodec()
NONE: frozenset[str] = frozenset()
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hi", **fields}).encode()


def content(**fields: Any) -> Content:
    return CODEC.decode_request(body(**fields))


def to(codec: Codec, source: Codec, said: dict[str, Any]) -> tuple[dict[str, Any], Dropped]:
    request = Request(model="m", content=source.decode_request(json.dumps(said).encode()))
    encoded = codec.encode_request(request, features=NONE, traits=NONE)
    return json.loads(encoded.body), encoded


def as_chat(**fields: Any) -> dict[str, Any]:
    return to(CHAT, CODEC, json.loads(body(**fields)))[0]


def from_chat(**fields: Any) -> tuple[dict[str, Any], Dropped]:
    said = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    return to(CODEC, CHAT, said)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_not_found", "previous_response_id"),
        ({"conversation": "conv_1"}, "previous_response_not_found", "conversation"),
        ({"background": True}, "invalid_request", "background"),
        ({"prompt": {"id": "pmpt_1"}}, "invalid_request", "prompt"),
        ({"input": [{"type": "item_reference", "id": "rs_1"}]}, "invalid_request", "input"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "invalid_request", "input"),
        ({"input": [{"type": "compaction_trigger"}]}, "invalid_request", "input"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "invalid_request",
         "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}},
         "invalid_request", "tool_choice"),
    ],
)  # fmt: skip
def test_what_only_one_provider_keeps_ties_the_request_to_its_format(
    fields: dict[str, Any], code: str, param: str
) -> None:
    tie = content(**fields).tie
    assert tie is not None
    assert (tie.code, tie.param) == (code, param)
    assert f"'{param}'" in tie.message
    again, encoded = to(CODEC, CODEC, json.loads(body(**fields)))
    assert again == json.loads(body(**fields))
    assert encoded.dropped == ()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"background": False},
        {"previous_response_id": None},
        {"tools": [{"type": "web_search"}, FUNCTION]},
        {"tools": [{"type": "web_search"}, FUNCTION], "tool_choice": "auto"},
        {"tools": [{"type": "web_search"}], "tool_choice": "none"},
        {"tools": [FUNCTION], "tool_choice": "required"},
    ],
)
def test_what_others_can_do_without_ties_nothing(fields: dict[str, Any]) -> None:
    assert content(**fields).tie is None


def test_a_tool_of_free_text_is_a_function_with_one_text() -> None:
    tool = {"type": "custom", "name": "run", "description": "Run it.", "format": {"type": "text"}}
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "run", "input": "ls"}
    result = {"type": "custom_tool_call_output", "call_id": "c1", "output": "a b"}
    said = as_chat(tools=[tool], input=[call, result])
    function = said["tools"][0]["function"]
    assert function["name"] == "run"
    assert function["parameters"]["required"] == ["input"]
    asked = said["messages"][0]["tool_calls"][0]
    assert (asked["type"], asked["function"]["arguments"]) == ("function", '{"input":"ls"}')


def test_a_changed_call_of_free_text_is_written_back_as_text() -> None:
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "run", "input": "ls secret"}
    request = Request(model="m", content=content(input=[call]))
    masked = request.map_text(lambda text: text.replace("secret", "[x]"))
    encoded = json.loads(CODEC.encode_request(masked, features=NONE, traits=NONE).body)
    assert encoded["input"] == [{**call, "input": "ls [x]"}]


def test_calls_join_the_text_before_them() -> None:
    """Other formats refuse a call whose results do not follow its message at once."""
    items = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "c2", "output": "2"},
    ]
    messages = content(input=items).messages
    assert [m.role for m in messages] == ["assistant", "tool"]
    assert [p.id for p in messages[0].parts if isinstance(p, ToolCall)] == ["c1", "c2"]
    assert [p.call_id for p in messages[1].parts if isinstance(p, ToolResult)] == ["c1", "c2"]
    assert to(CODEC, CODEC, {"model": "m", "input": items})[0]["input"] == items


def test_sealed_reasoning_is_always_given_and_so_never_reported_as_lost() -> None:
    said = json.loads(body(include=["reasoning.encrypted_content"]))
    assert to(CHAT, CODEC, said)[1].dropped == ()
    assert to(CODEC, CODEC, said)[0] == said
    said["include"].append("web_search_call.action.sources")
    assert to(CHAT, CODEC, said)[1].dropped == ("include",)


def test_two_texts_of_the_model_stay_two() -> None:
    items = [{"role": "assistant", "content": "One."}, {"role": "assistant", "content": "Two."}]
    assert [m.text for m in content(input=items).messages] == ["One.", "Two."]


def test_thinking_of_the_same_house_goes_back_and_of_another_does_not() -> None:
    ours = {"type": "reasoning", "summary": [], "encrypted_content": "c2VhbA=="}
    said, _ = to(CODEC, CODEC, {"model": "m", "input": [ours]})
    assert said["input"] == [ours]
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    history = [{"role": "user", "content": "?"}, {"role": "assistant", "content": [thinking]}]
    said, encoded = to(CODEC, MESSAGES, {"model": "m", "max_tokens": 50, "messages": history})
    assert all(item.get("type") != "reasoning" for item in said["input"])
    assert "input.reasoning" in encoded.dropped


def test_a_signature_of_another_house_comes_back_to_it_and_goes_to_nobody_else() -> None:
    from_messages = {
        "type": "message",
        "content": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}],
        "stop_reason": "end_turn",
    }
    output = MESSAGES.decode_response(json.dumps(from_messages).encode(), traits=NONE)
    pen = Pen(id="1", model="m", created=1, wants_usage=True)
    answer = json.loads(CODEC.encode_response(Response(output), pen))
    history = {"model": "m", "max_output_tokens": 50, "input": answer["output"]}
    back, _ = to(MESSAGES, CODEC, history)
    assert back["messages"][-1]["content"] == from_messages["content"]
    forward, encoded = to(CODEC, CODEC, history)
    assert forward["input"] == []
    assert "input.reasoning" in encoded.dropped


@pytest.mark.parametrize("sealed", ["stockyard.1.", "stockyard.1.%%%", "stockyard.1.bm8="])
def test_an_envelope_that_cannot_be_opened_is_carried(sealed: str) -> None:
    item = {"type": "reasoning", "summary": [], "encrypted_content": sealed}
    (part,) = content(input=[item]).messages[0].parts
    assert isinstance(part, Reasoning)
    assert part.signature is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_completion_tokens": 5}, {"max_output_tokens": 16}),
        ({"max_completion_tokens": 500}, {"max_output_tokens": 500}),
        ({"reasoning_effort": "high"},
         {"reasoning": {"effort": "high"}, "include": ["reasoning.encrypted_content"]}),
        ({"reasoning_effort": "none"}, {"reasoning": {"effort": "none"}}),
        ({"logprobs": True, "top_logprobs": 2},
         {"top_logprobs": 2, "include": ["message.output_text.logprobs"]}),
        ({"store": True}, {"store": True}),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]},
         {"tools": [{"type": "function", "name": "f", "strict": False,
                     "parameters": {"type": "object", "properties": {}}}]}),
        ({"prompt_cache_key": "k", "user": "u"}, {"prompt_cache_key": "k", "user": "u"}),
    ],
)  # fmt: skip
def test_a_chat_request_says_it_in_this_format(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    said, encoded = from_chat(**fields)
    base = {"model": "m", "input": [{"role": "user", "content": "hi"}], "store": False}
    assert said == {**base, **expected}
    assert encoded.dropped == ()


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        ({"stop": ["END"]}, "stop"),
        ({"seed": 7}, "seed"),
        ({"n": 2}, "n"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
    ],
)
def test_what_this_format_cannot_say_is_named(fields: dict[str, Any], dropped: str) -> None:
    assert from_chat(**fields)[1].dropped == (dropped,)


def test_a_file_by_address_is_named_when_the_other_format_takes_none() -> None:
    part = {"type": "input_file", "file_url": "https://example.com/a.pdf"}
    text = {"type": "input_text", "text": "What is it?"}
    said = {"model": "m", "input": [{"role": "user", "content": [text, part]}]}
    assert "messages.content.document" in to(CHAT, CODEC, said)[1].dropped
    block = to(MESSAGES, CODEC, said)[0]["messages"][0]["content"][1]
    assert block["source"] == {"type": "url", "url": "https://example.com/a.pdf"}


def test_storing_is_not_asked_of_others() -> None:
    assert "store" not in as_chat(store=False)
    assert "store" not in as_chat(store=True)
    assert to(CODEC, CODEC, json.loads(body(store=True)))[0]["store"] is True
    again, _ = to(CODEC, CODEC, json.loads(body(store=False)))
    assert again["store"] is False
    assert "store" not in to(CODEC, CODEC, json.loads(body()))[0]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"input": 5}, "input"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
         "input[0].content[0].text"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{}]}]}, "tools[0].tools[0].name"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": {}}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"instructions": 5}, "instructions"),
        ({"max_output_tokens": "many"}, "max_output_tokens"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(Refused) as raised:
        content(**fields)
    assert (raised.value.status, raised.value.param) == (400, path)


@pytest.mark.parametrize(
    ("said", "param"),
    [
        (b'{"model":5,"input":"hi"}', "model"),
        (b'{"model":"m","input":5}', "input"),
        (b'{"model":"m","input":{}}', "input"),
        (b'{"model":"m","input":"a","input":"b"}', None),
        (b"nonsense", None),
    ],
)
def test_a_head_that_cannot_be_read_is_refused(said: bytes, param: str | None) -> None:
    with pytest.raises(Refused) as raised:
        CODEC.peek(said)
    assert (raised.value.status, raised.value.param) == (400, param)


def test_the_head_says_what_routing_needs() -> None:
    head = CODEC.peek(body(stream=True, max_output_tokens=9))
    assert (head.model, head.stream, head.wants_usage, head.max_output) == ("m", True, True, 9)
    assert CODEC.peek(b'{"model":"m","previous_response_id":"resp_1"}').stream is False
    assert CODEC.peek(b'{"prompt":{"id":"pmpt_1"}}').model == ""


def test_a_result_of_a_call_that_nobody_made_is_left_out_and_named() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said, encoded = from_chat(
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "one"},
            {"role": "tool", "tool_call_id": "call_2", "content": "two"},
        ]
    )
    outputs = [item for item in said["input"] if item.get("type") == "function_call_output"]
    assert [item["call_id"] for item in outputs] == ["call_1"]
    assert encoded.dropped == ("messages.tool_call_id:call_2",)


def test_a_result_may_answer_a_call_of_a_turn_that_is_kept_elsewhere() -> None:
    result = {"type": "function_call_output", "call_id": "call_1", "output": "one"}
    said, encoded = to(CODEC, CODEC, json.loads(body(input=[result], previous_response_id="r")))
    assert said["input"] == [result]
    assert encoded.dropped == ()


def test_a_call_of_a_tool_that_was_searched_for_keeps_its_namespace() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c1", "output": "1"}
    items = [{**call, "namespace": "f"}, result]
    assert to(CODEC, CODEC, {"model": "m", "input": items})[0]["input"] == items


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_an_answer_that_is_still_made_is_not_told_as_complete(status: str) -> None:
    answer = {"id": "resp_1", "status": status, "background": True, "output": [], "usage": None}
    output = CODEC.decode_response(json.dumps(answer).encode(), traits=NONE)
    pen = Pen(id="resp_1", model="m", created=1, wants_usage=True)
    said = json.loads(CODEC.encode_response(Response(output), pen))
    assert (said["status"], said["output"]) == (status, [])


def test_an_answer_that_is_only_said_to_be_incomplete_was_cut_at_its_length() -> None:
    answer: dict[str, Any] = {"status": "incomplete", "output": [], "incomplete_details": None}
    output = CODEC.decode_response(json.dumps(answer).encode(), traits=NONE)
    assert output.choices[0].finish == "length"
    end = {"type": "response.incomplete", "response": answer}
    reader = CODEC.reader(traits=NONE)
    stream = b"event: response.incomplete\ndata: " + json.dumps(end).encode() + b"\n\n"
    assert fold(reader.feed(stream) + reader.end())[0].choices[0].finish == "length"
