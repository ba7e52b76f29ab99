"""Calls in the dialect of Gemini: to other providers, to its own, and natively."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from tests.gateway.gemini_calls import HI, STREAM, WHOLE

COUNTS = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
JSON = {"content-type": "application/json; charset=UTF-8"}


def chunk(text: str, finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": COUNTS, "modelVersion": "gemini-test"}


ANSWER = json.dumps(chunk("hello", "STOP"), indent=2).encode()
EVENTS = b"".join(
    b"data: " + json.dumps(c).encode() + b"\r\n\r\n"
    for c in (chunk("hel"), chunk("lo"), chunk("", "STOP"))
)
ARRAY = b"[%b\n,\r\n%b\n]\n" % (
    json.dumps(chunk("hel"), indent=2).encode(),
    json.dumps(chunk("lo", "STOP"), indent=2).encode(),
)


def texts(answers: list[Any]) -> list[str]:
    parts = [p for a in answers for c in a["candidates"] for p in c["content"]["parts"]]
    return [part["text"] for part in parts if part.get("text")]


elsewhere = pytest.mark.parametrize(
    ("provider", "model"), [("openai", "openai/gpt-4o"), ("anthropic", "claude-sonnet-4-5")]
)


class TestToOtherProviders:
    @elsewhere
    async def test_a_whole_answer(self, yard: Yard, provider: str, model: str) -> None:
        scripted = yard.provider(provider).says("hello")
        answer = await yard.call(WHOLE.format(model=model), HI)
        assert answer.headers["content-type"] == "application/json"
        assert texts([answer.json]) == ["hello"]
        assert answer.json["candidates"][0]["finishReason"] == "STOP"
        assert answer.json["usageMetadata"]["totalTokenCount"] == 21
        assert scripted.last.prompt == "hi"
        assert scripted.last.fields["model"] == model.removeprefix("openai/")

    @elsewhere
    async def test_a_stream_of_events(self, yard: Yard, provider: str, model: str) -> None:
        scripted = yard.provider(provider).streams("hel", "lo")
        answer = await yard.call(STREAM.format(model=model) + "?alt=sse", HI)
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.body.endswith(b"}\r\n\r\n")
        assert not answer.comments
        assert all(event.name == "" and event.json for event in answer.events)
        said = [event.json for event in answer.events]
        assert texts(said) == ["hel", "lo"]
        assert said[-1]["candidates"][0]["finishReason"] == "STOP"
        assert said[-1]["usageMetadata"]["totalTokenCount"] == 21
        assert scripted.last.streamed

    async def test_a_stream_is_sent_as_one_array(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo")
        answer = await yard.call(STREAM.format(model="openai/gpt-4o"), HI)
        assert answer.headers["content-type"] == "application/json"
        assert texts(answer.json) == ["hel", "lo"]
        assert answer.json[-1]["candidates"][0]["finishReason"] == "STOP"

    async def test_tools(self, yard: Yard) -> None:
        openai = yard.provider("openai").calls_tool("weather", {"city": "Rome"})
        tools = [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}]
        answer = await yard.call(
            STREAM.format(model="openai/gpt-4o") + "?alt=sse", HI | {"tools": tools}
        )
        parts = [p for e in answer.events for p in e.json["candidates"][0]["content"]["parts"]]
        assert parts[0]["functionCall"]["args"] == {"city": "Rome"}
        assert openai.last.fields["tools"][0]["function"]["parameters"] == {"type": "object"}

    async def test_an_error_before_the_first_event_is_http(self, yard: Yard) -> None:
        yard.provider("openai").fails(429, "Slow down.", retry_after=3)
        answer = await yard.call(STREAM.format(model="openai/gpt-4o") + "?alt=sse", HI)
        assert answer.status == 429
        error = answer.json["error"]
        assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
        assert error["details"][0]["retryDelay"] == "3s"

    async def test_an_error_in_the_middle_is_an_event(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").cuts_after(2)
        answer = await yard.call(STREAM.format(model="openai/gpt-4o") + "?alt=sse", HI)
        last = answer.events[-1].json
        assert (last["error"]["code"], last["error"]["status"]) == (503, "UNAVAILABLE")
        assert not answer.complete  # for those who overlook the event
        assert yard.last.outcomes == ["partial"]

    async def test_a_forwarded_stream_is_broken_off_too(self, yard: Yard) -> None:
        yard.provider("gemini").streams("hel", "lo").cuts_after("first_content")
        answer = await yard.call(STREAM.format(model="gemini/gemini-test") + "?alt=sse", HI)
        assert texts([event.json for event in answer.events[:1]]) == ["hel"]
        assert answer.events[-1].json["error"]["status"] == "UNAVAILABLE"
        assert not answer.complete

    async def test_an_error_in_the_middle_of_an_array_is_an_element(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").cuts_after(2)
        answer = await yard.call(STREAM.format(model="openai/gpt-4o"), HI)
        assert answer.json[-1]["error"]["status"] == "UNAVAILABLE"

    async def test_fields_that_cannot_be_translated_are_told(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        asked = HI | {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}]}
        answer = await yard.call(WHOLE.format(model="openai/gpt-4o"), asked)
        assert answer.headers["x-stockyard-dropped"] == "safetySettings"

    async def test_an_alias_names_a_model_in_a_path_too(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        yard.set("aliases.smart", "openai/gpt-4o")
        await yard.call(WHOLE.format(model="smart"), HI)
        assert openai.last.fields["model"] == "gpt-4o"


class TestToItsOwnProvider:
    async def test_a_whole_answer_passes_as_it_is(self, yard: Yard) -> None:
        gemini = yard.provider("gemini").sends(200, JSON, ANSWER)
        body = b'{ "contents": [{"parts":[{"text":"h\\u00e9"}]}], "x_new": 1.50 }'
        answer = await yard.call(WHOLE.format(model="gemini-test"), body)
        assert (answer.status, answer.body) == (200, ANSWER)
        assert gemini.last.target == "/v1beta/models/gemini-test:generateContent"
        assert gemini.last.body == body
        assert gemini.last.headers["x-goog-api-key"] == "secret-of-gemini"
        assert yard.last.usage is not None
        assert yard.last.usage.total == 15

    async def test_a_stream_passes_as_it_is(self, yard: Yard) -> None:
        gemini = yard.provider("gemini").plays(EVENTS)
        answer = await yard.call(STREAM.format(model="gemini-test") + "?alt=sse", HI)
        assert answer.body == EVENTS
        assert gemini.last.target == "/v1beta/models/gemini-test:streamGenerateContent?alt=sse"
        assert yard.last.usage is not None
        assert yard.last.usage.total == 15
        assert yard.last.findings == []

    async def test_an_array_is_made_of_events(self, yard: Yard) -> None:
        gemini = yard.provider("gemini").plays(EVENTS)
        answer = await yard.call(STREAM.format(model="gemini-test"), HI)
        assert texts(answer.json) == ["hel", "lo"]
        assert gemini.last.query == "alt=sse"

    async def test_comments_and_end_marks_stay_here(self, yard: Yard) -> None:
        yard.provider("gemini").plays(b": ping\r\n\r\n" + EVENTS + b"data: [DONE]\r\n\r\n")
        answer = await yard.call(STREAM.format(model="gemini-test") + "?alt=sse", HI)
        assert answer.body == EVENTS

    async def test_a_cut_is_told(self, yard: Yard) -> None:
        yard.provider("gemini").plays(EVENTS[: EVENTS.rindex(b"data:")])
        answer = await yard.call(STREAM.format(model="gemini-test") + "?alt=sse", HI)
        assert answer.events[-1].json["error"]["status"] == "UNAVAILABLE"
        assert yard.last.outcomes == ["partial"]

    @pytest.mark.parametrize("call", [Yard.chat, Yard.messages])
    async def test_clients_of_other_dialects_reach_gemini(
        self, yard: Yard, call: Callable[..., Any]
    ) -> None:
        own = yard.provider("own", kind="gemini").sends(200, JSON, ANSWER).plays(EVENTS)
        whole: Heard = await call(yard, "hi", model="own/some/model")
        assert whole.text == "hello"
        assert own.last.path == "/v1/models/some/model:generateContent"
        assert own.last.fields["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]
        streamed: Heard = await call(yard, "hi", model="own/some/model", stream=True)
        assert streamed.text == "hello"
        assert streamed.ended
        assert own.last.target == "/v1/models/some/model:streamGenerateContent?alt=sse"


class TestNatively:
    async def test_a_whole_answer(self, yard: Yard) -> None:
        gemini = yard.provider("gemini").sends(200, JSON, ANSWER)
        answer = await yard.call("/gemini/v1/models/gemini-test:generateContent", HI)
        assert answer.body == ANSWER
        assert gemini.last.target == "/v1/models/gemini-test:generateContent"
        assert yard.last.usage is not None
        assert yard.last.exchange.received.model == "gemini-test"

    async def test_a_stream_of_events(self, yard: Yard) -> None:
        data = b": ping\r\n\r\n" + EVENTS
        gemini = yard.provider("gemini").plays(data)
        path = "/gemini/v1beta/models/gemini-test:streamGenerateContent?alt=sse&key=other"
        answer = await yard.call(path, HI)
        assert answer.body == data
        assert gemini.last.query == "alt=sse"
        assert yard.last.streamed
        assert yard.last.usage is not None

    async def test_an_array(self, yard: Yard) -> None:
        gemini = yard.provider("gemini").sends(200, JSON, ARRAY)
        answer = await yard.call("/gemini/v1beta/models/gemini-test:streamGenerateContent", HI)
        assert answer.body == ARRAY
        assert answer.headers["content-type"] == JSON["content-type"]
        assert gemini.last.query == ""
        assert yard.last.usage is not None
        assert yard.last.usage.total == 15

    async def test_a_long_array_is_not_held(self, yard: Yard) -> None:
        filler = b",\r\n".join(json.dumps(chunk("x" * 1000)).encode() for _ in range(300))
        data = b"[" + filler + b",\r\n" + json.dumps(chunk("", "STOP")).encode() + b"]"
        yard.provider("gemini").sends(200, JSON, data)
        answer = await yard.call("/gemini/v1beta/models/gemini-test:streamGenerateContent", HI)
        assert answer.body == data
        assert yard.last.streamed

    async def test_a_failed_finish_is_handed_on(self, yard: Yard) -> None:
        body = json.dumps(chunk("", "MALFORMED_FUNCTION_CALL")).encode()
        yard.provider("gemini").sends(200, JSON, body)
        answer = await yard.call("/gemini/v1beta/models/gemini-test:generateContent", HI)
        assert (answer.status, answer.body) == (200, body)
        assert yard.last.usage is not None
        assert yard.last.usage.total == 15  # it is paid for all the same


@pytest.mark.parametrize("native", ["", "/gemini"])
async def test_alt_sse_with_the_verb_for_whole_answers_gives_events(
    yard: Yard, native: str
) -> None:
    one = b"data: " + json.dumps(chunk("hello", "STOP")).encode() + b"\r\n\r\n"
    yard.provider("gemini").sends(200, {"content-type": "text/event-stream"}, one)
    path = native + WHOLE.replace("{model}", "gemini-test") + "?alt=sse"
    answer = await yard.call(path, HI)
    assert answer.status == 200
    assert answer.streamed
    assert texts([event.json for event in answer.events]) == ["hello"]
    assert yard.last.error is None
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (10, 5)


@pytest.mark.parametrize("native", ["", "/gemini"])
async def test_alt_sse_that_a_provider_answers_whole_is_answered_whole(
    yard: Yard, native: str
) -> None:
    yard.provider("gemini").sends(200, JSON, ANSWER)
    path = native + WHOLE.replace("{model}", "gemini-test") + "?alt=sse"
    answer = await yard.call(path, HI)
    assert answer.status == 200
    assert b"hello" in answer.body
    assert yard.last.error is None
    assert yard.last.usage is not None
    assert yard.last.usage.completion == 5


async def test_other_formats_do_not_care_for_alt(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    answer = await yard.call("/v1/chat/completions?alt=sse", yard.body("hi"))
    assert not answer.streamed
    assert answer.text == "hello"
