"""Clients that declare `functions`, the form before tools, are called as they know it."""

import json
from typing import Any

import pytest

from stockyard.core.folding import unfold
from stockyard.core.messages import Message, Text, ToolCall
from stockyard.core.request import Request
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

CHAT = FORMATS["openai.chat"]
NONE: frozenset[str] = frozenset()
OTHERS = ("anthropic.messages", "gemini", "bedrock.converse", "openai.responses", "ollama.chat")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
HISTORY = [
    {"role": "user", "content": "Go"},
    {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "weather", "arguments": '{"city":"Bonn"}'},
    },
    {"role": "function", "name": "weather", "content": "12 degrees"},
]


def asking(**more: Any) -> bytes:
    functions = [{"name": "weather", "parameters": SCHEMA}]
    return json.dumps({"model": "m", "messages": HISTORY, "functions": functions, **more}).encode()


def pen(asked: bytes = b"") -> Pen:
    return Pen(id="1", model="m", created=1, wants_usage=False, asked=asked)


def said_by(source: str, *cities: str) -> Output:
    """As a provider of that format says it."""
    calls = [
        ToolCall(id=f"call_{i}", name="weather", arguments=json.dumps({"city": city}))
        for i, city in enumerate(cities)
    ]
    message = Message(role="assistant", parts=(Text(text="I will."), *calls))
    output = Output(choices=(Choice(message=message, finish="tool_calls" if calls else "stop"),))
    body = FORMATS[source].encode_response(Response(output), pen())
    read = FORMATS[source].decode_response(body, traits=NONE)
    assert isinstance(read, Output)
    return read


def heard(output: Output, asked: bytes) -> tuple[dict[str, Any], str]:
    """What a client makes of the stream: the message, and the finish."""
    writer = CHAT.writer(pen(asked))
    stream = b"".join(writer.write([event]) for event in unfold(output, None)) + writer.end()
    message: dict[str, Any] = {"function_call": {"name": "", "arguments": ""}}
    finish = ""
    for line in stream.split(b"\n\n"):
        if line.startswith(b"data: {"):
            choice = json.loads(line[6:])["choices"][0]
            for name, piece in choice["delta"].pop("function_call", {}).items():
                message["function_call"][name] += piece
            message |= choice["delta"]
            finish = choice["finish_reason"] or finish
    return message, finish


@pytest.mark.parametrize("source", OTHERS)
def test_the_first_call_is_told_as_the_call_of_a_function(source: str) -> None:
    body = json.loads(CHAT.encode_response(Response(said_by(source, "Bonn", "Ulm")), pen(asking())))
    choice = body["choices"][0]
    call = choice["message"]["function_call"]
    assert (call["name"], json.loads(call["arguments"])) == ("weather", {"city": "Bonn"})
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"


@pytest.mark.parametrize("source", OTHERS)
def test_it_is_streamed_so_too(source: str) -> None:
    message, finish = heard(said_by(source, "Bonn", "Ulm"), asking())
    call = message["function_call"]
    assert (call["name"], json.loads(call["arguments"])) == ("weather", {"city": "Bonn"})
    assert "tool_calls" not in message
    assert finish == "function_call"


def test_an_answer_without_a_call_ends_as_any_other() -> None:
    output = said_by("anthropic.messages")
    body = json.loads(CHAT.encode_response(Response(output), pen(asking())))
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "function_call" not in body["choices"][0]["message"]
    assert heard(output, asking())[1] == "stop"


@pytest.mark.parametrize(
    "asked",
    [b"", asking(functions=[]), asking(tools=[{"type": "function"}]), b'{"functions":', b"7"],
)
def test_all_others_are_told_of_tools(asked: bytes) -> None:
    body = json.loads(CHAT.encode_response(Response(said_by("gemini", "Bonn")), pen(asked)))
    assert len(body["choices"][0]["message"]["tool_calls"]) == 1
    assert body["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("target", OTHERS)
def test_what_a_function_found_goes_back_to_any_provider(target: str) -> None:
    request = Request(model="m", content=CHAT.decode_request(asking()))
    written = FORMATS[target].encode_request(request, features=NONE, traits=NONE).body
    assert b"12 degrees" in written
    assert b"Bonn" in written
