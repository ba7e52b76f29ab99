"""Realtime sessions: relayed, counted, and over when their Key is."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from stockyard.gateway import relay, session_clock
from stockyard.testing.yard import Yard, becomes
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import PATH, a_realtime_provider, a_session, closed

USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"cached_tokens": 5, "text_tokens": 8, "audio_tokens": 12},
    "output_token_details": {"text_tokens": 4, "audio_tokens": 6},
}


def done(usage: object = USAGE) -> str:
    return json.dumps({"type": "response.done", "response": {"id": "resp_1", "usage": usage}})


@pytest.fixture
async def provider(yard: Yard) -> AsyncIterator[RealtimeProvider]:
    async with a_realtime_provider(yard) as provider:
        await yard.open()
        yield provider


async def refused(yard: Yard, path: str = PATH, **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as raised:
        async with a_session(yard, path, **options):
            pass
    return raised.value.response.status_code, json.loads(raised.value.response.body or b"{}")


class TestMessages:
    async def test_they_pass_both_ways_as_they_are(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            for message in ("héllo", b"\x00\xff", "", "x" * 200_000, b"y" * 70_000):
                await client.send(message)
                assert await upstream.recv() == message
                await upstream.send(message)
                assert await client.recv() == message

    async def test_pieces_stay_pieces(self, yard: Yard, provider: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            await client.send(["one ", "two ", "three"])
            heard = [piece async for piece in upstream.recv_streaming()]
            assert heard == ["one ", "two ", "three", ""]  # the library ends it with nothing
            await upstream.send([b"1", b"2"])
            assert [piece async for piece in client.recv_streaming()] == [b"1", b"2", b""]

    async def test_the_upgrade_carries_our_secret_and_little_else(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        headers = yard.headers | {"openai-beta": "realtime=v1", "cookie": "c=1", "x-odd": "1"}
        async with a_session(yard, PATH + "&intent=x", additional_headers=headers) as client:
            await provider.next()
            assert client.response is not None
            assert client.response.headers["x-stockyard-provider"] == "openai"
        request = provider.requests[0]
        assert request.path == "/v1/realtime?intent=x&model=gpt-realtime"
        assert request.headers["authorization"] == "Bearer secret-of-openai"
        assert request.headers["openai-beta"] == "realtime=v1"
        assert "cookie" not in request.headers
        assert "x-odd" not in request.headers

    async def test_the_native_route_carries_all_that_is_not_for_us(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        headers = yard.headers | {
            "cookie": "c=1",
            "x-odd": "1",
            "openai-organization": "org-1",
            "x-stainless-lang": "python",
        }
        path = "/openai/v1/realtime?model=gpt-realtime"
        said: dict[str, Any] = {
            "additional_headers": headers,
            "user_agent_header": "Mine/1",
            "origin": "http://o",
        }
        async with a_session(yard, path, **said):
            await provider.next()
        request = provider.requests[0]
        assert request.headers["authorization"] == "Bearer secret-of-openai"
        assert request.headers["x-odd"] == "1"
        assert request.headers["openai-organization"] == "org-1"
        assert request.headers.get_all("user-agent") == ["Mine/1"]
        assert len(request.headers.get_all("sec-websocket-key")) == 1
        for name in ("cookie", "origin", "x-stainless-lang"):
            assert name not in request.headers

    async def test_browsers_bring_the_key_as_a_subprotocol(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key." + yard.key)]
        async with a_session(yard, additional_headers={}, subprotocols=offered) as client:
            await provider.next()
            assert client.subprotocol == "realtime"
        assert provider.requests[0].headers["sec-websocket-protocol"] == "realtime"
        assert yard.key not in str(provider.requests[0].headers)

    async def test_the_native_route_leads_there_too(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard, "/openai/v1/realtime?model=any-name") as client:
            upstream = await provider.next()
            await client.send("hi")
            assert await upstream.recv() == "hi"
        assert provider.requests[0].path == "/v1/realtime?model=any-name"

    @pytest.mark.parametrize("query", ["?intent=transcription", "?call_id=rtc_1", ""])
    async def test_the_provider_itself_knows_sessions_without_a_model(
        self, yard: Yard, provider: RealtimeProvider, query: str
    ) -> None:
        async with a_session(yard, "/openai/v1/realtime" + query) as client:
            upstream = await provider.next()
            await client.send("hi")
            assert await upstream.recv() == "hi"
        assert provider.requests[0].path.rstrip("?") == "/v1/realtime" + query
        assert await yard.ended(1)

    async def test_pings_are_answered_here(self, yard: Yard, provider: RealtimeProvider) -> None:
        async with a_session(yard, ping_interval=None) as client:
            upstream = await provider.next()
            async with asyncio.timeout(5):
                await (await client.ping())
                await (await upstream.ping())

    async def test_silent_sides_are_pinged(
        self, yard: Yard, provider: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
        monkeypatch.setattr(session_clock, "PING_SECONDS", 0.02)
        async with a_session(yard, ping_interval=None) as client:
            upstream = await provider.next()
            await asyncio.sleep(0.2)
            await client.send("still here")
            assert await upstream.recv() == "still here"

    async def test_a_side_that_is_dead_ends_it(
        self, yard: Yard, provider: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
        monkeypatch.setattr(session_clock, "DEAD_SECONDS", 0.05)
        async with a_session(yard, ping_interval=None) as client:
            await provider.next()
            assert await closed(client) == (1011, "The other side fell silent.")

    async def test_who_reads_slowly_slows_the_other(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard, max_queue=1) as client:
            upstream = await provider.next()
            sent = 0
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while sent < 2000:
                        await upstream.send(b"z" * 100_000)
                        sent += 1
            assert sent < 2000
            for _ in range(sent):
                assert len(await client.recv()) == 100_000


class TestCounts:
    async def test_each_answer_is_a_call(self, yard: Yard, provider: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            for message in (done(), '{"type":"response.created"}', done(), done(None), "odd"):
                await upstream.send(message)
                await client.recv()
        assert await yard.ended(4)
        *turns, session = [outcome.exchange for outcome in yard.calls]
        assert [turn.kind for turn in turns] == ["realtime"] * 3
        usage = turns[0].usage
        assert usage is not None
        assert (usage.prompt, usage.in_cached, usage.in_audio) == (20, 5, 12)
        assert (usage.completion, usage.out_audio) == (10, 6)
        assert turns[1].usage == usage
        assert turns[2].usage is None
        assert turns[0].target is not None
        assert turns[0].target.name == "openai/gpt-realtime"
        assert len({exchange.id for exchange in (*turns, session)}) == 4
        assert (session.status, session.usage) == (101, None)

    @pytest.mark.parametrize(
        "message",
        [
            '{"type":"error","message":"response.done"}',
            "response.done",
            '["response.done"]',
            '{"type":"response.done"',
        ],
    )
    async def test_what_only_looks_like_one_is_none(
        self, yard: Yard, provider: RealtimeProvider, message: str
    ) -> None:
        async with a_session(yard) as client:
            await (await provider.next()).send(message)
            assert await client.recv() == message
        assert await yard.quiet()
        assert len(yard.calls) == 1

    async def test_one_in_pieces_counts(self, yard: Yard, provider: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            await upstream.send([done()[:30], done()[30:]])
            assert await client.recv() == done()
        assert await yard.ended(2)


class TestEnds:
    async def test_the_clients_code_is_kept(self, yard: Yard, provider: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            await client.close(4000, "enough")
            assert await closed(upstream) == (4000, "enough")
        assert await yard.quiet()

    async def test_the_providers_code_is_kept(self, yard: Yard, provider: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            await upstream.close(4001, "session expired")
            assert await closed(client) == (4001, "session expired")
        assert await yard.quiet()

    async def test_a_client_that_vanishes_ends_it(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            client.transport.abort()
            assert (await closed(upstream))[0] == 1001
        assert await yard.quiet()

    async def test_a_provider_that_vanishes_ends_it(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            (await provider.next()).transport.abort()
            assert (await closed(client))[0] == 1011
        assert await yard.quiet()

    async def test_a_revoked_key_ends_it_at_once_or_within_a_second(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        record, secret = await yard.stockyard.keys.create("soon gone")
        headers = {"authorization": f"Bearer {secret}"}
        async with (
            a_session(yard, additional_headers=headers) as speaking,
            a_session(yard, additional_headers=headers) as silent,
            a_session(yard) as another,
        ):
            upstreams = [await provider.next() for _ in range(3)]
            await yard.stockyard.keys.revoke(record.id)
            await speaking.send("one more")
            assert (await closed(speaking))[0] == 4401
            assert (await closed(silent))[0] == 4401
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(upstreams[0].recv(), 5)  # nothing was said any more
            await another.send("still here")
            assert await asyncio.wait_for(upstreams[2].recv(), 5) == "still here"

    @pytest.mark.parametrize(
        ("sent", "code"),
        [
            (b"\x81\x02hi", 1002),  # no mask
            (b"\xc1\x80\x00\x00\x00\x00", 1002),  # a reserved bit
            (b"\x81\x81\x00\x00\x00\x00\xff", 1007),  # no UTF-8
            (b"\x82\xff" + (17 << 20).to_bytes(8, "big") + b"\x00" * 4, 1009),
        ],
    )
    async def test_what_is_no_frame_ends_it(
        self, yard: Yard, provider: RealtimeProvider, sent: bytes, code: int
    ) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            client.transport.write(sent)
            assert (await closed(client))[0] == code
            assert (await closed(upstream))[0] == 1001
        assert await yard.quiet()

    async def test_what_the_provider_breaks_is_not_the_clients_fault(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            upstream.transport.write(b"\x81\x81\x00\x00\x00\x00x")  # masked
            assert await closed(client) == (1011, "The provider broke the protocol.")

    async def test_a_stop_ends_it(self, yard: Yard, provider: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            await provider.next()
            yard.stockyard.front.shutdown()
            assert (await closed(client))[0] == 1012


class TestRefusals:
    async def test_without_a_key(self, yard: Yard, provider: RealtimeProvider) -> None:
        status, body = await refused(yard, additional_headers={})
        assert (status, body["error"]["stockyard"]["code"]) == (401, "invalid_key")
        assert not provider.requests

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/v1/realtime", 400),
            ("/v1/realtime?model=unknown-model", 404),
            ("/v1/realtime?model=groq/llama", 404),
            ("/v1/chat/completions", 404),
        ],
    )
    async def test_where_there_is_no_session(
        self, yard: Yard, provider: RealtimeProvider, path: str, status: int
    ) -> None:
        heard, body = await refused(yard, path)
        assert heard == status
        assert body["error"]["message"]
        assert not provider.requests

    async def test_without_an_upgrade(self, yard: Yard, provider: RealtimeProvider) -> None:
        assert (await yard.get(PATH)).status == 426

    @pytest.mark.parametrize(
        "path", ["/v1/realtime/client_secrets", "/v1/realtime/calls", "/v1/realtime/sessions"]
    )
    async def test_secrets_that_lead_past_us_are_not_given_out(
        self, yard: Yard, provider: RealtimeProvider, path: str
    ) -> None:
        heard = await yard.call(path, {})
        assert (heard.status, heard.json["error"]["code"]) == (403, "path_not_allowed")
        assert not provider.requests

    @pytest.mark.parametrize(
        ("given", "status", "code"),
        [(401, 502, "provider_error"), (404, 404, "model_not_found"), (429, 429, "rate_limited")],
    )
    async def test_of_the_provider_are_told_as_those_of_calls(
        self, yard: Yard, provider: RealtimeProvider, given: int, status: int, code: str
    ) -> None:
        provider.refusal = (given, b'{"error":{"message":"No.","type":"x","code":null}}')
        heard, body = await refused(yard)
        assert heard == status
        assert body["error"]["stockyard"]["code"] == code

    async def test_of_the_callers_own_secret_are_the_callers_business(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        provider.refusal = (401, b'{"error":{"message":"No.","type":"x","code":null}}')
        own = {"authorization": "Bearer sk-proj-mine"}
        heard, body = await refused(yard, additional_headers=own)
        assert heard == 401
        assert body["error"]["stockyard"]["code"] == "invalid_key"
        assert provider.requests[-1].headers["authorization"] == "Bearer sk-proj-mine"

    async def test_limits_hold_at_the_upgrade(self, yard: Yard, provider: RealtimeProvider) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "calls": 1}])
        async with a_session(yard):
            await provider.next()
            assert (await refused(yard))[0] == 429

    async def test_those_of_sessions_at_once_end_with_the_session(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "concurrent": 1}])
        async with a_session(yard):
            await provider.next()
            assert (await refused(yard))[0] == 429
        assert await yard.quiet()
        async with a_session(yard):
            await provider.next()

    async def test_a_client_that_leaves_meanwhile_leaves_nothing(self, yard: Yard) -> None:
        openai = yard.provider("openai").says_nothing()
        await yard.open()
        url = yard.url.replace("http", "ws", 1) + PATH
        opening = asyncio.create_task(
            connect(url, additional_headers=yard.headers, proxy=None).__aenter__()
        )
        assert await becomes(lambda: openai.open_connections == 1)
        opening.cancel()
        assert await yard.quiet()
        assert yard.last.exchange.status == 499

    async def test_a_provider_that_does_not_answer_is_not_waited_for(self, yard: Yard) -> None:
        yard.set("timeout.first_byte", "100ms")
        yard.provider("openai").says_nothing()
        heard, body = await refused(yard)
        assert heard == 504
        assert body["error"]["stockyard"]["timer"] == "timeout.first_byte"
        assert await yard.quiet()

    async def test_when_nobody_is_there(self, yard: Yard) -> None:
        yard.provider("openai", base_url="http://127.0.0.1:9/v1")
        heard, _ = await refused(yard)
        assert heard == 502
        assert await yard.quiet()
