"""Tools of free text that chat clients declare, towards formats that have none (`wire.md` 9)."""

import json
from typing import Any

import pytest

from stockyard.core.events import Event
from stockyard.core.folding import fold, unfold
from stockyard.core.messages import Message, Text, ToolCall
from stockyard.core.request import Request
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

CHAT = FORMATS["openai.chat"]
NONE: frozenset[str] = frozenset()
WITHOUT_FREE_TEXT = (
    "anthropic.messages",
    "gemini",
    "bedrock.converse",
    "cohere.chat",
    "ollama.chat",
)
LARK = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /a+/"}}


def custom(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "custom", "custom": {"name": name, **more}}


def asking(*tools: dict[str, Any], **more: Any) -> bytes:
    messages = [{"role": "user", "content": "Go"}]
    return json.dumps({"model": "m", "messages": messages, "tools": tools, **more}).encode()


def dropped(asked: bytes, target: str) -> tuple[str, ...]:
    request = Request(model="m", content=CHAT.decode_request(asked))
    return FORMATS[target].encode_request(request, features=NONE, traits=NONE).dropped


def calling(*calls: ToolCall) -> Output:
    message = Message(role="assistant", parts=(Text(text="I will."), *calls))
    return Output(choices=(Choice(message=message, finish="tool_calls"),))


def pen(asked: bytes) -> Pen:
    return Pen(id="1", model="m", created=1, wants_usage=False, asked=asked)


def answered(output: Output, asked: bytes) -> list[dict[str, Any]]:
    body = json.loads(CHAT.encode_response(Response(output), pen(asked)))
    calls: list[dict[str, Any]] = body["choices"][0]["message"]["tool_calls"]
    return calls


def deltas(events: list[Event], asked: bytes) -> list[dict[str, Any]]:
    """What a client is sent of calls, one event at a time."""
    writer = CHAT.writer(pen(asked))
    stream = b"".join(writer.write([event]) for event in events) + writer.end()
    chunks = [json.loads(line[6:]) for line in stream.split(b"\n\n") if line.startswith(b"data: {")]
    return [
        call
        for chunk in chunks
        for c in chunk["choices"]
        for call in c["delta"].get("tool_calls", ())
    ]


@pytest.mark.parametrize("target", WITHOUT_FREE_TEXT)
def test_a_tool_that_takes_any_text_loses_nothing(target: str) -> None:
    assert dropped(asking(custom("run")), target) == ()
    assert dropped(asking(custom("run", format={"type": "text"})), target) == ()


@pytest.mark.parametrize("target", WITHOUT_FREE_TEXT)
def test_the_loss_of_a_grammar_is_told(target: str) -> None:
    assert dropped(asking(custom("run", format=LARK)), target) == ("tools.custom",)


@pytest.mark.parametrize("target", ["openai.chat", *WITHOUT_FREE_TEXT])
def test_the_loss_of_a_grammar_is_told_to_clients_of_responses(target: str) -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"}
    tool = {"type": "custom", "name": "run", "format": grammar}
    asked = json.dumps({"model": "m", "input": "Go", "tools": [tool]}).encode()
    content = FORMATS["openai.responses"].decode_request(asked)
    request = Request(model="m", content=content)
    written = FORMATS[target].encode_request(request, features=NONE, traits=NONE)
    assert written.dropped == ("tools.format",)
    again = FORMATS["openai.responses"].encode_request(request, features=NONE, traits=NONE)
    assert (again.dropped, json.loads(again.body)["tools"]) == ((), [tool])


@pytest.mark.parametrize("form", [None, {"type": "text"}, LARK])
def test_whatever_it_says_of_its_text_goes_back_as_it_came(form: dict[str, Any] | None) -> None:
    tool = custom("run", **({} if form is None else {"format": form}))
    request = Request(model="m", content=CHAT.decode_request(asking(tool)))
    written = CHAT.encode_request(request, features=NONE, traits=NONE)
    assert (written.dropped, json.loads(written.body)["tools"]) == ((), [tool])


