"""Streams: how modules see them, what keeps them alive, and readers that are slow."""

import asyncio
import resource
from collections.abc import Iterator

import pytest

from stockyard.core.events import Event, TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.errors import Refused
from stockyard.gateway.pings import Pings
from stockyard.testing.yard import CHAT, MESSAGES, Yard
from tests.yard_modules import Shout

SEEN: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_seen() -> Iterator[None]:
    SEEN.clear()
    yield
    SEEN.clear()


class StopAt(Module[ModuleConfig]):
    """Refuses the stream at the word `stop`."""

    name = "stop_at"
    category = "safety"
    stage = Stage.INSPECT
    streaming = Streaming.CHUNKS

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        if isinstance(event, TextDelta) and "stop" in event.text:
            raise Refused(422, "answer_blocked", "Not that.")
        return event


class ReadsAll(Module[ModuleConfig]):
    name = "reads_all"
    category = "safety"
    stage = Stage.INSPECT
    streaming = Streaming.WHOLE

    def on_response(self, x: Exchange) -> None:
        assert x.response is not None
        SEEN.append(x.response.text)
        if "stop" in x.response.text:
            raise Refused(422, "answer_blocked", "Not that.")


class ReadsLater(Module[ModuleConfig]):
    """Reads the whole answer at its end, without holding the stream."""

    name = "reads_later"
    category = "observe"
    stage = Stage.OBSERVE
    wants_response = True

    def on_response(self, x: Exchange) -> None:
        SEEN.append(x.response.text if x.response is not None else "")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
