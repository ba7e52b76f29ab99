"""One try at a Target: where it goes, what the request looks like there, and what is recorded."""

import asyncio

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Call, Module, ModuleConfig, Stage
from stockyard.core.stream import Answer
from stockyard.core.target import Target
from stockyard.errors import UpstreamError
from stockyard.testing.yard import CHAT, MESSAGES, Yard


class TriesAgain(Module[ModuleConfig]):
    """Tries until an answer comes, without end."""

    name = "tries_again"
    category = "routing"
    stage = Stage.CALL

    async def around(self, x: Exchange, call: Call) -> Answer:
        while True:
            try:
                return await call(x)
            except UpstreamError:
                await asyncio.sleep(0.01)


class GoesTo(Module[ModuleConfig]):
    """Wants a Target that the call may not use."""

    name = "goes_to"
    category = "routing"
    stage = Stage.CALL

    async def around(self, x: Exchange, call: Call) -> Answer:
        x.target = Target("openai", "gpt-4o")
        return await call(x)


class Drops(Module[ModuleConfig]):
    """Takes the first stream, throws it away unread, and answers with the second."""

    name = "drops"
    category = "routing"
    stage = Stage.CALL

    async def around(self, x: Exchange, call: Call) -> Answer:
        await call(x)
        await asyncio.sleep(0.2)
        return await call(x)


