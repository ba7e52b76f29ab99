"""Results of calls come where the other format wants them, however their client had put them."""

import base64
import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()


def translated(body: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    content = FORMATS[source].decode_request(json.dumps(body).encode())
    request = Request(model="m", content=content)
    written = FORMATS[target].encode_request(request, features=NONE, traits=NONE, max_output=99)
    said: dict[str, Any] = json.loads(written.body)
    return said


def call(name: str) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}}}


def result(name: str, said: str) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"result": said}}}


def turns(*contents: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}, *contents]}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": parts}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": parts}


def test_results_that_come_in_a_turn_each_are_one_turn_to_messages() -> None:
    """CrewAI sends them so. One result for each call: two for one are refused."""
    body = turns(model(call("a"), call("b")), user(result("a", "1")), user(result("b", "2")))
    said = translated(body, "gemini", "anthropic.messages")["messages"]
    assert [turn["role"] for turn in said] == ["user", "assistant", "user"]
    asked = [block["id"] for block in said[1]["content"]]
    assert [block["tool_use_id"] for block in said[2]["content"]] == asked
    assert [json.loads(block["content"])["result"] for block in said[2]["content"]] == ["1", "2"]


def test_results_that_a_client_of_messages_sends_apart_are_results() -> None:
    calls = [{"type": "tool_use", "id": name, "name": name, "input": {}} for name in "ab"]
    results = [{"type": "tool_result", "tool_use_id": name, "content": name} for name in "ab"]
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": calls},
            *({"role": "user", "content": [one]} for one in results),
        ],
    }
    said = translated(body, "anthropic.messages", "anthropic.messages")
    assert said["messages"] == body["messages"]


@pytest.mark.parametrize("target", ["openai.chat", "anthropic.messages", "openai.responses"])
def test_a_result_under_a_name_that_nobody_called_answers_the_call_that_is_open(
    target: str,
) -> None:
    """Gemini takes them by their number; a client of it puts ids where names belong."""
    body = turns(model(call("a")), user(result("call_123", "7")))
    said = json.dumps(translated(body, "gemini", target))
    made = translated(turns(model(call("a")), user(result("a", "7"))), "gemini", target)
    assert said == json.dumps(made)


def test_a_result_of_a_call_that_was_answered_answers_no_other() -> None:
    body = turns(model(call("a"), call("b")), user(result("a", "1"), result("a", "2")))
    said = translated(body, "gemini", "anthropic.messages")["messages"][2]["content"]
    assert [block.get("is_error") for block in said] == [True, None]


@pytest.mark.parametrize("kind", ["text/plain", "text/markdown"])
def test_a_text_sent_as_bytes_is_a_text_to_messages(kind: str) -> None:
    """It takes no bytes but those of a PDF."""
    data = base64.b64encode("Grüße".encode()).decode()
    body = turns(user({"inlineData": {"mimeType": kind, "data": data}}))
    said = translated(body, "gemini", "anthropic.messages")["messages"][0]["content"]
    assert said[1]["source"] == {"type": "text", "media_type": "text/plain", "data": "Grüße"}
    pdf = {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}
    said = translated(turns(user(pdf)), "gemini", "anthropic.messages")["messages"][0]["content"]
    assert said[1]["source"]["type"] == "base64"


def test_a_call_that_the_conversation_went_on_without_is_answered_to_chat() -> None:
    """The service refuses such a turn; Gemini does not, nor do its clients' histories."""
    body = turns(model(call("a")), user({"text": "never mind"}), model({"text": "ok"}))
    said = translated(body, "gemini", "openai.chat")["messages"]
    assert [turn["role"] for turn in said] == ["user", "assistant", "tool", "user", "assistant"]
    assert said[2]["tool_call_id"] == said[1]["tool_calls"][0]["id"]
    assert said[2]["content"] == "There was no result."


def test_a_call_at_the_end_waits_for_its_result() -> None:
    said = translated(turns(model(call("a"))), "gemini", "openai.chat")["messages"]
    assert [turn["role"] for turn in said] == ["user", "assistant"]


