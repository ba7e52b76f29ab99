"""The numbered pitfalls of `streaming.md` that concern the whole way, and stand nowhere else."""

import asyncio

import pytest

from stockyard.core.signals import ExchangeFinished
from stockyard.gateway.pings import Pings
from stockyard.testing import Point, Script, cut_every
from stockyard.testing.yard import CHAT, MESSAGES, Yard
from tests.dialects import TRANSLATIONS

ERRORS = {
    "an error object": b'data: {"error":{"message":"Told to fail.","type":"server_error"}}\n\n',
    "an event": b'event: error\ndata: {"error":{"message":"Told to fail."}}\n\n',
    "and then the end": b'data: {"error":{"message":"Told to fail."}}\n\ndata: [DONE]\n\n',
    "a text": b'data: {"error":"Told to fail."}\n\n',
    "a finish": (
        b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        b'[{"index":0,"delta":{},"finish_reason":"error"}]}\n\n'
    ),
}


def failover(yard: Yard, provider: str, model: str) -> None:
    target = {"provider": provider, "model": model}
    yard.enable("failover", chains=[{"targets": [target]}])


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
class TestS15ErrorsInsideAStream:
    @pytest.mark.parametrize("point", [0, "open"])
    async def test_s15_an_error_before_content_is_a_failed_attempt(
        self, yard: Yard, path: str, error: bytes, point: Point
    ) -> None:
        yard.provider("openai").streams("hel", "lo").ends_with(error, after=point)
        yard.provider("anthropic").streams("saved")
        failover(yard, "anthropic", "claude-x")
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.pieces == ["saved"]
        assert answer.ended
        assert yard.last.outcomes == ["failed", "ok"]

    async def test_s15_an_error_after_content_is_an_error_event(
        self, yard: Yard, path: str, error: bytes
    ) -> None:
        script = (
            yard.provider("openai").streams("hel", "lo").ends_with(error, after="first_content")
        )
        script.in_pieces(cut_every(16)).slowly(between=0.002)
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.pieces == ["hel"]
        assert answer.error is not None
        assert not answer.ended
        assert b'"stop"' not in answer.body
        assert b"end_turn" not in answer.body

    async def test_s15_a_tool_call_that_began_commits(
        self, yard: Yard, path: str, error: bytes
    ) -> None:
        script = yard.provider("openai").calls_tool("weather", {"city": "Köln"})
        script.ends_with(error, after="first_content")
        script.in_pieces(cut_every(16)).slowly(between=0.002)
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.streamed
        assert answer.error is not None
        assert not answer.ended


class TestS16Failover:
    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    async def test_s16_failover_tells_one_id_and_one_model(self, yard: Yard, path: str) -> None:
        yard.provider("openai").streams("never").cuts_after("open")
        yard.provider("anthropic").streams("hel", "lo")
        failover(yard, "anthropic", "claude-x")
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.text == "hello"
        told = [event.json for event in answer.events if isinstance(event.json, dict)]
        named = [one.get("message", one) for one in told if "id" in one.get("message", one)]
        assert len({one["id"] for one in named}) == 1
        starts = [one for one in told if one.get("type") == "message_start"]
        assert len(starts) == (1 if path == MESSAGES else 0)
        assert b"gpt-scripted" not in answer.body
        assert answer.headers["x-stockyard-provider"] == "anthropic"
        assert answer.headers["x-stockyard-failover-from"] == "openai/gpt-scripted"

    async def test_s16_the_second_provider_is_asked_what_the_client_asked(self, yard: Yard) -> None:
        yard.provider("openai").fails(503)
        anthropic = yard.provider("anthropic").says("hello")
        failover(yard, "anthropic", "claude-x")
        await yard.chat("the question", temperature=0.5)
        assert anthropic.last.prompt == "the question"
        assert anthropic.last.fields["model"] == "claude-x"
        assert anthropic.last.fields["temperature"] == 0.5


