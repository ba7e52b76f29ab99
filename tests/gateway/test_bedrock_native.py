"""Native calls to Bedrock: path, body and frames go on as they came, under our signature."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.cuts import cut_at
from stockyard.testing.yard import Yard
from stockyard.wire import eventstream
from tests.bedrock_answers import (
    COUNTS,
    END,
    FRAMES,
    JSON,
    START,
    TEXT_STREAM,
    chunks,
    converse,
    delta,
    frames,
    message,
    message_stream,
)
from tests.gateway.bedrock import signed_right

NATIVE = "/bedrock/model/amazon.nova-lite-v1%3A0/converse"
ASKED = b'{"messages": [{"role":"user","content":[{"text":"hi"}]}],  "inferenceConfig":{}}'


@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-lite-v1:0",
        "amazon.nova-lite-v1%3A0",
        "arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Feu.amazon.nova-lite-v1%3A0",
    ],
)
async def test_path_and_body_go_on_as_they_came(
    yard: Yard, bedrock: ScriptedProvider, model: str
) -> None:
    answer = converse({"text": "ok"})
    bedrock.sends(200, JSON, answer)
    heard = await yard.call(f"/bedrock/model/{model}/converse", ASKED)

    assert heard.body == answer
    assert bedrock.last.target == f"/model/{model}/converse"
    assert bedrock.last.body == ASKED
    assert signed_right(bedrock.last)
    assert yard.last.usage is not None
    assert yard.last.usage.total == 37


async def test_frames_come_back_as_they_are(yard: Yard, bedrock: ScriptedProvider) -> None:
    bedrock.sends(200, FRAMES, TEXT_STREAM)
    heard = await yard.call(f"{NATIVE}-stream", ASKED)

    assert heard.body == TEXT_STREAM
    assert heard.headers["content-type"] == FRAMES["content-type"]
    assert yard.last.usage is not None
    assert yard.last.usage.total == 37


async def test_an_exception_in_the_stream_is_heard_as_it_is(
    yard: Yard, bedrock: ScriptedProvider
) -> None:
    begun = frames(START, delta(0, text="Fine "))
    stream = begun + eventstream.exception("modelStreamErrorException", b'{"message":"It broke."}')
    bedrock.sends(200, FRAMES, stream).in_pieces(cut_at(len(begun))).slowly(between=0.02)
    heard = await yard.call(f"{NATIVE}-stream", ASKED)

    assert heard.body == stream
    assert yard.last.outcomes == ["partial"]


async def test_refusals_of_ours_are_said_as_the_service_says_them(
    yard: Yard, bedrock: ScriptedProvider
) -> None:
    heard = await yard.call(NATIVE, b"{", headers={"authorization": "Bearer sk-sy-wrong"})

    assert heard.status == 403
    assert heard.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert heard.json["message"]


@pytest.mark.parametrize("verb", ["invoke", "invoke-with-response-stream"])
async def test_bodies_of_messages_are_read_and_metered(
    yard: Yard, bedrock: ScriptedProvider, verb: str
) -> None:
    answers = {
        "invoke": (JSON, message({"type": "text", "text": "ok"})),
        "invoke-with-response-stream": (FRAMES, message_stream("o", "k")),
    }
    bedrock.sends(200, *answers[verb])
    asked = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[]}'
    heard = await yard.call(f"/bedrock/model/anthropic.claude-x/{verb}", asked)

    assert heard.body == answers[verb][1]
    assert bedrock.last.body == asked
    assert yard.last.exchange.kind == "chat"
    assert yard.last.usage is not None
    assert yard.last.usage.total == 37


async def test_bodies_of_other_models_are_relayed_unread_and_metered_from_headers(
    yard: Yard, bedrock: ScriptedProvider
) -> None:
    counted = {
        **JSON,
        "x-amzn-bedrock-input-token-count": "12",
        "x-amzn-bedrock-output-token-count": "5",
    }
    bedrock.sends(200, counted, b'{"results":[{"outputText":"ok"}]}')
    asked = b'{"inputText": "hi",   "textGenerationConfig": {}}'
    heard = await yard.call("/bedrock/model/amazon.titan-text-lite-v1/invoke", asked)

    assert heard.body == b'{"results":[{"outputText":"ok"}]}'
    assert bedrock.last.body == asked
    assert yard.last.exchange.kind == "passthrough"
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (12, 5)


async def test_counts_at_the_end_of_an_unread_stream_are_found(
    yard: Yard, bedrock: ScriptedProvider
) -> None:
    metrics = {"inputTokenCount": 12, "outputTokenCount": 5, "invocationLatency": 9}
    stream = chunks({"generation": "ok"}, {"amazon-bedrock-invocationMetrics": metrics})
    bedrock.sends(200, FRAMES, stream)
    verb = "invoke-with-response-stream"
    heard = await yard.call(f"/bedrock/model/meta.llama3-v1/{verb}", b'{"prompt":"hi"}')

    assert heard.body == stream
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (12, 5)


async def test_a_signature_of_the_clients_own_stays_here(
    yard: Yard, bedrock: ScriptedProvider
) -> None:
    bedrock.sends(200, JSON, converse({"text": "ok"}))
    own = {
        "x-stockyard-key": yard.key,
        "authorization": "AWS4-HMAC-SHA256 Credential=CLIENT/x",
        "x-amz-date": "20200101T000000Z",
        "x-amz-security-token": "client-session",
        "x-amzn-bedrock-trace": "ENABLED",
    }
    await yard.open()
    await yard.call(NATIVE, ASKED, headers={**own, "x-stockyard-key": yard.key})

    assert signed_right(bedrock.last)
    assert "client" not in str(bedrock.last.raw_headers).lower()
    assert bedrock.last.headers["x-amzn-bedrock-trace"] == "ENABLED"


@pytest.mark.parametrize("verb", ["converse", "converse-stream"])
async def test_an_answer_that_a_module_edits_is_written_as_the_service_would(
    yard: Yard, bedrock: ScriptedProvider, verb: str
) -> None:
    secret = "AKIA" + "Q7ZR2M5KX3WJ4D6T"
    yard.enable("secretscan")
    told = f"Take {secret} now."
    answers: Mapping[str, Any] = {
        "converse": (JSON, converse({"text": told})),
        "converse-stream": (
            FRAMES,
            frames(START, delta(0, text=told[:12]), delta(0, text=told[12:]), END, COUNTS),
        ),
    }
    bedrock.sends(200, *answers[verb])
    asked = {"messages": [{"role": "user", "content": [{"text": told}]}]}
    heard = await yard.call(f"/bedrock/model/amazon.nova-lite-v1%3A0/{verb}", asked)

    assert secret not in bedrock.last.body.decode()
    assert signed_right(bedrock.last)
    if verb == "converse":
        said = heard.json["output"]["message"]["content"][0]["text"]
    else:
        events = [json.loads(f.payload) for f in eventstream.Frames().feed(heard.body)]
        said = "".join(event.get("delta", {}).get("text", "") for event in events)
        assert events[-1]["usage"]["totalTokens"] == 37
    assert said.startswith("Take ")
    assert said.endswith(" now.")
    assert secret not in said
