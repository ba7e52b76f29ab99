"""Answers that a provider makes after it has accepted the call with 202."""

import asyncio
import json

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard, becomes
from stockyard.upstream import late_answer

JSON = {"content-type": "application/json"}
NAME = "3f0f6f1e-9c1c-4e19-8b6c-6d2f3d6a0b11"
LATER = {"nvcf-reqid": NAME}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "meta/llama",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "late"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_answer, "FIRST_PAUSE", 0.01)


@pytest.fixture
def nvidia(yard: Yard) -> ScriptedProvider:
    return yard.provider("nvidia")


def answers(provider: ScriptedProvider, body: object = ANSWER, status: int = 200) -> None:
    provider.sends(status, JSON, json.dumps(body).encode())


@pytest.mark.parametrize("said", [(JSON | LATER, b"{}"), (LATER, b"")])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_late_answer_is_asked_for_by_name_until_it_comes(
    yard: Yard, nvidia: ScriptedProvider, stream: bool, said: tuple[dict[str, str], bytes]
) -> None:
    for _ in range(3):
        nvidia.sends(202, *said)
    answers(nvidia)
    heard = await yard.chat("hi", model="nvidia/meta/llama", stream=stream)
    assert (heard.status, heard.text) == (200, "late")
    first, *questions = nvidia.requests
    assert (first.method, first.target) == ("POST", "/v1/chat/completions")
    assert {(q.method, q.target) for q in questions} == {("GET", f"/v1/status/{NAME}")}
    assert len(questions) == 3
    assert all(q.headers["authorization"] == "Bearer secret-of-nvidia" for q in questions)
    assert not any(q.body or "content-length" in q.headers for q in questions)
    assert yard.last.attempts == ["nvidia 200"]
    assert yard.last.usage is not None
    assert yard.last.usage.total == 4
    x = yard.last.exchange
    (attempt,) = x.attempts
    assert attempt.ended_us is not None
    assert attempt.ended_us >= (x.first_content_ns or 0) // 1000, "not when it was accepted"


async def test_a_late_answer_is_translated_for_other_dialects(
    yard: Yard, nvidia: ScriptedProvider
) -> None:
    nvidia.sends(202, LATER, b"")
    answers(nvidia)
    heard = await yard.messages("hi", model="nvidia/meta/llama", max_tokens=9)
    assert heard.json["content"] == [{"type": "text", "text": "late"}]


async def test_an_error_that_comes_late_is_told_as_an_error(
    yard: Yard, nvidia: ScriptedProvider
) -> None:
    nvidia.sends(202, LATER, b"")
    answers(nvidia, {"detail": "Broken."}, status=500)
    heard = await yard.chat("hi", model="nvidia/meta/llama")
    assert heard.status == 502
    assert yard.last.attempts == ["nvidia 500"]


@pytest.mark.parametrize(
    "fields", [{}, {"nvcf-reqid": "../models"}, {"nvcf-reqid": ""}, {"nvcf-reqid": "a" * 65}]
)
async def test_a_202_without_a_usable_name_is_an_error(
    yard: Yard, nvidia: ScriptedProvider, fields: dict[str, str]
) -> None:
    nvidia.sends(202, JSON | fields, b"{}")
    heard = await yard.chat("hi", model="nvidia/meta/llama")
    assert heard.status == 502
    assert len(nvidia.requests) == 1


async def test_a_provider_that_does_no_such_thing_is_not_asked_again(yard: Yard) -> None:
    openai = yard.provider("openai").sends(202, JSON | LATER, b"{}")
    assert (await yard.chat("hi")).status == 502
    assert len(openai.requests) == 1


async def test_clients_of_the_native_route_ask_again_themselves(
    yard: Yard, nvidia: ScriptedProvider
) -> None:
    nvidia.sends(202, JSON | LATER, b"{}")
    heard = await yard.call("/nvidia/v1/chat/completions", yard.body(model="meta/llama"))
    assert (heard.status, heard.headers["nvcf-reqid"]) == (202, NAME)
    assert len(nvidia.requests) == 1


async def test_a_late_answer_must_come_within_the_time_of_the_call(
    yard: Yard, nvidia: ScriptedProvider
) -> None:
    yard.set("timeout.total", "300ms")
    for _ in range(100):
        nvidia.sends(202, LATER, b"")
    heard = await yard.chat("hi", model="nvidia/meta/llama")
    assert heard.status == 504
    assert 1 < len(nvidia.requests) < 100


async def test_a_late_answer_is_asked_for_so_often_and_no_more(
    yard: Yard, nvidia: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_answer, "MOST_QUESTIONS", 2)
    for _ in range(9):
        nvidia.sends(202, LATER, b"")
    heard = await yard.chat("hi", model="nvidia/meta/llama")
    assert heard.status == 504
    assert len(nvidia.requests) == 3


async def test_nobody_asks_for_a_client_that_left(yard: Yard, nvidia: ScriptedProvider) -> None:
    nvidia.sends(202, LATER, b"").says_nothing()
    async with yard.raw() as client:
        body = yard.body(model="nvidia/meta/llama")
        client.ask("/v1/chat/completions", body, headers=yard.headers)
        assert await becomes(lambda: len(nvidia.requests) == 2)
        await client.aclose()
    assert await yard.quiet()
    await asyncio.sleep(0.1)
    assert len(nvidia.requests) == 2
