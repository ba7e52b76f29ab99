"""Repeated requests: one upstream call, and the same bytes for everybody who asks."""

import asyncio
import json
from typing import Any

import pytest

from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from stockyard.core.inbound import ControlHeaders
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.core.redelivery import Redelivery
from stockyard.core.target import Target
from stockyard.errors import Refused
from stockyard.modules.reliability.idempotency import AT_ONCE_BYTES, Config, Idempotency
from stockyard.testing.calls import a_call
from stockyard.testing.yard import CHAT, MESSAGES, Yard, becomes
from tests.builders import an_exchange, notes, some_ports
from tests.modules.reliability.keyed_calls import (
    GEMINI,
    JSON,
    KEY,
    NATIVE,
    RESPONSES,
    body_for,
    heard_by_two,
    started,
)
from tests.teams import another_team


def a_chat_answer(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-scripted"}
    return json.dumps(answer | {"choices": [choice]}, separators=(",", ":")).encode()


WAYS = [
    (CHAT, True),
    (CHAT, False),
    (MESSAGES, True),
    (MESSAGES, False),
    (RESPONSES, True),
    (RESPONSES, False),
    (NATIVE, True),
    (NATIVE, False),
    (GEMINI + "streamGenerateContent?alt=sse", True),
    (GEMINI + "streamGenerateContent", True),
    (GEMINI + "generateContent", False),
]


@pytest.mark.parametrize(("path", "stream"), WAYS, ids=str)
async def test_s51_two_clients_one_upstream_call_equal_bytes(
    yard: Yard, path: str, stream: bool
) -> None:
    openai = yard.provider("openai").streams("one", " two", " three")
    openai.stalls_after("first_content" if stream else "head")
    yard.enable("idempotency")
    await yard.open()
    body = body_for(yard, path, stream=stream)
    heard, again = await heard_by_two(yard, openai, path, body)
    later = await yard.call(path, body, headers=KEY)
    assert b"three" in heard.body
    assert heard.complete
    for other in (again, later):
        assert (other.status, other.body, other.complete) == (200, heard.body, True)
        assert other.headers["content-type"] == heard.headers["content-type"]
        assert other.headers.get("content-length") == heard.headers.get("content-length")
        assert other.headers["idempotent-replay"] == "true"
        assert other.headers["x-request-id"] != heard.headers["x-request-id"]
    assert "idempotent-replay" not in heard.headers
    assert len(openai.requests) == 1


OTHER_KINDS = [
    ("/v1/embeddings", {"model": "gpt-scripted", "input": "hi"}, b'{"object":"list","data":[]}'),
    ("/v1/audio/speech", {"model": "gpt-scripted", "input": "hi", "voice": "v"}, b"ID3" * 1000),
    ("/openai/v1/audio/speech", {"model": "m", "input": "hi", "voice": "v"}, b"ID3" * 1000),
    (CHAT, a_call("hi") | {"model": "gpt-scripted"}, a_chat_answer("x" * 2_000_000)),
]


@pytest.mark.parametrize(("path", "body", "answer"), OTHER_KINDS, ids=lambda value: str(value)[:24])
async def test_s51_other_kinds_and_large_answers(
    yard: Yard, path: str, body: dict[str, Any], answer: bytes
) -> None:
    media = "audio/mpeg" if "speech" in path else "application/json"
    openai = yard.provider("openai").sends(200, {"content-type": media}, answer)
    yard.enable("idempotency")
    first, again = [await yard.call(path, body, headers=KEY) for _ in range(2)]
    assert (first.status, first.headers["content-type"]) == (200, media)
    assert len(first.body) >= len(answer) - 100
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["content-type"] == media
    assert again.headers["idempotent-replay"] == "true"
    assert len(openai.requests) == 1


async def test_s51_twenty_who_ask_at_once_share_one_call(yard: Yard) -> None:
    openai = yard.provider("openai").streams(*["word "] * 50).slowly(between=0.002)
    yard.enable("idempotency")
    await yard.open()
    heard = await asyncio.gather(*(yard.stream("hi", headers=KEY) for _ in range(20)))
    assert len({one.body for one in heard}) == 1
    assert heard[0].text == "word " * 50
    assert [started(one) for one in heard].count(True) == 1
    assert len(openai.requests) == 1
    assert await yard.ended(20)
    assert sum(call.usage is not None for call in yard.calls) == 1
    assert sum(call.findings == ["idempotency joined"] for call in yard.calls) == 19


async def test_a_repeat_has_a_trace_of_its_own_that_counts_nothing_twice(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("idempotency")
    await yard.chat("hi", headers=KEY)
    await yard.chat("hi", headers=KEY)
    first, again = yard.calls
    assert first.usage is not None
    assert (again.usage, again.exchange.stored_usage) == (None, first.usage)
    assert (again.attempts, again.status, again.streamed) == ([], 200, False)
    assert again.exchange.target == Target("openai", "gpt-scripted")
    assert again.exchange.id != first.exchange.id
    [finding] = again.exchange.findings
    assert (finding.action, finding.detail) == ("replayed", {"of": first.exchange.id})


async def test_repeats_use_up_no_limit(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("idempotency")
    yard.enable("ratelimit", limits=[{"calls": 1, "per_seconds": 3600, "by": "key"}])
    statuses = [(await yard.chat("hi", headers=KEY)).status for _ in range(3)]
    assert statuses == [200, 200, 200]
    assert (await yard.chat("hi")).status == 429


# What is the same request


@pytest.mark.parametrize(
    ("path", "prompt"),
    [(CHAT, "ho"), (MESSAGES, "hi"), (NATIVE, "hi"), (CHAT + "?a=1", "hi")],
    ids=["body", "path", "native path", "query"],
)
async def test_another_request_with_the_same_key_is_refused(
    yard: Yard, path: str, prompt: str
) -> None:
    openai = yard.provider("openai").says("hello")
    yard.enable("idempotency")
    await yard.chat("hi", headers=KEY, max_tokens=9)
    heard = await yard.call(path, yard.body(prompt, max_tokens=9), headers=KEY)
    assert heard.status == 422
    assert "Idempotency-Key" in json.dumps(heard.json)
    assert yard.last.refused_by == "idempotency"
    assert yard.last.findings == ["idempotency mismatch"]
    assert len(openai.requests) == 1


async def test_the_same_value_of_two_keys_or_two_teams_is_not_the_same(yard: Yard) -> None:
    openai = yard.provider("openai").says("one", "two", "three")
    yard.enable("idempotency")
    theirs = await another_team(yard)
    _, secret = await yard.stockyard.keys.create("second")
    ours = {"authorization": f"Bearer {secret}"}
    texts = [(await yard.chat("hi", headers=KEY | who)).text for who in ({}, ours, theirs)]
    again = [(await yard.chat("hi", headers=KEY | who)).text for who in ({}, ours, theirs)]
    assert texts == again == ["one", "two", "three"]
    assert len(openai.requests) == 3


async def test_a_large_body_is_told_apart_by_its_last_byte(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("idempotency")
    prompt = "x" * AT_ONCE_BYTES
    statuses = [(await yard.chat(prompt + last, headers=KEY)).status for last in ("a", "a", "b")]
    assert statuses == [200, 200, 422]


async def test_too_long_a_key_is_refused(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("idempotency", max_key_chars=6)
    heard = await yard.chat("hi", headers=KEY)
    assert (heard.status, heard.json["error"]["code"]) == (400, "invalid_control_header")


# Calls that are not covered


async def test_calls_without_the_header_do_not_pass_the_module(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    yard.enable("idempotency")
    await yard.chat("hi")
    await yard.chat("hi")
    assert len(openai.requests) == 2
    assert "idempotency on_request" not in yard.last.strip
    line = yard.stockyard.line
    assert not line.pipelines["chat"].waits
    assert line.keyed.pipelines["chat"].is_keyed


async def test_while_it_is_off_both_kinds_of_call_have_the_same_pipelines(yard: Yard) -> None:
    yard.enable("idempotency")
    await yard.open()
    yard.disable("idempotency")
    line = yard.stockyard.line
    assert line.keyed.pipelines is line.pipelines


async def test_things_that_a_provider_stores_are_not_covered(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, b'{"id":"batch_1","object":"batch"}')
    yard.enable("idempotency")
    for path in ("/v1/batches", "/openai/v1/batches"):
        openai.requests.clear()
        for _ in range(2):
            assert (await yard.call(path, {"endpoint": CHAT}, headers=KEY)).status == 200
        assert [request.headers.get("idempotency-key") for request in openai.requests] == [
            "order-1",
            "order-1",
        ]


async def test_paths_without_a_codec_are_covered(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, b'{"id":"ftjob-1"}')
    yard.enable("idempotency")
    path, body = "/openai/v1/fine_tuning/jobs", {"model": "gpt-scripted"}
    first = await yard.call(path, body, headers=KEY)
    again = await yard.call(path, body, headers=KEY)
    assert (again.status, again.body) == (200, first.body)
    assert len(openai.requests) == 1


async def test_what_a_repeat_names_is_not_counted_again(yard: Yard) -> None:
    yard.provider("openai").sends(200, JSON, b'{"id":"ftjob-1"}')
    yard.enable("idempotency")
    path, body = "/openai/v1/fine_tuning/jobs", {"model": "gpt-scripted"}
    await yard.call(path, body, headers=KEY)
    owed, team = yard.stockyard.reception.keepers.owed, yard.last.exchange.caller.team_id
    assert await becomes(lambda: owed.owes(team, "ftjob-1"))
    await owed.settle(team, "ftjob-1")
    await yard.call(path, body, headers=KEY)
    assert yard.last.findings == ["idempotency replayed"]
    assert not owed.owes(team, "ftjob-1")


# The module alone


def keyed(key: str = "k", *, id: str = "req_1", **caller: Any) -> Exchange:
    return an_exchange(
        asked=ControlHeaders(idempotency=key), id=id, caller=Caller(**{"key_id": "key_1", **caller})
    )


async def test_if_there_is_no_room_the_call_is_made_all_the_same() -> None:
    ports = some_ports()
    ports.claims._max_bytes = 10  # type: ignore[attr-defined]  # a small one
    module, x = Idempotency(Config(), ports), keyed()
    assert await module.on_request(x) is None
    assert x.claim is None
    assert notes(x) == ["not_kept"]


async def test_when_too_many_have_joined_the_next_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stockyard.core.claim.MAX_READERS", 2)
    module = Idempotency(Config(), some_ports())
    assert await module.on_request(keyed()) is None
    for id in ("req_2", "req_3"):
        assert isinstance(await module.on_request(keyed(id=id)), Redelivery)
    with pytest.raises(Refused, match="still running"):
        await module.on_request(keyed(id="req_4"))


class Holder(Module[ModuleConfig]):
    """Wants to read answers whole, outside of everything else."""

    name = "holder"
    category = "observe"
    stage = Stage.OBSERVE
    streaming = Streaming.WHOLE

    def on_response(self, x: Exchange) -> None:
        return


async def test_a_module_outside_that_wants_it_whole_gets_no_repeat(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.add(Holder)
    yard.enable("idempotency")
    assert (await yard.stream("hi", headers=KEY)).text == "hello"
    again = await yard.stream("hi", headers=KEY)
    assert (again.status, again.json["error"]["code"]) == (409, "idempotency_no_result")
