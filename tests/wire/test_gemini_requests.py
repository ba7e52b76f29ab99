"""Requests of `gemini`, read and written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.request import Request
from stockyard.errors import Refused
from stockyard.wire.formats import FORMATS
from tests.wire.gemini_requests import (
    GEMINI,
    HI,
    NONE,
    a_call,
    a_result,
    args,
    body_of,
    from_chat,
    texts,
    written,
)


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


names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}", fullmatch=True)


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


def test_a_list_among_parts_stands_for_what_is_in_it() -> None:
    """The service takes it, and answers about all of it."""
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    parts = [{"text": "Look:"}, [picture, {"text": "Well?"}]]
    body = json.dumps({"contents": [{"role": "user", "parts": parts}]}).encode()
    said = json.loads(written(body).body)
    assert said["contents"][0]["parts"] == [{"text": "Look:"}, picture, {"text": "Well?"}]


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
