"""`/model/{model}/...`: Bedrock's dialects onto every provider, with Bedrock itself among them."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

import pytest

from stockyard.gateway import endpoints
from stockyard.gateway.endpoints import Endpoint
from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from stockyard.wire.eventstream import Frame, Frames
from tests.bedrock_answers import FRAMES, JSON, TEXT_STREAM, converse

WHOLE = "/model/openai%2Fgpt-4o/converse"
STREAM = "/model/openai%2Fgpt-4o/converse-stream"
INVOKE = "/model/openai%2Fgpt-4o/invoke"
INVOKE_STREAM = "/model/openai%2Fgpt-4o/invoke-with-response-stream"
HI = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
CLAUDE: dict[str, Any] = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "hi"}],
}
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "weather",
                "description": "Of a city.",
                "inputSchema": {"json": {"type": "object"}},
            }
        }
    ],
    "toolChoice": {"any": {}},
}
STREAM_TYPE = "application/vnd.amazon.eventstream"


def frames(answer: Heard) -> list[Frame]:
    """The frames of a stream, whose checksums are verified by reading them."""
    assert answer.headers["content-type"] == STREAM_TYPE
    reading = Frames()
    found = [*reading.feed(answer.body)]
    assert reading.rest() == b""
    return found


def said(found: Iterable[Frame]) -> list[tuple[str, Any]]:
    return [(frame.event, json.loads(frame.payload)) for frame in found]


def no_native(*_: str) -> Endpoint | None:
    return None


@pytest.mark.parametrize(
    ("written", "model"),
    [
        ("gpt-4o", "gpt-4o"),
        ("amazon.nova-lite-v1%3A0", "amazon.nova-lite-v1:0"),
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("openai%2Fgpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("arn%3Aaws%3Abedrock%3Aeu%3A1%3Ap%2Fx", "arn:aws:bedrock:eu:1:p/x"),
    ],
)
@pytest.mark.parametrize(
    ("verb", "format_", "streams"),
    [
        ("converse", "bedrock.converse", False),
        ("converse-stream", "bedrock.converse", True),
        ("invoke", "bedrock.invoke", False),
        ("invoke-with-response-stream", "bedrock.invoke", True),
        ("count-tokens", "bedrock.count", False),
    ],
)
def test_the_path_names_model_and_verb(
    written: str, model: str, verb: str, format_: str, streams: bool
) -> None:
    endpoint = endpoints.find(f"/model/{written}/{verb}", "POST", no_native)
    assert endpoint is not None
    assert (endpoint.format, endpoint.model, endpoint.stream) == (format_, model, streams)


@pytest.mark.parametrize("path", ["/model/m/odd", "/model//converse", "/model/converse", "/model/"])
async def test_other_paths_below_model_lead_nowhere(yard: Yard, path: str) -> None:
    answer = await yard.call(path, HI)
    assert answer.status == 404


class TestConverse:
    async def test_a_whole_answer(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello there").counts(9, 12, cached=4)
        config = {"maxTokens": 50, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]}
        answer = await yard.call(
            WHOLE, HI | {"system": [{"text": "Be brief."}], "inferenceConfig": config}
        )
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        body = answer.json
        assert body["output"] == {
            "message": {"role": "assistant", "content": [{"text": "hello there"}]}
        }
        assert body["stopReason"] == "end_turn"
        assert body["usage"] == {
            "inputTokens": 5,
            "outputTokens": 12,
            "totalTokens": 21,
            "cacheReadInputTokens": 4,
            "cacheWriteInputTokens": 0,
        }
        assert body["metrics"]["latencyMs"] >= 0, "its clients take no answer without"
        assert openai.last.json == {
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "hi"},
            ],
            "temperature": 0.5,
            "top_p": 0.9,
            "max_completion_tokens": 50,
            "stop": ["END"],
        }

    async def test_a_stream_is_frames(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").counts(9, 12)
        answer = await yard.call(STREAM, HI)
        *events, (last, metadata) = said(frames(answer))
        assert events == [
            ("messageStart", {"role": "assistant"}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hel"}}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "lo"}}),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": "end_turn"}),
        ]
        assert last == "metadata"
        assert metadata["usage"] == {"inputTokens": 9, "outputTokens": 12, "totalTokens": 21}
        assert metadata["metrics"]["latencyMs"] >= 0

    async def test_tools_and_their_results(self, yard: Yard) -> None:
        openai = yard.provider("openai").calls_tool("weather", {"city": "Paris"})
        openai.calls_tool("weather", {"city": "Paris"}).says("sunny")
        whole = await yard.call(WHOLE, HI | {"toolConfig": TOOLS})
        assert openai.last.json["tool_choice"] == "required"
        (call,) = whole.json["output"]["message"]["content"]
        assert call["toolUse"]["input"] == {"city": "Paris"}
        assert whole.json["stopReason"] == "tool_use"

        streamed = said(frames(await yard.call(STREAM, HI | {"toolConfig": TOOLS})))
        start = {"toolUse": {"toolUseId": call["toolUse"]["toolUseId"], "name": "weather"}}
        assert ("contentBlockStart", {"contentBlockIndex": 0, "start": start}) in streamed
        pieces = [
            event["delta"]["toolUse"]["input"]
            for name, event in streamed
            if name == "contentBlockDelta"
        ]
        assert json.loads("".join(pieces)) == {"city": "Paris"}

        result = {"toolUseId": call["toolUse"]["toolUseId"], "content": [{"json": {"sky": "blue"}}]}
        turns: list[Any] = [*HI["messages"], whole.json["output"]["message"]]
        turns.append({"role": "user", "content": [{"toolResult": result}]})
        await yard.call(WHOLE, {"messages": turns, "toolConfig": TOOLS})
        assert openai.last.json["messages"][-1]["content"] == '{"sky":"blue"}'

    async def test_thinking_is_asked_of_other_providers(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").says("hello")
        thinking = {"type": "enabled", "budget_tokens": 2048}
        await yard.call(
            "/model/anthropic%2Fclaude-sonnet-4-5/converse",
            HI
            | {
                "inferenceConfig": {"maxTokens": 8000},
                "additionalModelRequestFields": {"thinking": thinking},
            },
        )
        assert anthropic.last.json["thinking"] == thinking

    @pytest.mark.parametrize(
        ("path", "body", "status", "name"),
        [
            ("/model/nobody-1/converse", HI, 404, "ResourceNotFoundException"),
            (WHOLE, b"{", 400, "ValidationException"),
            (WHOLE, {"messages": 5}, 400, "ValidationException"),
            (WHOLE, {"messages": [{"role": "user", "content": "hi"}]}, 400, "ValidationException"),
        ],
    )
    async def test_a_refusal_is_in_its_words(
        self, yard: Yard, path: str, body: Any, status: int, name: str
    ) -> None:
        yard.provider("openai").says("hello")
        answer = await yard.call(path, body)
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, name)
        assert answer.json["message"]

    @pytest.mark.parametrize("path", [WHOLE, STREAM])
    @pytest.mark.parametrize(
        ("failed", "status", "name"),
        [
            (429, 429, "ThrottlingException"),
            (401, 424, "ModelErrorException"),
            (503, 503, "ServiceUnavailableException"),
        ],
    )
    async def test_a_failure_of_a_provider_is_in_its_words(
        self, yard: Yard, path: str, failed: int, status: int, name: str
    ) -> None:
        yard.provider("openai").fails(failed)
        answer = await yard.call(path, HI)
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, name)

    async def test_a_stream_that_breaks_ends_with_an_exception(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").cuts_after("first_content")
        found = frames(await yard.call(STREAM, HI))
        assert [frame.event for frame in found][:2] == ["messageStart", "contentBlockDelta"]
        assert found[-1].headers[":message-type"] == "exception"
        assert found[-1].headers[":exception-type"] == "modelStreamErrorException"
        assert "messageStop" not in {frame.event for frame in found}

    async def test_a_call_without_a_key_is_refused(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        signed = "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu/bedrock/aws4_request, Signature=0"
        answer = await yard.call(WHOLE, HI, headers={"authorization": signed})
        assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"

    async def test_a_client_that_signs_may_say_its_key_besides(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        await yard.open()
        signed = "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu/bedrock/aws4_request, Signature=0"
        headers = {"authorization": signed, "x-stockyard-key": yard.key}
        answer = await yard.call(WHOLE, HI, headers=headers)
        assert answer.status == 200


class TestBedrockItself:
    @pytest.fixture
    def bedrock(self, yard: Yard) -> ScriptedProvider:
        return yard.provider(
            "bedrock", settings={"region": "eu-west-1"}, auth="sigv4:bedrock", api_key="AKID:secret"
        )

    async def test_bodies_pass_as_they_are(self, yard: Yard, bedrock: ScriptedProvider) -> None:
        bedrock.sends(200, JSON, converse({"text": "Fine today."}))
        body = b'{"messages": [{"role":"user","content":[{"text":"hi"}]}],  "odd": [1.50]}'
        answer = await yard.call("/model/amazon.nova-lite-v1%3A0/converse", body)
        assert bedrock.last.target == "/model/amazon.nova-lite-v1%3A0/converse"
        assert bedrock.last.body == body
        assert answer.body == converse({"text": "Fine today."})
        assert "Credential=AKID/" in bedrock.last.headers["authorization"]

    async def test_streams_pass_as_they_are(self, yard: Yard, bedrock: ScriptedProvider) -> None:
        bedrock.sends(200, FRAMES, TEXT_STREAM)
        answer = await yard.call("/model/amazon.nova-lite-v1%3A0/converse-stream", HI)
        assert bedrock.last.path.endswith("/converse-stream")
        assert answer.body == TEXT_STREAM


class TestInvoke:
    async def test_a_whole_answer(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello").counts(9, 12)
        answer = await yard.call(INVOKE, CLAUDE)
        assert answer.json["content"] == [{"type": "text", "text": "hello"}]
        assert answer.json["usage"]["output_tokens"] == 12
        assert openai.last.json["messages"] == [{"role": "user", "content": "hi"}]

    async def test_a_stream_is_frames_of_events(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo")
        found = frames(await yard.call(INVOKE_STREAM, CLAUDE))
        assert {frame.event for frame in found} == {"chunk"}
        events = [json.loads(b64decode(json.loads(f.payload)["bytes"])) for f in found]
        assert events[0]["type"] == "message_start"
        assert events[-1] == {"type": "message_stop"}

    @pytest.mark.parametrize(
        ("said", "left_out"),
        [({}, []), ({"anthropic_beta": ["a-beta"]}, ["dispatch dropped"])],
    )
    async def test_an_invoke_call_reaches_claude_at_another_provider(
        self, yard: Yard, said: dict[str, Any], left_out: list[str]
    ) -> None:
        anthropic = yard.provider("anthropic").says("hello")
        await yard.call("/model/anthropic%2Fclaude-sonnet-4-5/invoke", CLAUDE | said)
        assert anthropic.last.json["model"] == "claude-sonnet-4-5"
        assert anthropic.last.json.keys() == {"model", "max_tokens", "messages"}
        assert anthropic.last.headers["anthropic-version"] == "2023-06-01"
        assert yard.last.findings == left_out

    async def test_bodies_of_other_models_are_for_the_native_route(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        answer = await yard.call(INVOKE, {"inputText": "hi"})
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
        assert "native route" in answer.json["message"]
        assert not openai.requests


COUNT = "/model/{}/count-tokens"
ABOUT_CONVERSE: Any = {"input": {"converse": HI | {"system": [{"text": "Be brief."}]}}}
ABOUT_INVOKE: Any = {
    "input": {"invokeModel": {"body": b64encode(json.dumps(CLAUDE).encode()).decode()}}
}


class TestCounting:
    @pytest.mark.parametrize("body", [ABOUT_CONVERSE, ABOUT_INVOKE])
    async def test_a_counter_of_another_provider_is_asked(self, yard: Yard, body: Any) -> None:
        anthropic = yard.provider("anthropic").sends(200, JSON, b'{"input_tokens": 14}')
        answer = await yard.call(COUNT.format("claude-scripted"), body)
        assert answer.json == {"inputTokens": 14}
        assert anthropic.last.path == "/v1/messages/count_tokens"
        assert anthropic.last.json["messages"][0]["role"] == "user"
        assert "max_tokens" not in anthropic.last.json

    async def test_tokens_are_estimated_where_there_is_no_counter(self, yard: Yard) -> None:
        groq = yard.provider("groq")
        answer = await yard.call(COUNT.format("groq%2Fllama"), ABOUT_CONVERSE)
        assert 0 < answer.json["inputTokens"] < 60
        assert answer.headers["x-stockyard-estimated"] == "true"
        assert not groq.requests

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            [],
            {},
            {"input": {}},
            {"input": {"converse": 5}},
            {"input": {"converse": {"messages": 5}}},
            {"input": {"invokeModel": {"body": "no base64!"}}},
            {"input": {"invokeModel": {"body": "e30="}}},
        ],
    )
    async def test_a_count_of_nothing_that_can_be_counted_is_refused(
        self, yard: Yard, body: Any
    ) -> None:
        anthropic = yard.provider("anthropic")
        answer = await yard.call(COUNT.format("claude-scripted"), body)
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
        assert not anthropic.requests
