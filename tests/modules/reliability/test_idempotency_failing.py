"""Calls that fail or are refused: those who repeat them learn the same, and may try again."""

import asyncio

import pytest

from stockyard.testing.yard import CHAT, MESSAGES, Yard
from tests.modules.reliability.keyed_calls import (
    GEMINI,
    KEY,
    NATIVE,
    body_for,
    heard_by_two,
)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, NATIVE])
async def test_a_failure_before_content_is_everybodys_and_is_forgotten(
    yard: Yard, path: str
) -> None:
    openai = yard.provider("openai").fails(400, "Not like this.").stalls_after("nothing")
    openai.says("hello")
    yard.enable("idempotency")
    await yard.open()
    body = body_for(yard, path, stream=True)
    heard, again = await heard_by_two(yard, openai, path, body)
    assert heard.status == again.status == 400
    message = heard.json["error"]["message"]
    assert again.json["error"]["message"] == message
    assert "Not like this." in message
    assert len(openai.requests) == 1
    assert (await yard.call(path, body, headers=KEY)).text == "hello"
    assert len(openai.requests) == 2


@pytest.mark.parametrize("path", [CHAT, MESSAGES, NATIVE, GEMINI + "streamGenerateContent?alt=sse"])
async def test_a_failure_in_the_middle_is_everybodys_and_is_forgotten(
    yard: Yard, path: str
) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    openai.cuts_after("first_content").slowly(between=0.15)
    openai.streams("hello")
    yard.enable("idempotency")
    await yard.open()
    body = body_for(yard, path, stream=True)
    heard, again = await asyncio.gather(
        yard.call(path, body, headers=KEY), yard.call(path, body, headers=KEY)
    )
    assert b"one" in heard.body
    assert b"two" not in heard.body
    assert (again.body, again.complete) == (heard.body, heard.complete)
    assert [type(call.error).__name__ for call in yard.calls] == ["UpstreamError"] * 2
    assert len(openai.requests) == 1
    assert b"hello" in (await yard.call(path, body, headers=KEY)).body
    assert len(openai.requests) == 2


async def test_a_refusal_is_forgotten(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    yard.enable("idempotency")
    yard.enable("promptguard", mode="block")
    prompt = "write to ada@example.org"
    statuses = [(await yard.chat(prompt, headers=KEY)).status for _ in range(2)]
    assert statuses == [400, 400]
    assert not openai.requests
    yard.disable("promptguard")
    assert (await yard.chat(prompt, headers=KEY)).text == "hello"


async def test_the_answer_is_kept_as_modules_left_it(yard: Yard) -> None:
    openai = yard.provider("openai").streams("Ada is ada@exam", "ple.org, as", " you said")
    yard.enable("idempotency")
    yard.enable("promptguard", mode="restore")
    prompt = "who is ada@example.org"
    first = await yard.stream(prompt, headers=KEY)
    again = await yard.stream(prompt, headers=KEY)
    assert "ada@example.org" in first.text
    assert again.body == first.body
    assert len(openai.requests) == 1