class TestS21FinishBeforeUsage:
    @pytest.mark.parametrize(("provider", "path"), TRANSLATIONS)
    async def test_s21_usage_that_comes_late_is_still_told(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        yard.provider(provider).streams("hel", "lo").counts(30, 7).counts_late(0.05)
        options = {"include_usage": True}
        more = {"stream_options": options} if path == CHAT else {}
        answer = await yard.call(path, yard.body("hi", stream=True, **more))
        assert answer.ended
        said = [event.json for event in answer.events if isinstance(event.json, dict)]
        counts = [one["usage"] for one in said if one.get("usage")]
        assert counts[-1].get("completion_tokens", counts[-1].get("output_tokens")) == 7
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 7

    @pytest.mark.parametrize(("provider", "path"), TRANSLATIONS)
    @pytest.mark.parametrize("odd", [Script.counts_nothing, Script.counts_twice, Script.ends_twice])
    async def test_s22_a_stream_has_one_finish_and_at_most_one_count(
        self, yard: Yard, provider: str, path: str, odd: object
    ) -> None:
        odd(yard.provider(provider).streams("hel", "lo"))  # type: ignore[operator]  # the table holds functions
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.text == "hello"
        assert answer.ended
        assert [event.data for event in answer.events].count("[DONE]") <= 1
        assert [event.name for event in answer.events].count("message_stop") <= 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("stream", [False, True])
async def test_s13_a_redirect_is_no_answer_whatever_it_says(
    yard: Yard, stream: bool, status: int
) -> None:
    """Nobody is sent a credential because a provider said so."""
    body = (
        b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}'
    )
    elsewhere, openai = yard.provider("groq").says("never"), yard.provider("openai")
    await yard.open()
    for module in ("retrypilot", "failover"):
        yard.disable(module)
    to = {"content-type": "application/json", "location": f"{elsewhere.url}/v1/elsewhere"}
    openai.sends(status, to, body)
    answer = await yard.call(CHAT, yard.body("hi", model="openai/gpt-4o", stream=stream))
    assert (answer.status, answer.streamed) == (502, False)
    assert len(openai.requests) == 1
    assert not elsewhere.requests


async def test_s34_a_stream_that_goes_on_is_not_pinged(yard: Yard) -> None:
    yard.provider("openai").streams(*["x"] * 20).slowly(between=0.03)
    await yard.open()
    yard.stockyard.office.pings = Pings(1.0)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
        await client.until(b"[DONE]")
        assert b": ping" not in client.wire


@pytest.mark.parametrize(("provider", "path"), TRANSLATIONS)
async def test_s25_the_call_is_settled_before_its_last_byte(
    yard: Yard, provider: str, path: str
) -> None:
    """Whoever keeps the books has heard of the end when the terminator is written."""
    yard.provider(provider).streams("hel", "lo")
    await yard.open()
    written: list[bytes] = []

    async with yard.raw() as client:

        def look(_signal: ExchangeFinished) -> None:
            written.append(client.wire)

        yard.stockyard.signals.listen(ExchangeFinished, "look", look)
        client.ask(path, yard.body("hi", stream=True), headers=yard.headers)
        await client.until(b"0\r\n\r\n")
    (before,) = written
    assert b"[DONE]" not in before
    assert b"message_stop" not in before


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_s38_a_stream_that_was_left_keeps_the_usage_that_was_told(
    yard: Yard, provider: str
) -> None:
    script = yard.provider(provider).streams("hel", "lo").counts(30, 7)
    script.counts_unasked().stalls_after("usage")
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
        await client.until(b"lo")
        await asyncio.sleep(0.02)
    assert await yard.ended(1)
    assert yard.last.abandoned
    assert yard.last.usage is not None
    assert yard.last.usage.prompt == 30


async def test_s43_a_connection_that_went_stale_costs_nothing(yard: Yard) -> None:
    openai = yard.provider("openai").says("one").closes().says("two")
    assert (await yard.chat("hi")).text == "one"
    await asyncio.sleep(0.02)
    assert (await yard.chat("hi")).text == "two"
    assert yard.last.attempts == ["openai 200"]
    assert openai.connections == 2


class TestS46Cache:
    async def test_s46_a_stream_that_broke_off_is_not_kept(self, yard: Yard) -> None:
        openai = yard.provider("openai").streams("hel", "lo").cuts_after("first_content")
        openai.streams("hel", "lo")
        yard.enable("cache")
        assert (await yard.stream("hi")).error is not None
        assert (await yard.stream("hi")).text == "hello"
        assert len(openai.requests) == 2

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    @pytest.mark.parametrize("provider", ["openai", "anthropic"])
    async def test_s46_a_complete_stream_is_replayed_whole_or_streamed(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        script = yard.provider(provider).streams("hel", "lo").counts(30, 7)
        yard.enable("cache")
        body = yard.body("hi", temperature=0)
        first = await yard.call(path, {**body, "stream": True})
        again = await yard.call(path, {**body, "stream": True})
        whole = await yard.call(path, body)
        assert [first.text, again.text, whole.text] == ["hello"] * 3
        assert again.ended
        assert len(script.requests) == 1
        assert yard.last.attempts == []

    async def test_s47_a_whole_answer_is_replayed_as_a_stream(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello there")
        yard.enable("cache")
        assert (await yard.chat("hi")).text == "hello there"
        stream = await yard.stream("hi", stream_options={"include_usage": True})
        assert stream.text == "hello there"
        assert stream.ended
        assert stream.events[-2].json["usage"]["completion_tokens"] == 12
        assert len(openai.requests) == 1


async def test_s54_many_streams_at_once_share_few_connections(yard: Yard) -> None:
    openai = yard.provider("openai").streams("hel", "lo")
    await yard.open()
    for _ in range(2):
        answers = await asyncio.gather(*(yard.stream("hi") for _ in range(40)))
        assert {answer.text for answer in answers} == {"hello"}
    assert openai.connections <= 40
