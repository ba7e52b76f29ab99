"""Calls of tools, their results and their turns in requests of `gemini`."""

import json
import re
from typing import Any

import pytest

from stockyard.core.folding import fold
from stockyard.core.messages import ToolCall, ToolResult
from stockyard.core.request import Content, Request
from stockyard.core.response import Output
from stockyard.wire.codec import Renames
from stockyard.wire.formats import FORMATS
from stockyard.wire.gemini.names import tool_name
from tests.wire.gemini_requests import (
    CHAT,
    GEMINI,
    HI,
    MESSAGES,
    NONE,
    a_call,
    a_result,
    body_of,
    from_chat,
    written,
)


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