class TestModules:
    async def test_s45_a_module_that_edits_sees_event_by_event(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        script = yard.provider(provider).streams("hel", "lo").stalls_after("first_content")
        yard.add(Shout)
        async with yard.raw() as client:
            client.ask(path, yard.body("hi", stream=True), headers=yard.headers)
            assert b"HEL" in await client.until(b"HEL")
            script.goes_on()
            assert b"LO" in await client.until(b"LO")

    async def test_s45_a_module_that_needs_the_whole_holds_the_stream(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        script = yard.provider(provider).streams("hel", "lo").stalls_after("content")
        yard.add(ReadsAll)
        async with yard.raw() as client:
            client.ask(path, yard.body("hi", stream=True), headers=yard.headers)
            assert await client.until_quiet() == b""
            script.goes_on()
            await client.until(b"hello")
        assert SEEN == ["hello"]

    async def test_s45_a_refusal_after_the_first_content_is_an_error_event(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        yard.provider(provider).streams("go ", "stop", "never").slowly(between=0.01)
        yard.add(StopAt)
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.pieces == ["go "]
        assert answer.error is not None
        assert not answer.ended
        assert answer.error["stockyard"]["code"] == "answer_blocked"
        assert answer.error["stockyard"]["module"] == "stop_at"
        assert await yard.provider(provider).closed_by_client()
        assert await yard.ended(1)
        assert yard.last.refused_by == "stop_at"

    async def test_s45_a_refusal_before_anything_was_sent_is_an_http_error(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        yard.provider(provider).streams("please ", "stop")
        yard.add(ReadsAll)
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert (answer.status, answer.streamed) == (422, False)
        assert answer.error is not None
        assert answer.error["stockyard"]["code"] == "answer_blocked"

    async def test_a_module_may_read_the_answer_without_holding_it(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        script = yard.provider(provider).streams("hel", "lo").stalls_after("first_content")
        yard.add(ReadsLater)
        async with yard.raw() as client:
            client.ask(path, yard.body("hi", stream=True), headers=yard.headers)
            await client.until(b"hel")
            assert SEEN == []
            script.goes_on()
            await client.until(b"0\r\n\r\n")
        assert SEEN == ["hello"]

    async def test_a_whole_answer_passes_the_same_hooks(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        yard.provider(provider).says("hello")
        yard.add(Shout)
        yard.add(ReadsAll)
        answer = await yard.call(path, yard.body("hi"))
        assert answer.text == "HELLO"
        assert SEEN == ["hello"]

    async def test_tool_calls_cross_the_dialects(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        script = yard.provider(provider)
        script.calls_tool("weather", {"city": "Köln"}).and_calls("time", {"zone": "CET"})
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.ended
        said = answer.body.decode()
        assert said.count('"weather"') == said.count('"time"') == 1
        expected = "tool_calls" if path == CHAT else "tool_use"
        assert f'"{expected}"' in said


class TestAPlainStream:
    async def test_a_response_too_large_to_be_kept_is_none(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stockyard.gateway.pump.MAX_COLLECTED_BYTES", 100)
        yard.provider("openai").streams("hel", "lo")
        yard.add(ReadsLater)
        assert (await yard.stream("hi")).text == "hello"
        assert SEEN == [""]

    async def test_s36_nothing_is_joined_or_cut_again(self, yard: Yard) -> None:
        pieces = [f"w{n} " for n in range(100)]
        yard.provider("openai").streams(*pieces)
        assert (await yard.stream("hi")).pieces == pieces

    async def test_s17_a_written_stream_has_one_id_and_one_model(self, yard: Yard) -> None:
        yard.provider("anthropic").streams("hel", "lo")
        answer = await yard.stream("hi")
        chunks = [event.json for event in answer.events[:-1]]
        assert len({(chunk["id"], chunk["model"], chunk["created"]) for chunk in chunks}) == 1
        assert chunks[0]["id"].endswith(yard.last.exchange.id[4:])

    async def test_s23_usage_that_was_asked_for_is_the_last_event(self, yard: Yard) -> None:
        yard.provider("anthropic").streams("hel", "lo")
        answer = await yard.stream("hi", stream_options={"include_usage": True})
        counts = answer.events[-2].json
        assert counts["choices"] == []
        assert counts["usage"]["completion_tokens"] == 12


class TestKeepAlives:
    @pytest.mark.parametrize("provider", ["openai", "anthropic"])
    async def test_s34_a_silent_stream_is_pinged_between_its_events(
        self, yard: Yard, provider: str
    ) -> None:
        script = yard.provider(provider).streams("hel", "lo").stalls_after("half_event")
        script.stalls_after("first_content")
        await yard.open()
        yard.stockyard.office.pings = Pings(0.03)
        for path, ping in (
            (CHAT, b": ping\n\n"),
            (MESSAGES, b'event: ping\ndata: {"type": "ping"}'),
        ):
            async with yard.raw() as client:
                client.ask(path, yard.body("hi", stream=True), headers=yard.headers)
                await client.until(b"hel")
                before, _, _ = (await client.until(ping)).partition(ping)
                assert before.endswith(b"\r\n")  # a chunk of its own
                script.goes_on()
                await client.until(b"0\r\n\r\n")
                assert b"lo" in client.reply.body

    async def test_s34_no_ping_is_sent_before_the_head(self, yard: Yard) -> None:
        openai = yard.provider("openai").streams("hel", "lo").stalls_after("open")
        await yard.open()
        yard.stockyard.office.pings = Pings(0.02)
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
            assert await client.until_quiet(0.1) == b""
            openai.goes_on()
            await client.until(b"[DONE]")
        assert len(yard.stockyard.office.pings) == 0


class TestSlowReaders:
    async def test_s40_a_slow_reader_closes_the_window_of_the_provider(self, yard: Yard) -> None:
        """Memory stays flat, the other streams go on, and what was held arrives."""
        pieces = ["x" * 10_000] * 3_000
        openai = yard.provider("openai").streams(*pieces)
        await yard.open()
        async with yard.raw() as slow:
            slow._reader._limit = 1024  # type: ignore[attr-defined]  # a stream's own bound, to read slowly
            slow.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
            await slow.until(b"200 OK")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await asyncio.sleep(0.2)
            assert openai.last.answered_at is None
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
            openai.says("quick")
            assert (await yard.stream("hi")).text == "quick"
            got = len(slow.wire)
            slow._reader._limit = 1 << 20  # type: ignore[attr-defined]  # a stream's own bound, to read slowly
            while data := await slow.read():
                got += len(data)
                slow.reads.clear()
                if b"[DONE]" in data:
                    break
            assert got > 30_000_000

    async def test_s40_the_time_a_slow_reader_takes_is_no_silence_of_the_provider(
        self, yard: Yard
    ) -> None:
        yard.provider("openai").streams(*["x" * 10_000] * 3_000)
        yard.set("timeout.content_idle", "100ms")
        await yard.open()
        async with yard.raw() as slow:
            slow._reader._limit = 1024  # type: ignore[attr-defined]  # a stream's own bound, to read slowly
            slow.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
            await slow.until(b"200 OK")
            await asyncio.sleep(0.4)
            slow._reader._limit = 1 << 20  # type: ignore[attr-defined]  # a stream's own bound, to read slowly
            last = b""
            while b"[DONE]" not in last and (data := await slow.read()):
                slow.reads.clear()
                last = last[-100:] + data
            assert b"error" not in last
        assert yard.last.outcomes == ["ok"]

    async def test_s40_a_large_whole_answer_does_not_wait_for_its_reader(self, yard: Yard) -> None:
        yard.provider("openai").says("x" * 4_000_000)
        answer = await yard.chat("hi")
        assert len(answer.text) == 4_000_000

    async def test_s41_an_endless_stream_is_cut(
        self, yard: Yard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stockyard.upstream.streamed_answer.MAX_BYTES", 20_000)
        more = b'data: {"choices":[{"index":0,"delta":{"content":"again"}}]}\n\n'
        openai = yard.provider("openai").streams("hel")
        openai.repeats(more, after="first_content", every=0.0)
        answer = await yard.stream("hi")
        assert answer.error is not None
        assert answer.error["code"] == "limit_exceeded"
        assert not answer.ended
        assert await openai.closed_by_client()

    async def test_s05_a_large_event_passes(self, yard: Yard) -> None:
        yard.provider("openai").streams("x" * 5_000_000, "end")
        assert len((await yard.stream("hi")).text) == 5_000_003


class TestTheMock:
    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    async def test_the_mock_streams_like_any_provider(self, yard: Yard, path: str) -> None:
        answer = await yard.call(path, yard.body("hello", model="mock", stream=True))
        assert answer.ended
        assert answer.text.endswith("hello")
        assert len(answer.pieces) > 3

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    async def test_the_mock_breaks_off_like_any_provider(self, yard: Yard, path: str) -> None:
        answer = await yard.call(path, yard.body("hi", model="mock/cut-after-3", stream=True))
        assert answer.error is not None
        assert not answer.ended

    async def test_the_mock_is_left_like_any_provider(self, yard: Yard) -> None:
        async with yard.raw() as client:
            body = yard.body("hi", model="mock/stall-after-2", stream=True)
            client.ask(CHAT, body, headers=yard.headers)
            await client.until(b"data:")
        assert await yard.ended(1)
        assert yard.last.abandoned
