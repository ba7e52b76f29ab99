"""Requests of the gemini format: what is read, what is written, and what others make of it."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.folding import fold
from stockyard.core.messages import ToolCall, ToolResult
from stockyard.core.request import Content, Request
from stockyard.core.response import Output
from stockyard.errors import Refused
from stockyard.wire.codec import Dropped, Renames
from stockyard.wire.formats import FORMATS
from stockyard.wire.gemini.names import tool_name

GEMINI, CHAT, MESSAGES = FORMATS["gemini"], FORMATS["openai.chat"], FORMATS["anthropic.messages"]
NONE: frozenset[str] = frozenset()
HI = {"role": "user", "parts": [{"text": "hi"}]}


def body_of(**fields: Any) -> bytes:
    return json.dumps({"contents": [HI], **fields}).encode()


def written(body: bytes, *, to: str = "gemini", traits: frozenset[str] = NONE) -> Dropped:
    request = Request(model="m", content=GEMINI.decode_request(body))
    return FORMATS[to].encode_request(request, features=NONE, traits=traits)


def from_chat(traits: frozenset[str] = NONE, **fields: Any) -> tuple[Any, tuple[str, ...]]:
    said = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    content = CHAT.decode_request(json.dumps(said).encode())
    encoded = GEMINI.encode_request(
        Request(model="m", content=content), features=NONE, traits=traits
    )
    return json.loads(encoded.body), encoded.dropped


def calls_and_results(body: bytes) -> tuple[list[ToolCall], list[ToolResult]]:
    content = GEMINI.decode_request(body)
    assert isinstance(content, Content)
    parts = [p for m in content.messages for p in m.parts]
    return (
        [p for p in parts if isinstance(p, ToolCall)],
        [p for p in parts if isinstance(p, ToolResult)],
    )


def text(said: str) -> dict[str, Any]:
    return {"text": said}


def a_call(name: str, args: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args or {}, **more}}


def a_result(name: str, response: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, **more}}


# The head


def test_the_body_tells_neither_model_nor_stream() -> None:
    head = GEMINI.peek(body_of(generationConfig={"maxOutputTokens": 7}))

    assert (head.model, head.stream, head.wants_usage, head.max_output) == ("", False, True, 7)
    assert GEMINI.peek(body_of(generationConfig={"maxOutputTokens": 7.0})).max_output == 7


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"contents": "hi"}',
        b'{"contents": []',
        b"[]",
        b'{"contents": [], "contents": [{}]}',
        b'{"contents": [], "generationConfig": {"maxOutputTokens": "many"}}',
    ],
)
def test_what_is_no_request_is_refused_with_400(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        GEMINI.peek(body)

    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": "hi"}]}, "contents[0].parts"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"generationConfig": {"temperature": "warm"}}, "generationConfig.temperature"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
        ({"generationConfig": {"topK": 1, "top_k": 2}}, "generationConfig.topK"),
        ({"systemInstruction": {"parts": []}, "system_instruction": {}}, "systemInstruction"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        GEMINI.decode_request(body_of(**fields))

    assert (refused.value.status, refused.value.param) == (400, param)


# Spellings


def test_snake_case_means_the_same() -> None:
    camel = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}
        ],
        "tools": [{"functionDeclarations": [{"name": "f"}]}, {"codeExecution": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": 1024}},
    }
    snake = {
        "system_instruction": camel["systemInstruction"],
        "contents": [
            {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "aGk="}}]}
        ],
        "tools": [{"function_declarations": [{"name": "f"}]}, {"code_execution": {}}],
        "tool_config": {
            "function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}
        },
        "generation_config": {"max_output_tokens": 5, "thinking_config": {"thinking_budget": 1024}},
    }

    assert json.loads(written(json.dumps(snake).encode()).body) == camel
    assert GEMINI.peek(json.dumps(snake).encode()).max_output == 5


@pytest.mark.parametrize(
    "fields",
    [
        {"safetySettings": [{"category": "X"}], "cachedContent": "cachedContents/1"},
        {"labels": {"team": "a"}, "generationConfig": {"speechConfig": {"x": 1}, "topK": 3}},
        {"generationConfig": {}, "toolConfig": {"retrievalConfig": {"languageCode": "de"}}},
        {"tools": [{"functionDeclarations": [{"name": "a"}]}, {"googleSearch": {}}]},
        {"tools": [{"functionDeclarations": [{"name": n}]} for n in ("a", "b")]},
        {"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}},
        {"toolConfig": {"functionCallingConfig": {"mode": "MODE_UNSPECIFIED"}}},
        {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
        {
            "toolConfig": {
                "functionCallingConfig": {
                    "mode": "VALIDATED",
                    "allowedFunctionNames": ["a"],
                    "streamFunctionCallArguments": True,
                }
            }
        },
        {
            "toolConfig": {
                "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}
            }
        },
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1, "includeThoughts": False}}},
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "XHIGH"}}},
        {
            "generationConfig": {
                "responseMimeType": "text/x.enum",
                "responseSchema": {"enum": ["a"]},
            }
        },
        {"generationConfig": {"responseMimeType": "text/plain"}},
        {"generationConfig": {"responseJsonSchema": {"type": "object"}}},
        {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"type": {"type": "STRING"}}},
            }
        },
        {"generationConfig": {"stopSequences": [], "responseModalities": ["TEXT", "IMAGE"]}},
        {"serviceTier": "flex"},
        {"serviceTier": "another"},
        {"systemInstruction": {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}},
        {"contents": [{"parts": [{"text": ""}, {"text": "hi", "thoughtSignature": "c2ln"}]}]},
        {"contents": [HI, HI, {"role": "model", "parts": []}]},
        {"contents": [{"role": "model", "parts": [{"thought": True, "thoughtSignature": "c2ln"}]}]},
        {"contents": [{"role": "model", "parts": [{"text": "Hm.", "thought": True}]}]},
        {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/a"}}]}]},
        {
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"inlineData": {"mimeType": "audio/mpeg", "data": "aGk="}},
                        {"inlineData": {"mimeType": "video/mp4", "data": "aGk="}},
                        {
                            "fileData": {"mimeType": "video/mp4", "fileUri": "https://x.test/v"},
                            "videoMetadata": {"startOffset": "1s"},
                        },
                        {"executableCode": {"language": "PYTHON", "code": "1"}},
                    ],
                }
            ]
        },
        {
            "contents": [
                {"role": "model", "parts": [a_call("f"), {"functionCall": {"name": "g"}}]},
                {
                    "role": "user",
                    "parts": [
                        a_result("g", {"output": '{"a":1}'}),
                        a_result("f", {"a": 1.5, "b": None}),
                        a_result("nobody_called", {"error": "no"}, scheduling="SILENT"),
                        {"text": "and?"},
                    ],
                },
            ]
        },
    ],
)
def test_a_request_that_is_written_again_says_the_same(fields: dict[str, Any]) -> None:
    body = body_of(**fields)

    again = written(body)

    assert json.loads(again.body) == json.loads(body)
    assert again.dropped == ()


texts = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}", fullmatch=True)
args = st.dictionaries(texts, texts | st.integers(-1000, 1000) | st.booleans(), max_size=3)
model_parts = st.one_of(
    st.builds(lambda t: {"text": t}, texts),
    st.builds(lambda t: {"text": t, "thought": True}, texts),
    st.builds(a_call, names, args),
    st.builds(lambda n, a, i: a_call(n, a, id=i or "1"), names, args, texts),
)
contents = st.lists(
    st.builds(
        lambda r, p: {"role": r, "parts": p}, st.just("model"), st.lists(model_parts, max_size=4)
    )
    | st.just(HI),
    max_size=5,
)


@given(contents)
def test_any_conversation_survives(items: list[Any]) -> None:
    ids = [p["functionCall"].get("id") for i in items for p in i["parts"] if "functionCall" in p]
    known = [i for i in ids if i is not None]
    body = body_of(contents=items)

    again = json.loads(written(body).body)

    if len(set(known)) == len(known):
        assert again["contents"] == items


# Calls and their results


def test_a_result_without_an_id_belongs_to_the_first_open_call_of_its_name() -> None:
    body = body_of(
        contents=[
            {"role": "model", "parts": [a_call("f", {"n": 1}), a_call("g"), a_call("f", {"n": 2})]},
            {
                "role": "user",
                "parts": [
                    a_result("f", {"r": 1}),
                    a_result("f", {"r": 2}),
                    a_result("g", {"r": 3}),
                ],
            },
        ]
    )

    calls, results = calls_and_results(body)

    assert len({call.id for call in calls}) == 3
    assert [r.call_id for r in results] == [calls[0].id, calls[2].id, calls[1].id]
    assert calls_and_results(body) == (calls, results)


def test_other_formats_are_told_of_calls_and_results_under_the_same_ids() -> None:
    body = body_of(
        contents=[
            HI,
            {"role": "model", "parts": [a_call("f", {"n": 1})]},
            {"role": "user", "parts": [a_result("f", {"output": "one"}), {"text": "and?"}]},
        ]
    )

    chat = written(body, to="openai.chat")

    _, call, result, after = json.loads(chat.body)["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert call["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"n":1}'}
    assert (result["content"], after["content"]) == ("one", "and?")
    assert chat.dropped == ()


def test_what_clients_keep_of_a_stream_is_one_message_for_others() -> None:
    """`clients.md` 5: Google's SDKs remember a content for each event. All calls of an answer are
    one turn for others, and nothing may stand between them and their results."""
    said = [text("Let me"), text(" see."), a_call("f"), a_call("g"), text("")]
    results = {"role": "user", "parts": [a_result("f", {"n": 1}), a_result("g", {"n": 2})]}
    turns = [HI, *({"role": "model", "parts": [part]} for part in said), results]

    chat = json.loads(written(body_of(contents=turns), to="openai.chat").body)["messages"]
    again = json.loads(written(body_of(contents=turns)).body)["contents"]

    assert [m["role"] for m in chat] == ["user", "assistant", "tool", "tool"]
    assert chat[1]["content"] == "Let me see."
    assert [c["function"]["name"] for c in chat[1]["tool_calls"]] == ["f", "g"]
    assert again == turns


@pytest.mark.parametrize("to", ["openai.responses", "cohere.chat", "anthropic.messages"])
def test_the_empty_text_that_ends_a_stream_is_not_told_to_others(to: str) -> None:
    parts = [text("Let me see."), a_call("f"), text("")]
    turns = [HI, {"role": "model", "parts": parts}, {"parts": [a_result("f", {"n": 1})]}]

    said = written(body_of(contents=turns), to=to).body

    assert b'"text":""' not in said
    assert b'"content":""' not in said


def test_only_the_first_of_such_turns_is_signed() -> None:
    turns = [HI, *({"role": "model", "parts": [a_call(name)]} for name in "fg")]

    again = written(body_of(contents=turns), traits=frozenset({"signature_required"}))

    signed = ["thoughtSignature" in c["parts"][0] for c in json.loads(again.body)["contents"]]
    assert signed == [False, True, False]


@pytest.mark.parametrize(
    ("content", "response"),
    [
        ("Sunny", {"output": "Sunny"}),
        ('{"temp": 3}', {"temp": 3}),
        ("[1, 2]", {"output": "[1, 2]"}),
        ("{broken", {"output": "{broken"}),
        ("", {"output": ""}),
    ],
)
def test_a_result_becomes_an_object(content: str, response: Any) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": content},
    ]

    body, dropped = from_chat(messages=messages)

    assert body["contents"][1]["parts"] == [a_result("f", response, id="1")]
    assert dropped == ()


def test_a_result_that_answers_no_call_is_dropped_by_name() -> None:
    messages = [{"role": "tool", "tool_call_id": "nobody", "content": "x"}]

    body, dropped = from_chat(messages=messages)

    assert body["contents"] == []
    assert dropped == ("messages.tool_call_id:nobody",)


def test_calls_of_others_are_signed_where_the_model_insists() -> None:
    calls = [
        {"id": str(n), "type": "function", "function": {"name": "f", "arguments": "{}"}}
        for n in range(2)
    ]
    messages = [{"role": "assistant", "tool_calls": calls}]

    signed, _ = from_chat(frozenset({"signature_required"}), messages=messages)
    plain, _ = from_chat(messages=messages)

    assert [p.get("thoughtSignature") for p in signed["contents"][0]["parts"]] == [
        "skip_thought_signature_validator",
        None,
    ]
    assert not any("thoughtSignature" in p for p in plain["contents"][0]["parts"])


def test_a_signature_that_a_chat_client_sends_back_goes_back_in_its_place() -> None:
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "c2ln"}},
    }

    body, dropped = from_chat(
        frozenset({"signature_required"}), messages=[{"role": "assistant", "tool_calls": [call]}]
    )

    assert body["contents"][0]["parts"][0]["thoughtSignature"] == "c2ln"
    assert "extra_content" not in json.dumps(body)
    assert dropped == ()


def test_calls_of_one_turn_are_signed_once_however_others_cut_it() -> None:
    """`wire.md` 4.5: of parallel calls only the first carries a signature."""
    messages = [
        {
            "role": "assistant",
            "tool_calls": [
                {"id": n, "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        }
        for n in "12"
    ]

    body, _ = from_chat(frozenset({"signature_required"}), messages=messages)

    assert ["thoughtSignature" in p for p in body["contents"][0]["parts"]] == [True, False]


def test_a_system_that_speaks_alone_is_answered() -> None:
    body, _ = from_chat(messages=[{"role": "system", "content": "Greet."}])

    assert body["systemInstruction"] == {"parts": [{"text": "Greet."}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "."}]}]


@pytest.mark.parametrize(
    ("choice", "lost"), [("auto", ()), ("none", ()), ("required", ("tool_choice",))]
)
def test_how_to_choose_among_no_tools_is_not_said(choice: str, lost: tuple[str, ...]) -> None:
    body, dropped = from_chat(tool_choice=choice)

    assert "toolConfig" not in body
    assert dropped == lost


# Names of tools

LONG = "search in my notes/" + "x" * 60


def test_a_tool_whose_name_is_refused_is_offered_under_one_that_fits() -> None:
    """`wire.md` 5.5 and rule 7 of 8."""
    call = {"id": "1", "type": "function", "function": {"name": LONG, "arguments": "{}"}}
    tools = [
        {"type": "function", "function": {"name": name}} for name in (LONG, "1st", "fits.a:b-c")
    ]

    body, _ = from_chat(
        tools=tools,
        tool_choice={"type": "function", "function": {"name": LONG}},
        messages=[
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": "x"},
        ],
    )

    declared = [tool["name"] for tool in body["tools"][0]["functionDeclarations"]]
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}", name) for name in declared)
    assert len(set(declared)) == 3
    assert declared[2] == "fits.a:b-c"
    assert body["contents"][0]["parts"][0]["functionCall"]["name"] == declared[0]
    assert body["contents"][1]["parts"][0]["functionResponse"]["name"] == declared[0]
    assert body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == declared[:1]


@pytest.mark.parametrize("framing", ["gemini", "gemini.array"])
def test_and_its_calls_are_answered_under_its_own(framing: str) -> None:
    tools = [{"type": "function", "function": {"name": LONG}}]
    content = CHAT.decode_request(
        json.dumps({"model": "m", "messages": [], "tools": tools}).encode()
    )
    codec = FORMATS[framing]
    assert isinstance(codec, Renames)
    codec = codec.answering(content)  # type: ignore[arg-type]  # the content of a chat
    parts = [a_call(tool_name(LONG)), a_call("other")]
    whole = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}

    output = codec.decode_response(json.dumps(whole).encode(), traits=NONE)
    reader = codec.reader(traits=NONE)
    data = json.dumps(whole).encode()
    events = reader.feed(b"[%b]" % data if "array" in framing else b"data: %b\r\n\r\n" % data)
    streamed = fold([*events, *reader.end()])[0]

    for said in (output, streamed):
        assert isinstance(said, Output)
        calls = [p for p in said.choices[0].message.parts if isinstance(p, ToolCall)]
        assert [call.name for call in calls] == [LONG, "other"]


# Wishes


@pytest.mark.parametrize(
    ("effort", "config"),
    [
        ("low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("high", {"includeThoughts": True, "thinkingBudget": 4096}),
        ("none", {"thinkingBudget": 0}),
    ],
)
def test_an_effort_becomes_a_budget(effort: str, config: Any) -> None:
    body, _ = from_chat(reasoning_effort=effort)

    assert body["generationConfig"]["thinkingConfig"] == config


@pytest.mark.parametrize(
    ("effort", "config", "lost"),
    [
        ("low", {"includeThoughts": True, "thinkingLevel": "LOW"}, ()),
        ("xhigh", {"includeThoughts": True, "thinkingLevel": "HIGH"}, ()),
        ("none", {"thinkingLevel": "LOW"}, ("reasoning_effort",)),
    ],
)
def test_an_effort_becomes_a_level_where_the_model_takes_those(
    effort: str, config: Any, lost: tuple[str, ...]
) -> None:
    body, dropped = from_chat(frozenset({"thinking_level"}), reasoning_effort=effort)

    assert body["generationConfig"]["thinkingConfig"] == config
    assert dropped == lost


def test_a_model_that_always_thinks_is_asked_for_the_least() -> None:
    """`wire.md` 5.5: Pro models of 2.5 take no budget below 128."""
    body, dropped = from_chat(frozenset({"always_thinks"}), reasoning_effort="none")

    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 128}
    assert dropped == ("reasoning_effort",)


@pytest.mark.parametrize(("seed", "said"), [(7, 7), (-7, -7), (2**40 + 5, 5), (-(2**31), 0)])
def test_seeds_have_32_bits(seed: int, said: int) -> None:
    body, _ = from_chat(seed=seed)

    assert body["generationConfig"] == {"seed": said}


@pytest.mark.parametrize(
    ("traits", "tools", "kept"),
    [
        (NONE, True, True),
        (frozenset({"json_or_tools"}), False, True),
        (frozenset({"json_or_tools"}), True, False),
    ],
)
def test_older_models_have_tools_or_a_form_of_answer(
    traits: frozenset[str], tools: bool, kept: bool
) -> None:
    """`wire.md` 5.5: response_format together with tools fails before Gemini 3."""
    declared = {"tools": [{"type": "function", "function": {"name": "f"}}]} if tools else {}

    body, dropped = from_chat(traits, response_format={"type": "json_object"}, **declared)

    assert ("generationConfig" in body) is kept
    assert dropped == (() if kept else ("response_format",))


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({"thinkingBudget": 0}, "none"),
        ({"thinkingBudget": -1}, None),
        ({"thinkingBudget": 2048}, "medium"),
        ({"thinkingLevel": "HIGH"}, "high"),
        ({"includeThoughts": True}, None),
    ],
)
def test_thinking_is_told_to_chat_as_an_effort(thinking: Any, effort: str | None) -> None:
    chat = written(body_of(generationConfig={"thinkingConfig": thinking}), to="openai.chat")

    assert json.loads(chat.body).get("reasoning_effort") == effort


def test_types_in_capitals_are_json_schema_for_others() -> None:
    schema = {"type": "OBJECT", "properties": {"type": {"type": "STRING", "enum": ["A"]}}}
    tools = [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]

    chat = json.loads(written(body_of(tools=tools), to="openai.chat").body)

    assert chat["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"type": {"type": "string", "enum": ["A"]}},
    }


OWN_SCHEMA = {
    "type": "OBJECT",
    "properties": {
        "unit": {"type": "STRING", "format": "enum", "enum": ["C", "F"], "nullable": True},
        "days": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1", "max_items": 7},
        "either": {"any_of": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": True},
    },
    "propertyOrdering": ["unit", "days", "either"],
}


def test_its_own_dialect_of_schemas_is_json_schema_for_others() -> None:
    """`wire.md` 4.5: `nullable`, counts that are strings, and both spellings."""
    tools = [{"functionDeclarations": [{"name": "f", "parameters": OWN_SCHEMA}]}]
    config = {"responseMimeType": "application/json", "responseSchema": OWN_SCHEMA}

    chat = json.loads(written(body_of(tools=tools, generationConfig=config), to="openai.chat").body)

    said = chat["tools"][0]["function"]["parameters"]
    assert said == chat["response_format"]["json_schema"]["schema"]
    assert said["properties"] == {
        "unit": {"type": ["string", "null"], "format": "enum", "enum": ["C", "F", None]},
        "days": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 7},
        "either": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
    }


@pytest.mark.parametrize("spell", [str.upper, str.lower])
def test_its_own_dialect_is_kept_in_its_own_field(spell: Any) -> None:
    schema = json.loads(json.dumps(OWN_SCHEMA).replace('"1"', "1").replace("max_items", "maxItems"))
    schema = json.loads(json.dumps(schema).replace("any_of", "anyOf"))
    for word in ("OBJECT", "STRING", "ARRAY", "INTEGER", "NUMBER"):
        schema = json.loads(
            json.dumps(schema).replace(f'"type": "{word}"', f'"type": "{spell(word)}"')
        )
    tools = [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]

    again = json.loads(written(body_of(tools=tools)).body)

    assert again["tools"] == tools


def test_tools_of_others_keep_their_whole_schema() -> None:
    """`wire.md` 4.5: `parametersJsonSchema` takes real JSON Schema."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/node"}, "kind": {"const": "a"}},
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "additionalProperties": False,
    }

    body, _ = from_chat(
        tools=[{"type": "function", "function": {"name": "f", "parameters": schema}}]
    )

    assert body["tools"] == [
        {"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}
    ]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"type": "integer", "const": 1}, {"type": "integer", "enum": [1]}),
        ({"const": True}, {"type": "boolean"}),
        ({"$ref": "#/$defs/a", "description": "d"}, {"$ref": "#/$defs/a"}),
        (
            {"$ref": "#/definitions/a", "definitions": {"a": {"const": None}}},
            {"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}},
        ),
        (
            {"allOf": [{"type": "string", "description": "x"}], "description": "y"},
            {"type": "string", "description": "y"},
        ),
        (
            {"$schema": "s", "properties": {"const": {"$ref": "#/definitions/b", "title": "B"}}},
            {"properties": {"const": {"$ref": "#/$defs/b"}}},
        ),
        (
            {"type": ["string", "null"], "any_of": 1, "oneOf": [{"type": "string"}]},
            {"type": ["string", "null"], "any_of": 1, "oneOf": [{"type": "string"}]},
        ),
    ],
)
def test_what_answers_must_look_like_is_said_in_words_the_format_knows(
    schema: Any, said: Any
) -> None:
    """`wire.md` 4.5, `responseJsonSchema`: no `const`, and nothing beside a reference."""
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}

    body, _ = from_chat(response_format=form)

    assert body["generationConfig"]["responseJsonSchema"] == said


