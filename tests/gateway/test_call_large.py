"""A whole answer of more than 1 MiB that nobody here reads flows to its client as it comes."""

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.testing.yard import CHAT, Yard

JSON = {"content-type": "application/json"}
ANSWER = (
    b'{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}' % (b"x" * 3_000_000)
)
NATIVE = "/openai/v1/chat/completions"
EARLY = 2_000_000


class Reader(Module[ModuleConfig]):
    """Must see what the answer says."""

    name = "reader"
    category = "observe"
    stage = Stage.OBSERVE
    wants_response = True

    def on_response(self, x: Exchange) -> None:
        assert x.response is not None


class Holder(Module[ModuleConfig]):
    """Holds every answer until it is complete."""

    name = "holder"
    category = "observe"
    stage = Stage.INSPECT
    streaming = Streaming.WHOLE

    def on_response(self, x: Exchange) -> None:
        assert x.response is not None


@pytest.mark.parametrize("path", [CHAT, NATIVE])
async def test_a_large_answer_is_under_way_before_its_end_has_come(yard: Yard, path: str) -> None:
    openai = yard.provider("openai").sends(200, JSON, ANSWER).stalls_after_bytes(EARLY)
    async with yard.raw() as client:
        client.ask(path, yard.body("hi"), headers=yard.headers)
        head = await client.until(b"x" * 100_000)
        assert head.startswith(b"HTTP/1.1 200")
        openai.goes_on()
        await client.until(b"\r\n0\r\n\r\n")
        answer = client.reply
    assert answer.body == ANSWER
    assert answer.header("content-type") == "application/json"
    assert await yard.ended(1)
    assert not yard.last.streamed
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (3, 2)
    assert yard.last.outcomes == ["ok"]


@pytest.mark.parametrize("module", [Reader, Holder])
async def test_a_large_answer_waits_for_modules_that_must_see_it(yard: Yard, module: type) -> None:
    yard.add(module)
    openai = yard.provider("openai").sends(200, JSON, ANSWER).stalls_after_bytes(EARLY)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi"), headers=yard.headers)
        assert await openai.called()
        assert await client.until_quiet(0.2) == b""
        openai.goes_on()
        await client.until(b'"total_tokens":5}}')
        assert client.reply.body == ANSWER


@pytest.mark.parametrize("path", [CHAT, NATIVE])
async def test_a_large_answer_that_is_cut_has_no_proper_end(yard: Yard, path: str) -> None:
    yard.provider("openai").sends(200, JSON, ANSWER).cuts_after_bytes(EARLY)
    answer = await yard.call(path, yard.body("hi"))
    assert not answer.complete
    assert ANSWER.startswith(answer.body)
    assert await yard.ended(1)
    assert yard.last.outcomes == ["partial"]
    assert yard.last.error is not None


async def test_an_error_of_any_size_is_read(yard: Yard) -> None:
    yard.provider("openai").sends(400, JSON, b'{"error":{"message":"%b"}}' % (b"x" * 2_000_000))
    answer = await yard.chat("hi")
    assert (answer.status, answer.complete) == (400, True)
    assert len(answer.body) < 100_000


async def test_a_large_answer_in_another_format_is_written_anew(yard: Yard) -> None:
    yard.provider("anthropic").says("x" * 1_500_000)
    answer = await yard.chat("hi", model="claude-sonnet-4-5")
    assert answer.text == "x" * 1_500_000


async def test_a_client_that_leaves_ends_a_large_answer(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, ANSWER).stalls_after_bytes(EARLY)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi"), headers=yard.headers)
        await client.until(b"x" * 100_000)
    assert await openai.closed_by_client()
    assert await yard.ended(1)
    assert yard.last.outcomes == ["abandoned"]
