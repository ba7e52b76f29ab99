"""Calls to Bedrock: what is asked, how it is signed, and what comes back to whom."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.cuts import cut_at
from stockyard.testing.yard import Yard
from stockyard.wire import eventstream
from stockyard.wire.bedrock_converse.names import tool_name
from tests.bedrock_answers import (
    COUNTS,
    END,
    FRAMES,
    JSON,
    START,
    TEXT_STREAM,
    TOOL_STREAM,
    converse,
    delta,
    frames,
    message,
    message_stream,
    stopped,
)
from tests.gateway.bedrock import CLAUDE, HI, NOVA, signed_right

TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Of a city.", "parameters": {"type": "object"}},
}
CALLED = {
    "toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Paris"}},
}


class TestUnifiedCalls:
    async def test_a_chat_goes_to_converse_and_comes_back_as_a_chat(
        self, yard: Yard, bedrock: ScriptedProvider
    ) -> None:
        bedrock.sends(200, JSON, converse({"text": "Fine today."}))
        heard = await yard.chat("How is it?", model=NOVA, max_tokens=50, stop=["END"])

        assert heard.text == "Fine today."
        assert heard.json["usage"]["total_tokens"] == 37
        assert heard.json["choices"][0]["finish_reason"] == "stop"
        assert bedrock.last.target == "/model/amazon.nova-lite-v1%3A0/converse"
        assert bedrock.last.json == {
            "messages": [{"role": "user", "content": [{"text": "How is it?"}]}],
            "inferenceConfig": {"maxTokens": 50, "stopSequences": ["END"]},
        }
        assert signed_right(bedrock.last)

    async def test_a_stream_of_frames_becomes_a_stream_of_chunks(
        self, yard: Yard, bedrock: ScriptedProvider
    ) -> None:
        bedrock.sends(200, FRAMES, TEXT_STREAM)
        heard = await yard.stream("hi", model=NOVA, stream_options={"include_usage": True})

        assert heard.pieces == ["Fine ", "today."]
        assert heard.ended
        assert yard.last.usage is not None
        assert yard.last.usage.total == 37
        assert bedrock.last.path.endswith("/converse-stream")
        assert "stream" not in bedrock.last.fields

    @pytest.mark.parametrize("stream", [False, True])
    async def test_tools_go_there_and_calls_come_back(
        self, yard: Yard, bedrock: ScriptedProvider, stream: bool
    ) -> None:
        whole = converse({"text": "Let me see."}, CALLED, stop="tool_use")
        answers: Mapping[bool, Any] = {False: (JSON, whole), True: (FRAMES, TOOL_STREAM)}
        bedrock.sends(200, *answers[stream])
        heard = await yard.chat(
            "Weather?", model=NOVA, tools=[TOOL], tool_choice="required", stream=stream
        )

        said = json.dumps([event.json for event in heard.events]) if stream else heard.body.decode()
        assert "tooluse_1" in said
        assert "tool_calls" in said
        config = bedrock.last.json["toolConfig"]
        assert config["toolChoice"] == {"any": {}}
        assert config["tools"][0]["toolSpec"]["inputSchema"] == {"json": {"type": "object"}}

    @pytest.mark.parametrize("stream", [False, True])
    async def test_a_tool_is_called_by_the_name_that_its_client_gave_it(
        self, yard: Yard, bedrock: ScriptedProvider, stream: bool
    ) -> None:
        long = "files.search/" + "x" * 60
        sent = tool_name(long)
        call = {"toolUse": {"toolUseId": "tooluse_1", "name": sent, "input": {}}}
        started = {"contentBlockIndex": 0, "start": call}
        pieces = frames(START, ("contentBlockStart", started), stopped(0), END, COUNTS)
        answers: Mapping[bool, Any] = {False: (JSON, converse(call)), True: (FRAMES, pieces)}
        bedrock.sends(200, *answers[stream])
        tool = {"type": "function", "function": {"name": long, "parameters": {}}}
        heard = await yard.chat("hi", model=NOVA, tools=[tool], stream=stream)

        assert bedrock.last.json["toolConfig"]["tools"][0]["toolSpec"]["name"] == sent
        assert long.encode() in heard.body
        assert sent.encode() not in heard.body

    async def test_a_messages_client_of_claude_keeps_its_format_in_frames(
        self, yard: Yard, bedrock: ScriptedProvider
    ) -> None:
        bedrock.sends(200, JSON, message({"type": "text", "text": "Fine today."}))
        bedrock.sends(200, FRAMES, message_stream("Fine ", "today."))
        whole = await yard.messages("hi", model=CLAUDE, max_tokens=50)
        streamed = await yard.messages("hi", model=CLAUDE, max_tokens=50, stream=True)

        assert whole.text == streamed.text == "Fine today."
        assert whole.json["usage"]["output_tokens"] == 7
        first, second = bedrock.requests
        assert first.path == "/model/eu.anthropic.claude-haiku-4-5-v1%3A0/invoke"
        assert second.path.endswith("/invoke-with-response-stream")
        for request in (first, second):
            assert request.json == {
                "anthropic_version": "bedrock-2023-05-31",
                "messages": [{"role": "user", "content": "hi"}],
                "max_tokens": 50,
            }

    async def test_every_try_is_signed_anew(self, yard: Yard, bedrock: ScriptedProvider) -> None:
        yard.enable("retrypilot", base_ms=1)
        bedrock.sends(503, {**JSON, "x-amzn-errortype": "ServiceUnavailableException"}, b"{}")
        bedrock.sends(200, JSON, converse({"text": "ok"}))
        heard = await yard.chat("hi", model=NOVA)

        assert heard.text == "ok"
        assert yard.last.attempts == ["bedrock 503", "bedrock 200"]
        assert all(map(signed_right, bedrock.requests))

    async def test_a_bearer_token_is_shown_where_there_is_one(self, yard: Yard) -> None:
        bedrock = yard.provider("bedrock", settings={"region": "eu-west-1"}, api_key="token")
        bedrock.sends(200, JSON, converse({"text": "ok"}))
        await yard.chat("hi", model=NOVA)

        assert bedrock.last.headers["authorization"] == "Bearer token"
        assert "x-amz-date" not in bedrock.last.headers


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "name", "told", "answered"),
        [
            (400, "ValidationException", "Bad field.", (400, "invalid_request")),
            (400, "ServiceQuotaExceededException", "No more.", (429, "rate_limited")),
            (403, "AccessDeniedException", "No.", (502, "provider_error")),
            (403, "UnrecognizedClientException", "Bad token.", (502, "provider_error")),
            (404, "ResourceNotFoundException", "No model.", (404, "model_not_found")),
            (408, "ModelTimeoutException", "Slow.", (504, "provider_timeout")),
            (424, "ModelErrorException", "Broke.", (502, "provider_error")),
            (429, "ThrottlingException", "Slow down.", (429, "rate_limited")),
            (429, "ModelNotReadyException", "Wait.", (429, "rate_limited")),
            (500, "InternalServerException", "Oops.", (502, "provider_error")),
            (503, "ServiceUnavailableException", "Down.", (503, "provider_error")),
        ],
    )
    async def test_errors_are_told_in_the_words_of_the_client(
        self,
        yard: Yard,
        bedrock: ScriptedProvider,
        status: int,
        name: str,
        told: str,
        answered: tuple[int, str],
    ) -> None:
        fields = {**JSON, "x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"}
        bedrock.sends(status, fields, json.dumps({"message": told}).encode())
        heard = await yard.chat("hi", model=NOVA)

        assert (heard.status, heard.json["error"]["stockyard"]["code"]) == answered

    async def test_an_exception_before_the_first_content_fails_the_try(
        self, yard: Yard, bedrock: ScriptedProvider
    ) -> None:
        yard.enable("retrypilot", base_ms=1)
        broken = frames(START) + eventstream.exception(
            "throttlingException", b'{"message":"Too many requests."}'
        )
        bedrock.sends(200, FRAMES, broken)
        bedrock.sends(200, FRAMES, TEXT_STREAM)
        heard = await yard.stream("hi", model=NOVA)

        assert heard.text == "Fine today."
        assert yard.last.outcomes == ["failed", "ok"]

    @pytest.mark.parametrize(
        "rest",
        [
            eventstream.exception("modelStreamErrorException", b'{"message":"It broke."}'),
            b"",
            frames(END)[:-20],
            frames(END)[:-1] + b"\x00",
        ],
        ids=["exception", "cut", "cut inside a frame", "wrong checksum"],
    )
    async def test_a_stream_that_breaks_ends_with_an_error_and_no_terminator(
        self, yard: Yard, bedrock: ScriptedProvider, rest: bytes
    ) -> None:
        begun = frames(START, delta(0, text="Fine "))
        bedrock.sends(200, FRAMES, begun + rest)
        bedrock.in_pieces(cut_at(len(begun))).slowly(between=0.02)
        heard = await yard.stream("hi", model=NOVA)

        assert heard.pieces == ["Fine "]
        assert heard.error is not None
        assert not heard.ended
        assert yard.last.outcomes == ["partial"]


async def test_an_end_that_is_missing_is_written_in_the_clients_own_frames(
    yard: Yard, bedrock: ScriptedProvider
) -> None:
    whole = message_stream("o", "k")
    *before, stop = eventstream.Frames().feed(whole)
    assert b"message_stop" in b64decode(json.loads(stop.payload)["bytes"])
    bedrock.sends(200, FRAMES, b"".join(frame.raw for frame in before))

    asked = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": HI}
    path = f"/model/{CLAUDE.replace('/', '%2F')}/invoke-with-response-stream"
    answer = await yard.call(path, asked)

    *passed, end = eventstream.Frames().feed(answer.body)
    assert [frame.raw for frame in passed] == [frame.raw for frame in before]
    assert json.loads(b64decode(json.loads(end.payload)["bytes"])) == {"type": "message_stop"}


async def test_bedrock_cannot_be_called_without_a_region(yard: Yard) -> None:
    yard.provider("bedrock", auth="sigv4:bedrock", api_key="AKID:secret")
    heard = await yard.chat("hi", model=NOVA)

    assert heard.status == 502
    assert "region" in heard.json["error"]["message"]


def test_the_end_of_the_answer_is_not_the_end_of_its_stream() -> None:
    assert TEXT_STREAM.endswith(frames(COUNTS))


async def test_betas_of_the_head_go_into_the_body_as_far_as_they_are_known(
    yard: Yard, bedrock: ScriptedProvider
) -> None:
    bedrock.sends(200, JSON, message({"type": "text", "text": "ok"}))
    betas = "interleaved-thinking-2025-05-14,from-next-year-2027-01-01"
    heard = await yard.messages("hi", model=CLAUDE, max_tokens=5, headers={"anthropic-beta": betas})

    assert bedrock.last.json["anthropic_beta"] == ["interleaved-thinking-2025-05-14"]
    assert "anthropic-beta" not in bedrock.last.headers
    assert "from-next-year" in heard.headers["x-stockyard-dropped"]