class TestWhere:
    async def test_an_unknown_model_is_told_the_nearest_names(self, yard: Yard) -> None:
        yard.provider("openai").says("never")
        yard.set("aliases.my-model", "openai/gpt-4o")
        answer = await yard.chat("hi", model="my-modle")
        assert answer.status == 404
        assert answer.error is not None
        assert "my-model" in answer.error["message"]
        assert "my-model" in answer.error["stockyard"]["detail"]["nearest"]
        assert yard.last.attempts == []

    async def test_a_constraint_holds_whoever_proposes_a_target(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("never")
        yard.provider("anthropic").says("never")
        yard.add(GoesTo)
        headers = {"x-stockyard-provider": "anthropic"}
        answer = await yard.chat("hi", model="claude-x", headers=headers)
        assert answer.status == 503
        assert answer.error is not None
        assert answer.error["code"] == "no_target"
        assert not openai.requests

    async def test_a_call_is_tried_so_often_and_no_more(self, yard: Yard) -> None:
        openai = yard.provider("openai").fails(503)
        yard.add(TriesAgain)
        answer = await yard.chat("hi")
        assert answer.status == 503
        assert len(openai.requests) == 20

    async def test_the_total_is_that_of_all_tries(self, yard: Yard) -> None:
        openai = yard.provider("openai").fails(503).slowly(before=0.05)
        yard.set("timeout.total", "150ms")
        yard.add(TriesAgain)
        asked = asyncio.create_task(yard.chat("hi"))
        await asyncio.wait_for(asked, 5)
        attempts = yard.last.exchange.attempts
        assert attempts[-1].timer == "timeout.total"
        assert len(openai.requests) < len(attempts)  # what comes later is not even sent

    async def test_an_address_that_may_not_be_called_is_not(self, yard: Yard) -> None:
        yard.provider("openai", base_url="http://169.254.169.254/v1").says("never")
        answer = await yard.chat("hi")
        assert answer.status == 502
        assert "169.254" not in answer.body.decode()
        assert answer.headers["x-should-retry"] == "false"


class TestHeads:
    async def test_the_client_is_not_shown_to_the_provider(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        fields = {
            "cookie": "a=b",
            "user-agent": "mine/1",
            "x-stainless-os": "Linux",
            "openai-organization": "org",
            "x-forwarded-for": "10.0.0.1",
            "x-odd": "1",
        }
        await yard.chat("hi", headers=fields)
        assert set(openai.last.headers) == {
            *("host", "authorization", "content-type", "accept-encoding", "user-agent"),
            "content-length",
        }
        assert openai.last.headers["user-agent"].startswith("stockyard/")

    async def test_some_fields_of_the_client_go_on(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        goes = {"idempotency-key": "k-1", "x-client-request-id": "c-1", "openai-beta": "x=v1"}
        await yard.chat("hi", headers=goes)
        assert goes.items() <= openai.last.headers.items()

    async def test_each_format_has_its_own(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").says("hello")
        said = {"anthropic-version": "2024-01-01", "anthropic-beta": "one"}
        await yard.messages("hi", headers=said)
        assert said.items() <= anthropic.last.headers.items()
        assert anthropic.last.headers["x-api-key"] == "secret-of-anthropic"
        assert "authorization" not in anthropic.last.headers

    async def test_a_translated_call_says_the_version_it_was_written_in(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").says("hello")
        assert (await yard.chat("hi")).text == "hello"
        assert anthropic.last.headers["anthropic-version"] == "2023-06-01"
        assert anthropic.last.path == "/v1/messages"

    async def test_connections_are_used_again(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello").streams("hel", "lo").says("hello")
        for ask in (yard.chat, yard.stream, yard.chat):
            assert (await ask("hi")).text == "hello"
        assert openai.connections == 1

    async def test_s42_a_connection_that_failed_is_not(self, yard: Yard) -> None:
        openai = yard.provider("openai").streams("hel", "lo").stalls_after("first_content")
        openai.says("hello")
        yard.set("timeout.idle", "100ms")
        await yard.stream("hi")
        assert (await yard.chat("hi")).text == "hello"
        assert openai.connections == 2


class TestAttempts:
    @pytest.mark.parametrize("path", [CHAT, "/openai/v1/some/where"])
    @pytest.mark.parametrize("status", [200, 400])
    async def test_an_attempt_tells_how_many_bytes_went_and_came(
        self, yard: Yard, path: str, status: int
    ) -> None:
        openai = yard.provider("openai").sends(
            status, {"content-type": "application/json"}, b'{"choices": []}  '
        )
        assert (await yard.call(path, yard.body("hi"))).status == status
        (attempt,) = yard.last.exchange.attempts
        assert (attempt.bytes_out, attempt.bytes_in) == (len(openai.last.body), 17)

    async def test_an_attempt_of_a_stream_tells_how_many_bytes_came(self, yard: Yard) -> None:
        yard.provider("openai").says("hello", "world")
        answer = await yard.chat("hi", stream=True)
        (attempt,) = yard.last.exchange.attempts
        assert attempt.bytes_in >= len(answer.body)

    async def test_an_attempt_is_recorded_with_its_times(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").slowly(before=0.02, between=0.02)
        await yard.stream("hi")
        (attempt,) = yard.last.exchange.attempts
        assert attempt.status == 200
        assert attempt.format == "openai.chat"
        assert attempt.first_byte_us is not None
        assert attempt.first_content_us is not None
        assert attempt.ended_us is not None
        times = (attempt.first_byte_us, attempt.first_content_us, attempt.ended_us)
        assert attempt.started_us <= times[0] <= times[1] <= times[2]
        assert attempt.bytes_out > 0
        assert attempt.bytes_in > 0

    async def test_s35_roles_are_not_the_first_content(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").slowly(between=0.05)
        await yard.stream("hi")
        (attempt,) = yard.last.exchange.attempts
        assert attempt.first_byte_us is not None
        assert attempt.first_content_us is not None
        assert attempt.first_content_us - attempt.first_byte_us > 30_000

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    async def test_usage_that_came_before_a_cut_is_kept(self, yard: Yard, path: str) -> None:
        yard.provider("anthropic").streams("hel", "lo").cuts_after("first_content")
        await yard.call(path, yard.body("hi", stream=True))
        assert yard.last.usage is not None
        assert yard.last.usage.prompt == 9

    async def test_a_stream_that_nobody_takes_is_not_read_on(self, yard: Yard) -> None:
        openai = yard.provider("openai").streams(*["x" * 10_000] * 3_000).says("second")
        yard.add(Drops)
        answer = await yard.stream("hi")
        assert answer.text == "second"
        assert openai.requests[0].answered_at is None
