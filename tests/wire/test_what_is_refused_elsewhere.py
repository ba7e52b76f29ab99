"""What one provider takes and another refuses is put right on the way; what is lost, is told."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from stockyard.core.request import ReasoningWish, Request
from stockyard.core.response import Response
from stockyard.providers import catalog
from stockyard.wire.codec import Pen
from stockyard.wire.drops import Drops
from stockyard.wire.formats import FORMATS
from stockyard.wire.object_schemas import object_schema

NONE: frozenset[str] = frozenset()
CLAUDE = frozenset({"messages_fields"})
MESSAGES, CONVERSE = "anthropic.messages", "bedrock.converse"
USER = {"role": "user", "content": "Hi"}
_SIDES = {"type": "object", "properties": {"side": {"type": "number"}}, "required": ["side"]}
_ROUND = {"properties": {"radius": {"type": "number"}, "side": {"type": "null"}}}


def asked(target: str, source: str = "openai.chat", **said: Any) -> tuple[Any, set[str]]:
    """What the target is sent for a request, and what it is not told."""
    body = json.dumps({"model": "m", "messages": [USER], **said}).encode()
    request = Request(model="m", content=FORMATS[source].decode_request(body))
    written = FORMATS[target].encode_request(
        request, features=NONE, traits=CLAUDE, max_output=10_000
    )
    return json.loads(written.body), set(written.dropped)


def tool(schema: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "draw", "parameters": schema}}


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_claude_is_sent_no_blank_text(blank: str) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": [{"type": "text", "text": blank}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": blank}, {"type": "text", "text": "a"}],
        },
        {"role": "assistant", "content": blank, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "b"},
        {"role": "assistant", "content": blank},
    ]
    sent, _ = asked(MESSAGES, messages=messages)
    assert "system" not in sent
    assert sent["messages"] == [
        {"role": "user", "content": "a"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "call_1", "name": "f", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "b"}],
        },
    ]


def test_blank_stop_sequences_are_left_out_and_told() -> None:
    for target, place in ((MESSAGES, "stop_sequences"), (CONVERSE, "inferenceConfig")):
        sent, lost = asked(target, stop=["\n", "END", ""])
        assert sent[place] in (["END"], {"stopSequences": ["END"]})
        assert lost == {"stop"}
        sent, lost = asked(target, stop="\n")
        assert place not in sent
        assert lost == {"stop"}
    sent, lost = asked("gemini", stop=["", *"abcdef"])
    assert sent["generationConfig"] == {"stopSequences": list("abcde")}
    assert lost == {"stop"}


@pytest.mark.parametrize(
    ("target", "user"),
    [
        (MESSAGES, {"role": "user", "content": "."}),
        (CONVERSE, {"role": "user", "content": [{"text": "."}]}),
        ("gemini", {"role": "user", "parts": [{"text": "."}]}),
    ],
)
def test_a_question_that_is_all_in_the_text_of_the_system_is_asked(target: str, user: Any) -> None:
    sent, _ = asked(target, messages=[{"role": "system", "content": "Tell a joke."}])
    assert sent.get("messages", sent.get("contents")) == [user]
    assert "Tell a joke." in json.dumps(sent)


@pytest.mark.parametrize(
    ("settings", "kept", "lost"),
    [
        ({"temperature": 0}, {}, {"temperature"}),
        ({"temperature": 1}, {"temperature": 1}, set()),
        ({"top_p": 0.5}, {}, {"top_p"}),
        ({"top_p": 0.97}, {"top_p": 0.97}, set()),
    ],
)
def test_a_model_that_is_asked_to_think_is_spared_other_sampling(
    settings: Any, kept: Any, lost: Any
) -> None:
    sent, dropped = asked(MESSAGES, reasoning_effort="low", **settings)
    assert sent["thinking"]["type"] == "enabled"
    assert {name: sent[name] for name in ("temperature", "top_p") if name in sent} == kept
    assert dropped == lost
    config = asked(CONVERSE, reasoning_effort="low", **settings)[0]["inferenceConfig"]
    assert config.get("temperature") == kept.get("temperature")
    assert config.get("topP") == kept.get("top_p")
    assert asked(MESSAGES, **settings)[1] == set(), "who does not think takes all of them"


def test_top_k_does_not_go_with_thinking() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    said = {"messages": messages, "options": {"top_k": 5}, "think": "low", "stream": False}
    for target in (MESSAGES, CONVERSE):
        sent, lost = asked(target, "ollama.chat", **said)
        assert '"top_k"' not in json.dumps(sent)
        assert "top_k" in lost


@pytest.mark.parametrize(
    ("target", "place", "form"),
    [
        ("openai.responses", "text", {"format": {"type": "json_object"}}),
        ("cohere.chat", "response_format", {"type": "json_object"}),
        ("ollama.chat", "format", "json"),
        ("gemini", "generationConfig", {"responseMimeType": "application/json"}),
    ],
)
def test_a_schema_that_is_not_there_asks_for_any_object(target: str, place: str, form: Any) -> None:
    wish = {"type": "json_schema", "json_schema": {"name": "n"}}
    assert asked(target, response_format=wish)[0][place] == form


@pytest.mark.parametrize("target", [MESSAGES, CONVERSE])
def test_where_an_object_cannot_be_asked_for_it_is_asked_for_in_words(target: str) -> None:
    wish = {"type": "json_schema", "json_schema": {"name": "n"}}
    sent, _ = asked(target, response_format=wish)
    assert "JSON object" in json.dumps(sent["system"])
    assert "output_config" not in sent
    assert "outputConfig" not in sent


def test_tiers_are_called_by_the_names_of_the_target() -> None:
    said = {"max_tokens": 5, "service_tier": "standard_only"}
    assert asked("openai.chat", MESSAGES, **said)[0]["service_tier"] == "default"
    assert asked(MESSAGES, service_tier="default")[0]["service_tier"] == "standard_only"
    assert asked(MESSAGES, service_tier="flex")[1] == {"service_tier"}
    content = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    reserved = asked("openai.chat", CONVERSE, **content, serviceTier={"type": "reserved"})
    assert "service_tier" not in reserved[0]
    assert reserved[1] == {"model", "serviceTier"}


def test_converse_is_asked_for_a_token_at_least_and_told_what_it_can_note_down() -> None:
    sent, lost = asked(CONVERSE, max_tokens=0, metadata={"team": "a b", "note": "schön"})
    assert sent["inferenceConfig"] == {"maxTokens": 1}
    assert sent["requestMetadata"] == {"team": "a b"}
    assert lost == {"max_tokens", "metadata"}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object"}),
        (_SIDES, _SIDES),
        (
            {"anyOf": [_SIDES, _ROUND]},
            {
                "type": "object",
                "properties": {
                    "side": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                    "radius": {"type": "number"},
                },
            },
        ),
        (
            {"allOf": [_SIDES, {"required": ["name"]}], "properties": {"name": {}}},
            {
                "type": "object",
                "properties": {"name": {}, "side": {"type": "number"}},
                "required": ["name", "side"],
            },
        ),
        (
            {"oneOf": [{"$ref": "#/$defs/S"}, {"$ref": "#/$defs/S"}], "$defs": {"S": _SIDES}},
            {
                "type": "object",
                "$defs": {"S": _SIDES},
                "properties": {"side": {"type": "number"}},
                "required": ["side"],
            },
        ),
        (
            {**_SIDES, "oneOf": [{"required": ["a"]}, {"required": ["b"]}, "no schema"]},
            _SIDES,
        ),
        ({"anyOf": None, "properties": 3}, {"type": "object", "properties": {}}),
        ({**_SIDES, "type": ["object", "null"]}, _SIDES),
    ],
)
def test_alternatives_at_the_top_are_told_as_one_object(schema: Any, told: Any) -> None:
    drops = Drops(MESSAGES)
    assert object_schema(schema, drops) == told
    lost = {"anyOf", "oneOf", "allOf"} & set(schema or ())
    if schema and schema.get("type", "object") != "object":
        lost.add("type")
    assert set(drops.names) == {f"schema.{key}" for key in lost}


def test_claude_is_told_tools_without_alternatives_at_the_top() -> None:
    sent, lost = asked(MESSAGES, tools=[tool({"anyOf": [_SIDES, _ROUND]})])
    assert sent["tools"][0]["input_schema"].keys() == {"type", "properties"}
    assert lost == {"schema.anyOf"}
    sent, lost = asked(CONVERSE, tools=[tool({"anyOf": [_SIDES, _ROUND]})])
    spec = sent["toolConfig"]["tools"][0]["toolSpec"]
    assert spec["inputSchema"]["json"].keys() == {"type", "properties"}
    assert lost == {"schema.anyOf"}


def test_openai_is_sent_no_id_of_a_call_that_is_too_long() -> None:
    said = "functions.look_up_the_weather_of_tomorrow_in:0" * 2
    call = {"type": "tool_use", "id": said, "name": "f", "input": {}}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": said, "content": "b"}]},
    ]
    chat, _ = asked("openai.chat", MESSAGES, max_tokens=5, messages=turns)
    (sent,) = chat["messages"][1]["tool_calls"]
    assert len(sent["id"]) <= 40
    assert chat["messages"][2]["tool_call_id"] == sent["id"]
    responses, _ = asked("openai.responses", MESSAGES, max_tokens=5, messages=turns)
    ids = {item["call_id"] for item in responses["input"] if "call_id" in item}
    assert len(ids) == 1
    assert all(len(one) <= 64 for one in ids)


def test_an_id_that_stands_in_an_earlier_answer_of_the_provider_stays_as_it_is() -> None:
    output = {"type": "function_call_output", "call_id": "c" * 80, "output": "b"}
    body = {"model": "m", "previous_response_id": "resp_1", "input": [output]}
    codec = FORMATS["openai.responses"]
    content = codec.decode_request(json.dumps(body).encode())
    written = codec.encode_request(
        Request(model="m", content=content), features=NONE, traits=NONE
    ).body
    assert json.loads(written)["input"] == [output]


def test_a_message_without_a_word_is_no_empty_list() -> None:
    said = {"messages": [{"role": "user", "content": ""}], "stream": False}
    assert asked("openai.chat", "ollama.chat", **said)[0]["messages"][0]["content"] == ""
    assert asked("cohere.chat", "ollama.chat", **said)[0]["messages"][0]["content"] == ""
    assert asked("openai.responses", "ollama.chat", **said)[0]["input"][0]["content"] == ""


@pytest.mark.parametrize("target", [MESSAGES, CONVERSE, "gemini"])
def test_what_the_system_says_in_the_middle_is_heard_before_what_follows(target: str) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "second"},
        {"role": "system", "content": "third"},
        {"role": "assistant", "content": "fourth"},
        {"role": "system", "content": "fifth"},
        {"role": "assistant", "content": "sixth"},
        {"role": "user", "content": "seventh"},
    ]
    sent, _ = asked(target, messages=messages, tools=[tool(_SIDES)])
    text = json.dumps(sent.get("messages", sent.get("contents")))
    order = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]
    assert [text.count(word) for word in order] == [1] * 7
    assert sorted(order, key=text.index) == order


def test_a_conversation_that_had_tools_has_one_that_cannot_be_called() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "b"},
    ]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    claude = catalog.load().get("anthropic")
    assert claude is not None
    request = Request(model="m", content=FORMATS["openai.chat"].decode_request(body))
    written = FORMATS[MESSAGES].encode_request(
        request, features=claude.features, traits=claude.traits
    )
    sent = json.loads(written.body)
    assert [tool["name"] for tool in sent["tools"]] == ["no_tool"]
    assert sent["tool_choice"] == {"type": "none"}
    assert "tools" not in asked(MESSAGES, messages=messages)[0], "where nobody demands it"
    assert "tools" not in asked(MESSAGES)[0]


def test_sound_of_another_format_has_every_field_that_chat_clients_read() -> None:
    part = {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    output = FORMATS["gemini"].decode_response(
        json.dumps({"candidates": [candidate]}).encode(), traits=NONE
    )
    pen = Pen(id="1", model="m", created=7, wants_usage=False)
    written = FORMATS["openai.chat"].encode_response(Response(output), pen)
    audio = json.loads(written)["choices"][0]["message"]["audio"]
    assert audio == {"id": "audio_1", "expires_at": 7, "transcript": "", "data": "UklGRg=="}


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", False),
        ("anthropic.claude-opus-4-8", False),
        ("us.amazon.nova-pro-v1:0", False),
    ],
)
def test_only_some_models_on_bedrock_know_strict_tools(model: str, takes: bool) -> None:
    bedrock = catalog.load().get("bedrock")
    assert bedrock is not None
    said = tool(_SIDES)
    said["function"]["strict"] = True
    body = json.dumps({"model": "m", "messages": [USER], "tools": [said]}).encode()
    content = FORMATS["openai.chat"].decode_request(body)
    written = FORMATS[CONVERSE].encode_request(
        Request(model=model, content=content),
        features=bedrock.features,
        traits=bedrock.traits | bedrock.traits_of(model),
    )
    spec = json.loads(written.body)["toolConfig"]["tools"][0]["toolSpec"]
    assert ("strict" in spec) is takes
    assert ("tools.strict" in written.dropped) is not takes


def test_probabilities_have_every_field_that_typed_clients_read() -> None:
    ollama, chat = FORMATS["ollama.chat"], FORMATS["openai.chat"]
    told = {
        "model": "m",
        "message": {"role": "assistant", "content": "ä"},
        "logprobs": [{"token": "ä", "logprob": -0.5}],
        "done": True,
        "done_reason": "stop",
    }
    body = json.dumps(told).encode()
    answer = Response(ollama.decode_response(body, traits=NONE))
    pen = Pen(id="1", model="m", created=1, wants_usage=False)
    (token,) = json.loads(chat.encode_response(answer, pen))["choices"][0]["logprobs"]["content"]
    assert token["top_logprobs"] == []
    assert json.loads(ollama.encode_response(answer, pen))["logprobs"] == told["logprobs"]

    typed = [{"token": "ä", "logprob": -0.5, "bytes": [195, 164], "top_logprobs": []}]
    responses = FORMATS["openai.responses"]
    (item,) = json.loads(responses.encode_response(answer, pen))["output"]
    assert item["content"][0]["logprobs"] == typed
    writer, reader = responses.writer(pen), ollama.reader(traits=NONE)
    stream = writer.write([*reader.feed(body + b"\n"), *reader.end()]) + writer.end()
    done = next(line for line in stream.split(b"\n") if b'"response.output_text.done"' in line[:60])
    assert json.loads(done.removeprefix(b"data: "))["logprobs"] == typed


def test_sound_has_no_place_in_a_message_of_responses() -> None:
    said = {"role": "assistant", "content": "a", "audio": {"id": "b", "data": "UklGRg=="}}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice]}).encode()
    output = FORMATS["openai.chat"].decode_response(body, traits=NONE)
    pen = Pen(id="1", model="m", created=1, wants_usage=False)
    written = FORMATS["openai.responses"].encode_response(Response(output), pen)
    (item,) = json.loads(written)["output"]
    assert [part["type"] for part in item["content"]] == ["output_text"]


@pytest.mark.parametrize("thought", ["", "signed"])
def test_claude_on_bedrock_thinks_on_only_where_it_sees_what_it_thought(thought: str) -> None:
    use = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
    seen = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": thought}}}
    result = {"toolResult": {"toolUseId": "a", "content": [{"text": "b"}]}}
    turns = [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": [seen, use] if thought else [use]},
        {"role": "user", "content": [result]},
    ]
    said = {"messages": turns, "toolConfig": {"tools": [{"toolSpec": _SPEC}]}}
    converse = FORMATS[CONVERSE]
    content = converse.decode_request(json.dumps(said).encode())
    wishing = replace(content, reasoning=ReasoningWish(effort="low"))
    request = Request(model="m", content=wishing)
    written = converse.encode_request(request, features=NONE, traits=CLAUDE)
    asks = "thinking" in json.loads(written.body).get("additionalModelRequestFields", {})
    assert asks is bool(thought)
    assert ("thinking" in written.dropped) is not asks


_SPEC = {"name": "f", "inputSchema": {"json": {"type": "object"}}}
