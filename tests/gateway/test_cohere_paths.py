"""`/v2/chat`: Cohere's dialect onto every provider, and its provider from every dialect."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from stockyard.gateway.pings import Pings
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

PATH = "/v2/chat"
JSON = {"content-type": "application/json"}
HI = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
OWN = HI | {"model": "command-test"}
USAGE = (
    b'{"billed_units":{"input_tokens":2.0,"output_tokens":3.0},'
    b'"tokens":{"input_tokens":9.0,"output_tokens":3.0}}'
)
ANSWER = (
    b'{"id" :"c1","message":{"role":"assistant","content":[{"type":"text","text":"h\\u00e9"}]},'
    b'"finish_reason":"COMPLETE","x":1.50,"usage":' + USAGE + b"}"
)


def event(kind: str, data: bytes) -> bytes:
    return b'event: %b\ndata: {"type":"%b",%b}\n\n' % (kind.encode(), kind.encode(), data)


def text_event(text: bytes) -> bytes:
    return event("content-delta", b'"index":0,"delta":{"message":{"content":{"text":"%b"}}}' % text)


START = event("message-start", b'"id":"c1","delta":{"message":{"role":"assistant"}}') + event(
    "content-start", b'"index":0,"delta":{"message":{"content":{"type":"text","text":""}}}'
)
END = event("message-end", b'"delta":{"finish_reason":"COMPLETE","usage":' + USAGE + b"}")
DONE = b"data: [DONE]\n\n"
STREAM = START + text_event(b"hel") + text_event(b"lo") + END + DONE


def kinds(answer: Heard) -> list[str]:
    return [event.name for event in answer.events]


def said(answer: Heard) -> str:
    deltas = [e.json["delta"]["message"] for e in answer.events if e.name == "content-delta"]
    return "".join(delta["content"].get("text", "") for delta in deltas)


class TestToOtherProviders:
    async def test_a_whole_answer(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello there").counts(9, 12, cached=4)
        body = HI | {"max_tokens": 50, "p": 0.5, "stop_sequences": ["END"], "stream": False}
        answer = await yard.call(PATH, body)
        assert answer.status == 200
        assert answer.json["message"]["content"] == [{"type": "text", "text": "hello there"}]
        assert answer.json["finish_reason"] == "COMPLETE"
        assert answer.json["usage"]["tokens"] == {"input_tokens": 9, "output_tokens": 12}
        assert answer.json["usage"]["cached_tokens"] == 4
        assert openai.last.fields["max_completion_tokens"] == 50
        assert openai.last.fields["stop"] == ["END"]
        assert openai.last.fields["top_p"] == 0.5

    async def test_a_stream(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo")
        answer = await yard.call(PATH, HI | {"stream": True})
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        delta = "content-delta"
        assert kinds(answer) == [
            "message-start", "content-start", delta, delta, "content-end", "message-end", "",
        ]  # fmt: skip
        assert said(answer) == "hello"
        ending = answer.events[-2].json["delta"]
        assert ending["finish_reason"] == "COMPLETE"
        assert ending["usage"]["tokens"] == {"input_tokens": 9, "output_tokens": 12}
        assert answer.events[-1].data == "[DONE]"
        assert answer.body.index(b": stockyard") > answer.body.index(b"event: message-end")

    async def test_thinking(self, yard: Yard) -> None:
        yard.provider("anthropic").streams("4").thinks("Two and ", "two.")
        answer = await yard.call(PATH, HI | {"model": "claude-sonnet-4-5", "stream": True})
        contents = [e.json["delta"]["message"] for e in answer.events if e.name == "content-start"]
        assert [c["content"]["type"] for c in contents] == ["thinking", "text"]
        assert said(answer) == "4"

    @pytest.mark.parametrize("model", ["openai/gpt-4o", "claude-sonnet-4-5"])
    async def test_tools(self, yard: Yard, model: str) -> None:
        for name in ("openai", "anthropic"):
            yard.provider(name).calls_tool("weather", {"city": "Rome"}).and_calls("now", {})
        function = {"name": "weather", "parameters": {"type": "object"}}
        body = HI | {"model": model, "tools": [{"type": "function", "function": function}]}
        answer = await yard.call(PATH, body | {"stream": True, "tool_choice": "REQUIRED"})
        starts = [e.json["delta"]["message"] for e in answer.events if e.name == "tool-call-start"]
        assert [s["tool_calls"]["function"]["name"] for s in starts] == ["weather", "now"]
        deltas = [e.json for e in answer.events if e.name == "tool-call-delta"]
        pieces = [
            d["delta"]["message"]["tool_calls"]["function"]["arguments"]
            for d in deltas
            if d["index"] == 0
        ]
        assert json.loads("".join(pieces)) == {"city": "Rome"}
        assert answer.events[-2].json["delta"]["finish_reason"] == "TOOL_CALL"

    async def test_an_error_before_the_first_event_is_http(self, yard: Yard) -> None:
        yard.provider("openai").fails(429, "Slow down.", retry_after=3)
        answer = await yard.call(PATH, HI | {"stream": True})
        assert (answer.status, answer.headers["retry-after"]) == (429, "3")
        assert answer.json["message"] == "Slow down."
        assert answer.json["id"].startswith("req_")
        assert answer.json["stockyard"]["code"] == "rate_limited"

    async def test_an_error_in_the_middle_ends_the_message(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").cuts_after(2)
        answer = await yard.call(PATH, HI | {"stream": True})
        last = answer.events[-1]
        assert last.name == "message-end"
        assert last.json["delta"]["finish_reason"] == "ERROR"
        assert last.json["delta"]["error"]
        assert b"[DONE]" not in answer.body
        assert yard.last.outcomes == ["partial"]

    async def test_s34_a_silent_stream_is_pinged_where_the_dialect_allows_it(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai").streams("hel", "lo").stalls_after("first_content")
        openai.streams("hel", "lo").stalls_after("first_content")
        await yard.open()
        yard.stockyard.office.pings = Pings(0.02)
        async with yard.raw() as client:
            client.ask(PATH, HI | {"stream": True}, headers=yard.headers)
            await client.until(b": ping\n\n")
            openai.goes_on()
            await client.until(b"[DONE]")
        async with yard.raw() as client:
            client.ask("/ollama/api/chat", HI, headers=yard.headers)
            await client.until(b"hel")
            await client.until_quiet(0.1)
            openai.goes_on()
            await client.until(b'"done":true')
            assert [json.loads(one)["done"] for one in client.reply.body.split(b"\n")[:-1]] == [
                False, False, True,
            ]  # fmt: skip

    async def test_fields_that_cannot_be_translated_are_told(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        body = HI | {"documents": ["a"], "safety_mode": "OFF", "k": 3}
        answer = await yard.call(PATH, body)
        dropped = answer.headers["x-stockyard-dropped"].split(",")
        assert sorted(dropped) == ["documents", "safety_mode", "top_k"]

    async def test_the_mock_answers_too(self, yard: Yard) -> None:
        answer = await yard.call(PATH, HI | {"model": "mock", "stream": True})
        assert said(answer)
        assert answer.events[-1].data == "[DONE]"


class TestToItsOwnProvider:
    async def test_a_whole_answer_passes_as_it_is(self, yard: Yard) -> None:
        cohere = yard.provider("cohere").sends(200, JSON, ANSWER)
        body = (
            b'{ "messages":[{"role":"user","content":"h\\u00e9"}],"model":"command-test","x":1.0}'
        )
        answer = await yard.call(PATH, body)
        assert (answer.status, answer.body) == (200, ANSWER)
        assert cohere.last.target == "/v2/chat"
        assert cohere.last.body == body
        assert cohere.last.headers["authorization"] == "Bearer secret-of-cohere"
        usage = yard.last.usage
        assert usage is not None
        assert (usage.prompt, usage.completion, usage.billed_in) == (9, 3, 2)

    async def test_a_stream_passes_as_it_is(self, yard: Yard) -> None:
        yard.provider("cohere").plays(STREAM)
        answer = await yard.call(PATH, OWN | {"stream": True})
        ours = answer.body[answer.body.index(b": stockyard") :].split(b"\n\n")[0] + b"\n\n"
        assert answer.body.replace(ours, b"") == STREAM
        assert answer.body.endswith(DONE)
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 3

    async def test_names_are_added_where_a_server_leaves_them_out(self, yard: Yard) -> None:
        bare = b"".join(b"data:" + block.partition(b"data:")[2] for block in _blocks(STREAM))
        yard.provider("cohere").plays(bare)
        answer = await yard.call(PATH, OWN | {"stream": True})
        assert kinds(answer)[:2] == ["message-start", "content-start"]
        assert said(answer) == "hello"

    @pytest.mark.parametrize(
        ("stream", "findings"),
        [(STREAM.removesuffix(DONE), ["dispatch no_terminator"]), (STREAM.removesuffix(b"\n"), [])],
    )
    async def test_an_end_that_is_missing_is_written(
        self, yard: Yard, stream: bytes, findings: list[str]
    ) -> None:
        yard.provider("cohere").plays(stream)
        answer = await yard.call(PATH, OWN | {"stream": True})
        assert answer.body.endswith(DONE)
        assert yard.last.outcomes == ["ok"]
        assert yard.last.findings == findings

    @pytest.mark.parametrize(
        "end", [START, START + text_event(b"hel"), START + text_event(b"hel") + DONE]
    )
    async def test_a_cut_is_told(self, yard: Yard, end: bytes) -> None:
        yard.provider("cohere").plays(end)
        answer = await yard.call(PATH, OWN | {"stream": True})
        if answer.status == 200:
            assert answer.events[-1].json["delta"]["finish_reason"] == "ERROR"
            assert b"[DONE]" not in answer.body
        else:
            assert answer.status == 502

    @pytest.mark.parametrize("finish", [b"ERROR", b"TIMEOUT"])
    async def test_a_finish_that_is_a_failure_is_tried_elsewhere(
        self, yard: Yard, finish: bytes
    ) -> None:
        failed = END.replace(b"COMPLETE", finish)
        yard.provider("cohere").plays(START + failed + DONE)
        yard.provider("openai").streams("hel", "lo")
        target = {"provider": "openai", "model": "gpt-4o"}
        yard.enable("failover", chains=[{"targets": [target]}])
        answer = await yard.call(PATH, OWN | {"stream": True})
        assert said(answer) == "hello"
        assert kinds(answer).count("message-start") == 1

    async def test_an_error_in_a_200_is_one(self, yard: Yard) -> None:
        yard.provider("cohere").sends(200, JSON, b'{"id":"x","message":"No."}')
        answer = await yard.call(PATH, OWN)
        assert answer.status == 502
        assert answer.json["message"] == "No."

    @pytest.mark.parametrize(
        ("status", "body", "code"),
        [
            (401, b'{"id":"x","message":"no api key"}', "provider_error"),
            (498, b'{"message":"invalid token"}', "provider_error"),
            (404, b'{"message":"model not found"}', "model_not_found"),
            (
                400,
                b'{"error_type":"TOO_MANY_TOKENS","message":"too many tokens"}',
                "context_length",
            ),
            (429, b'{"message":"trial limit"}', "rate_limited"),
        ],
    )
    async def test_errors_of_cohere_are_understood(
        self, yard: Yard, status: int, body: bytes, code: str
    ) -> None:
        yard.provider("cohere").sends(status, JSON, body)
        answer = await yard.call(PATH, OWN)
        assert answer.json["stockyard"]["code"] == code

    @pytest.mark.parametrize("call", [Yard.chat, Yard.messages])
    async def test_clients_of_other_dialects_reach_cohere(
        self, yard: Yard, call: Callable[..., Any]
    ) -> None:
        cohere = yard.provider("cohere").says("hello there").says("hello there")
        whole: Heard = await call(yard, "hi", model="command-test")
        streamed: Heard = await call(yard, "hi", model="command-test", stream=True)
        assert (whole.text, streamed.text) == ("hello there", "hello there")
        assert whole.json["model"] == "command-test"
        assert streamed.ended
        assert cohere.last.target == "/v2/chat"
        assert cohere.last.fields["messages"] == [{"role": "user", "content": "hi"}]

    @pytest.mark.parametrize("call", [Yard.chat, Yard.messages])
    async def test_a_cut_is_told_to_other_clients(
        self, yard: Yard, call: Callable[..., Any]
    ) -> None:
        yard.provider("cohere").streams("hel", "lo").cuts_after(3)
        answer: Heard = await call(yard, "hi", model="command-test", stream=True)
        assert answer.error is not None
        assert not answer.ended

    async def test_another_provider_of_the_kind_has_its_own_address(self, yard: Yard) -> None:
        own = yard.provider("own", kind="cohere.chat").says("hello")
        assert (await yard.chat("hi", model="own/some/model")).text == "hello"
        assert own.last.path == "/v1/chat"
        assert own.last.fields["model"] == "some/model"


class TestNatively:
    async def test_both_ways_the_bytes_are_the_same(self, yard: Yard) -> None:
        cohere = yard.provider("cohere").plays(b": hi\n\n" + STREAM + b": bye\n\n")
        body = b'{"model":"m", "messages":[], "stream":true}'
        answer = await yard.call("/cohere/v2/chat", body)
        assert answer.body == b": hi\n\n" + STREAM + b": bye\n\n"
        assert cohere.last.body == body
        assert yard.last.usage is not None

    async def test_the_first_version_is_passed_through(self, yard: Yard) -> None:
        cohere = yard.provider("cohere").sends(200, JSON, b'{"text":"hello"}')
        answer = await yard.call("/cohere/v1/chat", b'{"message":"hi"}')
        assert answer.body == b'{"text":"hello"}'
        assert cohere.last.target == "/v1/chat"


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "param"),
        [
            (b"{}", "model"),
            (b'{"model":"mock"}', "messages"),
            (b'{"model":"mock","messages":[{"role":"x"}]}', "messages[0].role"),
            (b'{"model":"openai/x","messages":[],"tool_choice":"any"}', "tool_choice"),
        ],
    )
    async def test_a_body_that_is_none_is_400(self, yard: Yard, body: bytes, param: str) -> None:
        yard.provider("openai").says("hello")
        answer = await yard.call(PATH, body)
        assert answer.status == 400
        assert param in answer.json["message"]

    async def test_unknown_paths_and_keys_are_refused_in_this_dialect(self, yard: Yard) -> None:
        unknown = await yard.call("/v2/nothing", b"{}")
        assert (unknown.status, list(unknown.json)[:2]) == (404, ["id", "message"])
        wrong = await yard.call(PATH, HI, headers={"authorization": "Bearer sk-sy-none"})
        assert (wrong.status, list(wrong.json)[:2]) == (401, ["id", "message"])


def _blocks(stream: bytes) -> list[bytes]:
    return [block + b"\n\n" for block in stream.split(b"\n\n")[:-1]]
