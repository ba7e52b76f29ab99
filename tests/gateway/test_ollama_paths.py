"""`/ollama/api/...`: Ollama's dialect onto every provider, and Ollama from every dialect."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from stockyard.gateway import joined_list
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard, becomes

CHAT, GENERATE = "/ollama/api/chat", "/ollama/api/generate"
JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/x-ndjson"}
HI = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
OWN = HI | {"model": "llama3.2:latest"}
HEAD = b'{"model":"llama3.2","created_at":"2026-01-01T00:00:00.5Z",'
ANSWER = (
    HEAD + b'"message":{"role":"assistant","content":"h\\u00e9"},"done":true,'
    b'"done_reason":"stop","total_duration":12,"x":1.50,"prompt_eval_count":9,"eval_count":3}'
)
LAST = (
    HEAD + b'"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",'
    b'"prompt_eval_count":9,"eval_count":3}\n'
)


def bearer(yard: Yard) -> bytes:
    return b"authorization: Bearer %b\r\n\r\n" % yard.key.encode()


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


class TestNames:
    async def test_a_name_that_nobody_serves_is_a_model_of_ollama(self, yard: Yard) -> None:
        yard.provider("openai").says("not me")
        ollama = yard.provider("ollama").says("hello")
        answer = await yard.call(CHAT, OWN | {"stream": False})
        assert answer.json["message"]["content"] == "hello"
        assert ollama.last.fields["model"] == "llama3.2:latest"

    async def test_a_name_that_nobody_serves_is_a_model_of_ollama_for_embeddings_too(
        self, yard: Yard
    ) -> None:
        told = b'{"model":"nomic-embed-text","embeddings":[[0.5,1.5]],"prompt_eval_count":2}'
        ollama = yard.provider("ollama").sends(200, JSON, told)
        asked = {"model": "nomic-embed-text", "input": "hi"}
        answer = await yard.call("/ollama/api/embed", asked)
        assert answer.json["embeddings"] == [[0.5, 1.5]]
        assert ollama.last.target == "/api/embed"

    async def test_a_name_that_somebody_serves_is_their_model(self, yard: Yard) -> None:
        yard.provider("ollama").says("not me")
        openai = yard.provider("openai").says("hello")
        await yard.call(CHAT, OWN | {"model": "gpt-4o", "stream": False})
        assert openai.last.fields["model"] == "gpt-4o"

    @pytest.mark.parametrize("model", ["llama3.2", "openai/gpt-4o"])
    async def test_an_unknown_name_without_ollama_is_a_404(self, yard: Yard, model: str) -> None:
        yard.provider("anthropic").says("not me")
        answer = await yard.call(CHAT, OWN | {"model": model})
        assert answer.status == 404
        assert model in answer.json["error"]

    async def test_other_clients_must_name_the_provider(self, yard: Yard) -> None:
        yard.provider("ollama").says("not me")
        assert (await yard.chat("hi", model="llama3.2")).status == 404

    async def test_an_alias_is_resolved_for_clients_of_ollama_too(self, yard: Yard) -> None:
        yard.provider("ollama").says("not me")
        openai = yard.provider("openai").says("hello")
        yard.set("aliases.smart", "openai/gpt-4o")
        await yard.call(CHAT, OWN | {"model": "smart", "stream": False})
        assert openai.last.fields["model"] == "gpt-4o"


class TestQuestions:
    async def test_the_models_are_listed(self, yard: Yard) -> None:
        answer = await yard.get("/ollama/api/tags")
        assert answer.status == 200
        (mock,) = [model for model in answer.json["models"] if model["name"] == "mock"]
        assert (mock["model"], mock["size"]) == ("mock", 0)

    async def test_models_of_ollama_are_listed_first(self, yard: Yard) -> None:
        told = b'{"models":[{"name":"llama3.2","size":5},{"name":"mock","size":7}]}'
        ollama = yard.provider("ollama").sends(200, JSON, told)
        answer = await yard.get("/ollama/api/tags")
        listed = [(model["name"], model["size"]) for model in answer.json["models"]]
        assert listed[:2] == [("llama3.2", 5), ("mock", 7)]
        assert len({name for name, _ in listed}) == len(listed) > 1
        assert ollama.last.target == "/api/tags"

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (500, b"{}"),
            (200, b"<html>"),
            (200, b'{"models":5}'),
            (200, b'{"models":[{"name":["x"]}]}'),
        ],
    )
    async def test_ours_are_listed_whatever_ollama_says(
        self, yard: Yard, status: int, body: bytes
    ) -> None:
        yard.provider("ollama").sends(status, JSON, body)
        answer = await yard.get("/ollama/api/tags")
        assert answer.status == 200
        assert "mock" in [model["name"] for model in answer.json["models"]]

    @pytest.mark.parametrize("farewell", ["fin", "rst"])
    async def test_ours_are_listed_when_ollama_breaks_off(self, yard: Yard, farewell: Any) -> None:
        script = yard.provider("ollama").sends(200, JSON, b'{"models":[]}')
        script.cuts_after_bytes(5, how=farewell)
        answer = await yard.get("/ollama/api/tags")
        assert "mock" in [model["name"] for model in answer.json["models"]]

    async def test_ours_are_listed_when_ollama_does_not_answer_soon(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(joined_list, "PATIENCE_SECONDS", 0.2)
        ollama = yard.provider("ollama").says_nothing()
        async with asyncio.timeout(10):
            answer = await yard.get("/ollama/api/tags")
        assert "mock" in [model["name"] for model in answer.json["models"]]
        assert await yard.quiet()
        assert yard.last.outcomes == ["abandoned"]
        assert await becomes(lambda: not ollama.open_connections)

    async def test_a_client_that_does_not_wait_for_the_list_leaves_nothing(
        self, yard: Yard
    ) -> None:
        yard.provider("ollama").sends(200, JSON, b"{}").stalls_after_bytes(0)
        async with yard.raw() as client:
            client.send(b"GET /ollama/api/tags HTTP/1.1\r\nhost: x\r\n" + bearer(yard))
            assert await becomes(lambda: bool(yard.stockyard.office.running))
        assert await yard.quiet()

    async def test_the_version_is_that_of_the_dialect(self, yard: Yard) -> None:
        answer = await yard.get("/ollama/api/version")
        assert [part.isdigit() for part in answer.json["version"].split(".")] == [True] * 3

    @pytest.mark.parametrize("path", ["/ollama", "/ollama/"])
    async def test_clients_that_look_whether_somebody_is_there_find_us(
        self, yard: Yard, path: str
    ) -> None:
        answer = await yard.get(path, method="HEAD")
        assert (answer.status, answer.body) == (200, b"")

    async def test_a_model_of_another_provider_is_described_by_us(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic")
        answer = await yard.call("/ollama/api/show", {"model": "claude-sonnet-4-5"})
        assert answer.status == 200
        assert {"completion", "tools", "vision"} <= set(answer.json["capabilities"])
        assert not anthropic.requests

    @pytest.mark.parametrize("field", ["model", "name"])
    async def test_a_model_of_ollama_is_described_by_ollama(self, yard: Yard, field: str) -> None:
        told = b'{"capabilities":["completion"],"model_info":{}}'
        ollama = yard.provider("ollama").sends(200, JSON, told)
        answer = await yard.call("/ollama/api/show", {field: "ollama/llama3.2", "verbose": True})
        assert answer.body == told
        assert ollama.last.target == "/api/show"
        assert ollama.last.fields == {field: "llama3.2", "verbose": True}

    @pytest.mark.parametrize(
        ("body", "status"), [(b"{}", 400), (b"[", 400), (b'{"model":"nobody"}', 404)]
    )
    async def test_a_model_that_cannot_be_described_is_an_error(
        self, yard: Yard, body: bytes, status: int
    ) -> None:
        yard.provider("anthropic")
        answer = await yard.call("/ollama/api/show", body)
        assert answer.status == status
        assert isinstance(answer.json["error"], str)

    async def test_no_question_is_answered_without_a_key(self, yard: Yard) -> None:
        for path in ("tags", "version"):
            answer = await yard.get(f"/ollama/api/{path}", headers={"authorization": ""})
            assert answer.status == 401
            assert isinstance(answer.json["error"], str)

    async def test_a_secret_of_another_provider_never_reaches_ollama(self, yard: Yard) -> None:
        ollama = yard.provider("ollama").sends(200, JSON, b"{}")
        own = {"authorization": "Bearer sk-ant-api03-of-the-caller"}
        listed = await yard.get("/ollama/api/tags", headers=own)
        shown = await yard.call("/ollama/api/show", {"model": "llama3.2"}, headers=own)
        called = await yard.call(CHAT, OWN, headers=own)
        assert (listed.status, shown.status) == (200, 200)
        assert called.status in (404, 503)
        assert not ollama.requests

    async def test_other_paths_are_those_of_ollama_itself(self, yard: Yard) -> None:
        ollama = yard.provider("ollama").sends(200, JSON, b'{"models":[]}')
        answer = await yard.get("/ollama/api/ps")
        assert answer.body == b'{"models":[]}'
        assert ollama.last.target == "/api/ps"
