"""`/ollama/api/...`: Ollama's dialect onto every provider, and Ollama from every dialect."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from tests.gateway.ollama_calls import CHAT, HI, JSON, OWN

GENERATE = "/ollama/api/generate"
LINES = {"content-type": "application/x-ndjson"}
HEAD = b'{"model":"llama3.2","created_at":"2026-01-01T00:00:00.5Z",'
ANSWER = (
    HEAD + b'"message":{"role":"assistant","content":"h\\u00e9"},"done":true,'
    b'"done_reason":"stop","total_duration":12,"x":1.50,"prompt_eval_count":9,"eval_count":3}'
)
LAST = (
    HEAD + b'"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",'
    b'"prompt_eval_count":9,"eval_count":3}\n'
)


def line(text: bytes) -> bytes:
    return HEAD + b'"message":{"role":"assistant","content":"%b"},"done":false}\n' % text


STREAM = line(b"hel") + line(b"lo") + LAST


def lines(answer: Heard) -> list[Any]:
    assert b"\n\n" not in answer.body
    return [json.loads(one) for one in answer.body.splitlines()]


def said(answer: Heard) -> str:
    return "".join(one["message"]["content"] for one in lines(answer))


class TestToOtherProviders:
    async def test_a_whole_answer(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello there")
        options = {"num_predict": 50, "temperature": 0.5, "stop": ["END"], "num_ctx": 8192}
        body = HI | {"stream": False, "options": options, "format": "json", "keep_alive": "5m"}
        answer = await yard.call(CHAT, body)
        assert answer.status == 200
        assert answer.json["message"] == {"role": "assistant", "content": "hello there"}
        assert (answer.json["done"], answer.json["done_reason"]) == (True, "stop")
        assert (answer.json["prompt_eval_count"], answer.json["eval_count"]) == (9, 12)
        assert answer.json["model"] == "gpt-4o"
        fields = openai.last.fields
        assert (fields["max_completion_tokens"], fields["temperature"]) == (50, 0.5)
        assert fields["response_format"] == {"type": "json_object"}
        assert "stream" not in fields
        assert sorted(answer.headers["x-stockyard-dropped"].split(",")) == ["keep_alive", "options"]

    @pytest.mark.parametrize("said_so", [{}, {"stream": True}])
    async def test_clients_that_say_nothing_get_a_stream(
        self, yard: Yard, said_so: dict[str, bool]
    ) -> None:
        openai = yard.provider("openai").streams("hel", "lo")
        answer = await yard.call(CHAT, HI | said_so)
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert said(answer) == "hello"
        assert [one["done"] for one in lines(answer)] == [False, False, True]
        assert lines(answer)[-1]["eval_count"] == 12
        assert openai.last.fields["stream_options"] == {"include_usage": True}
        assert b"stockyard" not in answer.body

    @pytest.mark.parametrize("model", ["openai/gpt-4o", "claude-sonnet-4-5"])
    @pytest.mark.parametrize("stream", [True, False])
    async def test_tools(self, yard: Yard, model: str, stream: bool) -> None:
        for name in ("openai", "anthropic"):
            yard.provider(name).calls_tool("weather", {"city": "Rome"})
        function = {"name": "weather", "parameters": {"type": "object"}}
        body = HI | {"model": model, "tools": [{"type": "function", "function": function}]}
        answer = await yard.call(CHAT, body | {"stream": stream})
        called = [c for one in lines(answer) for c in one["message"].get("tool_calls", ())]
        assert [call["function"] for call in called] == [
            {"index": 0, "name": "weather", "arguments": {"city": "Rome"}}
        ]

    async def test_results_find_their_calls_by_the_names_of_tools(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").says("Sunny.")
        call = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}
        turns = [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "Sun", "tool_name": "weather"},
        ]
        await yard.call(CHAT, {"model": "claude-sonnet-4-5", "messages": turns, "stream": False})
        sent = anthropic.last.fields["messages"]
        assert sent[1]["content"][0]["id"] == sent[2]["content"][0]["tool_use_id"]

    async def test_thinking_and_images(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").streams("4").thinks("Two and ", "two.")
        image = "iVBORw0KGgoAAAANSUhEUgAA"
        message = {"role": "user", "content": "2+2?", "images": [image]}
        body = {"model": "claude-sonnet-4-5", "messages": [message], "think": True}
        answer = await yard.call(CHAT, body)
        thoughts = [one["message"].get("thinking", "") for one in lines(answer)]
        assert "".join(thoughts) == "Two and two."
        assert said(answer) == "4"
        source = anthropic.last.fields["messages"][0]["content"][1]["source"]
        assert source == {"type": "base64", "media_type": "image/png", "data": image}

    async def test_an_error_before_the_first_line_is_http(self, yard: Yard) -> None:
        yard.provider("openai").fails(429, "Slow down.")
        answer = await yard.call(CHAT, HI)
        assert (answer.status, answer.json["error"]) == (429, "Slow down.")
        assert answer.headers["content-type"] == "application/json"

    async def test_an_error_in_the_middle_is_a_line(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").cuts_after(2)
        answer = await yard.call(CHAT, HI)
        assert isinstance(lines(answer)[-1]["error"], str)
        assert not any(one.get("done") for one in lines(answer))
        assert yard.last.outcomes == ["partial"]

    async def test_the_mock_answers_too(self, yard: Yard) -> None:
        answer = await yard.call(CHAT, HI | {"model": "mock"})
        assert said(answer)
        assert lines(answer)[-1]["done"] is True


class TestSinglePrompts:
    async def test_a_whole_answer(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello there")
        body = {"model": "openai/gpt-4o", "prompt": "hi", "system": "Be brief.", "stream": False}
        answer = await yard.call(GENERATE, body)
        assert answer.json["response"] == "hello there"
        assert answer.json["done_reason"] == "stop"
        roles = [message["role"] for message in openai.last.fields["messages"]]
        assert roles == ["system", "user"]

    async def test_a_stream(self, yard: Yard) -> None:
        yard.provider("anthropic").streams("hel", "lo")
        answer = await yard.call(GENERATE, {"model": "claude-sonnet-4-5", "prompt": "hi"})
        assert [one["response"] for one in lines(answer)] == ["hel", "lo", ""]
        assert lines(answer)[-1]["prompt_eval_count"] == 9

    @pytest.mark.parametrize("tie", [{"suffix": "end"}, {"context": [1, 2]}])
    async def test_prompts_that_only_ollama_can_take_are_refused(
        self, yard: Yard, tie: dict[str, Any]
    ) -> None:
        openai = yard.provider("openai").says("hello")
        body = {"model": "openai/gpt-4o", "prompt": "hi", **tie}
        answer = await yard.call(GENERATE, body)
        assert answer.status == 400
        assert isinstance(answer.json["error"], str)
        assert not openai.requests

    async def test_a_prompt_for_ollama_itself_goes_on_as_it_came(self, yard: Yard) -> None:
        body = b'{"model":"llama3.2", "prompt":"a", "suffix":"b", "raw":true}'
        data = b'{"model":"llama3.2","response":"x","done":true,"done_reason":"stop"}\n'
        ollama = yard.provider("ollama").plays(data).with_headers(LINES)
        answer = await yard.call(GENERATE, body)
        assert answer.body == data
        assert ollama.last.target == "/api/generate"
        assert ollama.last.body == body


class TestToOllama:
    async def test_a_whole_answer_passes_as_it_is(self, yard: Yard) -> None:
        ollama = yard.provider("ollama").sends(200, JSON, ANSWER)
        body = b'{ "model":"llama3.2:latest","messages":[],"stream":false,"options":{"x":1.0}}'
        answer = await yard.call(CHAT, body)
        assert answer.body == ANSWER
        assert (ollama.last.target, ollama.last.body) == ("/api/chat", body)
        assert yard.last.usage is not None
        assert yard.last.usage.total == 12

    async def test_a_stream_passes_as_it_is(self, yard: Yard) -> None:
        ollama = yard.provider("ollama").plays(STREAM).with_headers(LINES)
        answer = await yard.call(CHAT, OWN)
        assert answer.body == STREAM
        assert "stream" not in ollama.last.fields
        assert yard.last.usage is not None
        assert yard.last.usage.total == 12

    async def test_blank_lines_stay_here(self, yard: Yard) -> None:
        padded = b"\n" + STREAM.replace(b"}\n", b"}\n\n")
        yard.provider("ollama").plays(padded).with_headers(LINES)
        assert (await yard.call(CHAT, OWN)).body == STREAM

    async def test_a_last_line_needs_no_end(self, yard: Yard) -> None:
        yard.provider("ollama").plays(STREAM.removesuffix(b"\n")).with_headers(LINES)
        assert (await yard.call(CHAT, OWN)).body == STREAM
        assert yard.last.outcomes == ["ok"]

    @pytest.mark.parametrize("kept", [line(b"hel"), line(b"hel") + LAST[:40]])
    async def test_a_cut_is_told(self, yard: Yard, kept: bytes) -> None:
        yard.provider("ollama").plays(kept).with_headers(LINES)
        answer = await yard.call(CHAT, OWN)
        assert "error" in lines(answer)[-1]
        assert yard.last.outcomes == ["partial"]

    async def test_an_error_line_ends_the_stream(self, yard: Yard) -> None:
        failing = line(b"hel") + b'{"error":"out of memory"}\n'
        yard.provider("ollama").plays(failing).with_headers(LINES)
        answer = await yard.call(CHAT, OWN)
        assert "out of memory" in lines(answer)[-1]["error"]

    async def test_an_error_line_before_anything_else_is_http(self, yard: Yard) -> None:
        yard.provider("ollama").plays(b'{"error":"out of memory"}\n').with_headers(LINES)
        answer = await yard.call(CHAT, OWN)
        assert answer.status == 502
        assert "out of memory" in answer.json["error"]

    async def test_an_unknown_model_is_404(self, yard: Yard) -> None:
        yard.provider("ollama").sends(404, JSON, b'{"error":"model \'x\' not found"}')
        assert (await yard.call(CHAT, OWN)).status == 404

    async def test_room_is_asked_for_when_a_prompt_is_long(self, yard: Yard) -> None:
        ollama = yard.provider("ollama").says("hello").says("hello")
        await yard.call(CHAT, HI | {"model": "llama3.2", "stream": False})
        assert "options" not in ollama.last.fields
        long = [{"role": "user", "content": "word " * 8000}]
        await yard.call(CHAT, {"model": "llama3.2", "messages": long, "stream": False})
        assert ollama.last.fields["options"] == {"num_ctx": 16384}

    @pytest.mark.parametrize("call", [Yard.chat, Yard.messages])
    async def test_clients_of_other_dialects_reach_ollama(
        self, yard: Yard, call: Callable[..., Any]
    ) -> None:
        own = yard.provider("own", kind="ollama.chat").says("hello there").says("hello there")
        whole: Heard = await call(yard, "hi", model="own/llama3.2")
        assert whole.text == "hello there"
        streamed: Heard = await call(yard, "hi", model="own/llama3.2", stream=True)
        assert streamed.text == "hello there"
        assert streamed.ended
        assert [request.fields["stream"] for request in own.requests] == [False, True]
        assert own.last.path.endswith("/api/chat")

    @pytest.mark.parametrize("call", [Yard.chat, Yard.messages])
    async def test_a_cut_is_told_to_other_clients(
        self, yard: Yard, call: Callable[..., Any]
    ) -> None:
        yard.provider("own", kind="ollama.chat").streams("hel", "lo").cuts_after(1)
        answer: Heard = await call(yard, "hi", model="own/llama3.2", stream=True)
        assert answer.error is not None
        assert not answer.ended

    async def test_chat_clients_of_ollama_keep_their_own_format(self, yard: Yard) -> None:
        ollama = yard.provider("ollama").says("hello")
        await yard.chat("hi", model="ollama/llama3.2")
        assert ollama.last.path == "/v1/chat/completions"