def test_what_is_said_between_calls_and_results_comes_after_them_in_chat() -> None:
    items = [
        {"type": "function_call", "call_id": "1", "name": "a", "arguments": "{}"},
        {"type": "function_call", "call_id": "2", "name": "b", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "x"},
        {"role": "user", "content": "hurry"},
        {"type": "function_call_output", "call_id": "2", "output": "y"},
        {"type": "function_call", "call_id": "1", "name": "a", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "z"},
    ]
    body = {"model": "m", "input": [{"role": "user", "content": "hi"}, *items]}
    said = translated(body, "openai.responses", "openai.chat")["messages"]
    roles = ["user", "assistant", "tool", "tool", "user", "assistant", "tool"]
    assert [turn["role"] for turn in said] == roles
    assert [turn["content"] for turn in said if turn["role"] == "tool"] == ["x", "y", "z"]


def test_calls_and_results_of_chat_that_have_no_ids_stay_where_they_are() -> None:
    calls = [{"type": "function", "function": {"name": "a", "arguments": "{}"}}]
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "content": "1"},
        {"role": "user", "content": "go on"},
    ]
    said = translated({"model": "m", "messages": messages}, "openai.chat", "openai.chat")
    assert said["messages"] == messages


def test_a_call_that_the_conversation_went_on_without_is_answered_to_responses() -> None:
    body = turns(model(call("a"), call("b")), user(result("a", "1")), user({"text": "go on"}))
    said = translated(body, "gemini", "openai.responses")["input"]
    calls = {item["call_id"]: item["name"] for item in said if item.get("type") == "function_call"}
    results = [item for item in said if item.get("type") == "function_call_output"]
    assert {calls[one["call_id"]]: one["output"] for one in results} == {
        "a": json.dumps({"result": "1"}, separators=(",", ":")),
        "b": "There was no result.",
    }
    waiting = translated(turns(model(call("a"))), "gemini", "openai.responses")["input"]
    assert [item.get("type") for item in waiting] == [None, "function_call"]


def test_a_file_in_a_result_follows_it_in_chat() -> None:
    """Its tool role takes text only."""
    file = {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}
    shown = result("a", "1")
    shown["functionResponse"]["parts"] = [file]
    body = turns(model(call("a")), user(shown))
    told, following = translated(body, "gemini", "openai.chat")["messages"][2:]
    assert told["role"] == "tool"
    assert "see the next message" in str(told["content"])
    assert [part["type"] for part in following["content"]] == ["file"]


def test_a_call_that_the_conversation_went_on_without_is_answered_to_converse() -> None:
    body = turns(model(call("a"), call("b")), user(result("a", "1"), {"text": "go on"}))
    body["tools"] = [{"functionDeclarations": [{"name": name} for name in "ab"]}]
    asked, answered = translated(body, "gemini", "bedrock.converse")["messages"][1:]
    ids = [block["toolUse"]["toolUseId"] for block in asked["content"]]
    results = [block["toolResult"] for block in answered["content"] if "toolResult" in block]
    assert {one["toolUseId"]: one.get("status") for one in results} == {
        ids[0]: None,
        ids[1]: "error",
    }
    waiting = translated(turns(model(call("a"))), "gemini", "bedrock.converse")["messages"]
    assert len(waiting) == 2


def test_types_of_schemas_that_are_numbers_are_types_elsewhere() -> None:
    """Google's older library for Go sends its enumerations so."""
    schema = {"type": 6, "properties": {"a": {"type": 5, "items": {"type": 1}}}}
    body = turns() | {"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]}
    said = translated(body, "gemini", "openai.chat")["tools"][0]["function"]["parameters"]
    inner = {"type": "array", "items": {"type": "string"}}
    assert said == {"type": "object", "properties": {"a": inner}}
    again = translated(body, "gemini", "gemini")["tools"][0]["functionDeclarations"][0]
    assert again["parameters"]["type"] == "OBJECT"