def test_what_the_format_cannot_say_is_named() -> None:
    _, dropped = from_chat(
        logit_bias={"1": 2}, user="u", parallel_tool_calls=False, prompt_cache_key="k", store=True
    )

    assert set(dropped) == {
        "logit_bias",
        "user",
        "parallel_tool_calls",
        "prompt_cache_key",
        "store",
    }


def test_tools_of_the_provider_and_unknown_fields_stay_behind_by_name() -> None:
    chat = written(
        body_of(
            tools=[{"googleSearch": {}}],
            safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            generationConfig={"imageConfig": {}},
        ),
        to="openai.chat",
    )

    assert {"tools.googleSearch", "safetySettings", "generationConfig"} <= set(chat.dropped)


def test_files_that_only_another_provider_knows_stay_behind() -> None:
    file = {"type": "file", "file": {"file_id": "file-1"}}
    body, dropped = from_chat(messages=[{"role": "user", "content": [file]}])

    assert body["contents"] == []
    assert dropped == ("messages.content.document",)


def test_messages_clients_may_show_images_in_results() -> None:
    turns = [
        {"role": "user", "content": "?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "1",
                    "content": [
                        {"type": "text", "text": "Here:"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
                        },
                    ],
                }
            ],
        },
    ]
    said = json.dumps({"model": "m", "max_tokens": 9, "messages": turns}).encode()
    content = MESSAGES.decode_request(said)

    encoded = GEMINI.encode_request(Request(model="m", content=content), features=NONE, traits=NONE)

    result = json.loads(encoded.body)["contents"][2]["parts"][0]["functionResponse"]
    assert result["response"] == {"output": "Here:"}
    assert result["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]


def test_older_models_see_such_images_in_the_next_turn() -> None:
    """`wire.md` 5.4: these models refuse them in results, and anything beside the results."""
    picture = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    results = [
        {"type": "tool_result", "tool_use_id": n, "content": [{"type": "image", "source": picture}]}
        for n in "12"
    ]
    uses = [{"type": "tool_use", "id": n, "name": "f", "input": {}} for n in "12"]
    turns = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": uses},
        {"role": "user", "content": [*results, {"type": "text", "text": "So?"}]},
    ]
    said = json.dumps({"model": "m", "max_tokens": 9, "messages": turns}).encode()
    content = MESSAGES.decode_request(said)

    encoded = GEMINI.encode_request(
        Request(model="m", content=content), features=NONE, traits=frozenset({"text_results"})
    )

    _, _, answered, shown = json.loads(encoded.body)["contents"]
    assert [p["functionResponse"].get("parts") for p in answered["parts"]] == [None, None]
    assert "see the next message" in answered["parts"][0]["functionResponse"]["response"]["output"]
    seen = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    assert (shown["role"], shown["parts"]) == ("user", [seen, seen, text("So?")])
    assert encoded.dropped == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"contents": {"role": "user", "parts": {"text": "hi"}}},
        {"contents": [{"role": "user", "parts": {"text": "hi"}}]},
        {"contents": [HI], "system_instruction": {"parts": {"text": "Be terse."}}},
        {"contents": [HI], "tools": {"functionDeclarations": {"name": "f"}}},
    ],
)
def test_an_object_stands_for_a_list_of_one(fields: dict[str, Any]) -> None:
    """The service takes it, and its own examples are written so."""
    body = json.dumps(fields).encode()
    GEMINI.peek(body)
    said = json.loads(written(body).body)
    assert said["contents"] == [HI]
    if "system_instruction" in fields:
        assert said["systemInstruction"] == {"parts": [{"text": "Be terse."}]}
    if "tools" in fields:
        assert [d["name"] for d in said["tools"][0]["functionDeclarations"]] == ["f"]


def test_a_tool_of_null_is_no_tool() -> None:
    """Some clients name all members of a tool."""
    functions = {"functionDeclarations": [{"name": "f"}]}
    said = written(body_of(tools=[{**functions, "codeExecution": None}]))
    assert json.loads(said.body)["tools"] == [functions]


def test_vertex_counts_a_chat_as_it_is() -> None:
    """It has no field for a whole request, as the Gemini API does."""
    count = FORMATS["gemini.count"]
    said = {
        "contents": [HI],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    }
    request = Request(model="m", content=count.decode_request(json.dumps(said).encode()))
    on_top = count.encode_request(request, features=NONE, traits=frozenset({"count_fields_on_top"}))
    assert set(json.loads(on_top.body)) == {"contents", "tools"}
    inside = json.loads(count.encode_request(request, features=NONE, traits=NONE).body)
    assert set(inside["generateContentRequest"]) == {*said, "model"}