@pytest.mark.parametrize("source", WITHOUT_FREE_TEXT)
def test_the_function_is_called_and_the_client_sees_its_tool(source: str) -> None:
    asked = asking(custom("run"), {"type": "function", "function": {"name": "look"}})
    output = calling(
        ToolCall(id="call_1", name="run", arguments='{"input":"ls \\"a\\"\\n"}'),
        ToolCall(id="call_2", name="look", arguments='{"input":"here"}'),
    )
    # As a provider of that format says it.
    provider = FORMATS[source]
    body = provider.encode_response(Response(output), pen(b""))
    read = provider.decode_response(body, traits=NONE)
    assert isinstance(read, Output)
    run, look = answered(read, asked)
    assert (run["type"], run["custom"]) == ("custom", {"name": "run", "input": 'ls "a"\n'})
    assert look["function"]["name"] == "look"
    assert json.loads(look["function"]["arguments"]) == {"input": "here"}

    writer = provider.writer(pen(b""))
    stream = writer.write(unfold(output, None)) + writer.end()
    reader = provider.reader(traits=NONE)
    told = deltas(reader.feed(stream) + reader.end(), asked)
    first = [delta for delta in told if delta["index"] == 0]
    assert first[0]["type"] == "custom"
    assert first[0]["custom"] == {"name": "run", "input": ""}
    assert "".join(delta["custom"]["input"] for delta in first) == 'ls "a"\n'
    assert not any("function" in delta for delta in first)
    second = "".join(d["function"]["arguments"] for d in told if d["index"] == 1)
    assert json.loads(second) == {"input": "here"}


def test_a_stream_of_it_reads_as_a_call_of_free_text() -> None:
    asked = asking(custom("run"))
    output = calling(ToolCall(id="call_1", name="run", arguments='{"input":"ls"}'))
    writer = CHAT.writer(pen(asked))
    reader = CHAT.reader(traits=NONE)
    stream = writer.write(unfold(output, None)) + writer.end()
    read, _ = fold(reader.feed(stream) + reader.end())
    [call] = [p for p in read.choices[0].message.parts if isinstance(p, ToolCall)]
    assert (call.kind, call.name, call.arguments) == ("custom", "run", "ls")


@pytest.mark.parametrize(
    ("said", "told"),
    [("ls", "ls"), ('{"input":7}', '{"input":7}'), ("{}", "{}"), ("", ""), ('{"input":""}', "")],
)
def test_what_a_model_wrote_instead_of_its_argument_is_told_as_it_is(said: str, told: str) -> None:
    asked = asking(custom("run"))
    output = calling(ToolCall(id="call_1", name="run", arguments=said))
    assert answered(output, asked)[0]["custom"]["input"] == told
    streamed = deltas(unfold(output, None), asked)
    assert "".join(delta["custom"]["input"] for delta in streamed) == told


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b'{"tools": [{"type": "custom", "custom": {"name": 7}}]}',
        b'{"tools": "custom"}',
        b'"custom"',
        b'{"custom": ',
        asking({"type": "function", "function": {"name": "run", "description": '"custom"'}}),
    ],
)
def test_a_function_stays_one_for_whoever_declared_no_such_tool(asked: bytes) -> None:
    output = calling(ToolCall(id="call_1", name="run", arguments='{"input":"ls"}'))
    assert answered(output, asked)[0]["function"]["arguments"] == '{"input":"ls"}'
    assert {delta.get("type", "function") for delta in deltas(unfold(output, None), asked)} == {
        "function"
    }


def test_tools_that_are_allowed_are_no_loss_where_the_others_are_left_out() -> None:
    allowed = {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "run"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    asked = asking(custom("run"), custom("look"), tool_choice=choice)
    assert dropped(asked, "anthropic.messages") == ()
    request = Request(model="m", content=CHAT.decode_request(asked))
    again = json.loads(CHAT.encode_request(request, features=NONE, traits=NONE).body)
    assert again["tool_choice"] == choice
    written = FORMATS["anthropic.messages"].encode_request(request, features=NONE, traits=NONE)
    assert [tool["name"] for tool in json.loads(written.body)["tools"]] == ["run"]
