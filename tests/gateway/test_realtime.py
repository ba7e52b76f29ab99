"""Realtime sessions: relayed, counted, and over when their Key is."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from stockyard.testing.yard import Yard, becomes
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import PATH, a_session, closed, done


async def refused(yard: Yard, path: str = PATH, **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as raised:
        async with a_session(yard, path, **options):
            pass
    return raised.value.response.status_code, json.loads(raised.value.response.body or b"{}")


class TestMessages:
    async def test_messages_pass_both_ways_as_they_are(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            for message in ("héllo", b"\x00\xff", "", "x" * 200_000, b"y" * 70_000):
                await client.send(message)
                assert await upstream.recv() == message
                await upstream.send(message)
                assert await client.recv() == message

    async def test_a_message_in_pieces_stays_in_pieces(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            await client.send(["one ", "two ", "three"])
            heard = [piece async for piece in upstream.recv_streaming()]
            assert heard == ["one ", "two ", "three", ""]  # the library ends it with nothing
            await upstream.send([b"1", b"2"])
            assert [piece async for piece in client.recv_streaming()] == [b"1", b"2", b""]

    async def test_the_upgrade_carries_our_secret_and_little_else(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        await yard.open()
        headers = yard.headers | {"openai-beta": "realtime=v1", "cookie": "c=1", "x-odd": "1"}
        async with a_session(yard, PATH + "&intent=x", additional_headers=headers) as client:
            await realtime.next()
            assert client.response is not None
            assert client.response.headers["x-stockyard-provider"] == "openai"
        request = realtime.requests[0]
        assert request.path == "/v1/realtime?intent=x&model=gpt-realtime"
        assert request.headers["authorization"] == "Bearer secret-of-openai"
        assert request.headers["openai-beta"] == "realtime=v1"
        assert "cookie" not in request.headers
        assert "x-odd" not in request.headers

    async def test_the_native_route_carries_all_that_is_not_for_us(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        await yard.open()
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
            await realtime.next()
        request = realtime.requests[0]
        assert request.headers["authorization"] == "Bearer secret-of-openai"
        assert request.headers["x-odd"] == "1"
        assert request.headers["openai-organization"] == "org-1"
        assert request.headers.get_all("user-agent") == ["Mine/1"]
        assert len(request.headers.get_all("sec-websocket-key")) == 1
        for name in ("cookie", "origin", "x-stainless-lang"):
            assert name not in request.headers

    async def test_browsers_bring_the_key_as_a_subprotocol(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        await yard.open()
        offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key." + yard.key)]
        async with a_session(yard, additional_headers={}, subprotocols=offered) as client:
            await realtime.next()
            assert client.subprotocol == "realtime"
        assert realtime.requests[0].headers["sec-websocket-protocol"] == "realtime"
        assert yard.key not in str(realtime.requests[0].headers)

    async def test_the_native_route_leads_to_a_session_too(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard, "/openai/v1/realtime?model=any-name") as client:
            upstream = await realtime.next()
            await client.send("hi")
            assert await upstream.recv() == "hi"
        assert realtime.requests[0].path == "/v1/realtime?model=any-name"

    @pytest.mark.parametrize("query", ["?intent=transcription", "?call_id=rtc_1", ""])
    async def test_the_provider_itself_knows_sessions_without_a_model(
        self, yard: Yard, realtime: RealtimeProvider, query: str
    ) -> None:
        async with a_session(yard, "/openai/v1/realtime" + query) as client:
            upstream = await realtime.next()
            await client.send("hi")
            assert await upstream.recv() == "hi"
        assert realtime.requests[0].path.rstrip("?") == "/v1/realtime" + query
        assert await yard.ended(1)

    async def test_a_side_that_reads_slowly_slows_the_other(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard, max_queue=1) as client:
            upstream = await realtime.next()
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
    async def test_each_answer_is_a_call(self, yard: Yard, realtime: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            for message in (done(), '{"type":"response.created"}', done(), done(usage=None), "odd"):
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
    async def test_a_message_that_only_looks_like_an_answer_is_not_counted(
        self, yard: Yard, realtime: RealtimeProvider, message: str
    ) -> None:
        async with a_session(yard) as client:
            await (await realtime.next()).send(message)
            assert await client.recv() == message
        assert await yard.quiet()
        assert len(yard.calls) == 1

    async def test_an_answer_in_pieces_is_counted(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            await upstream.send([done()[:30], done()[30:]])
            assert await client.recv() == done()
        assert await yard.ended(2)


class TestEnds:
    async def test_the_clients_code_is_kept(self, yard: Yard, realtime: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            await client.close(4000, "enough")
            assert await closed(upstream) == (4000, "enough")
        assert await yard.quiet()

    async def test_the_providers_code_is_kept(self, yard: Yard, realtime: RealtimeProvider) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            await upstream.close(4001, "session expired")
            assert await closed(client) == (4001, "session expired")
        assert await yard.quiet()

    async def test_a_client_that_vanishes_ends_the_session(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            client.transport.abort()
            assert (await closed(upstream))[0] == 1001
        assert await yard.quiet()

    async def test_a_provider_that_vanishes_ends_the_session(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            (await realtime.next()).transport.abort()
            assert (await closed(client))[0] == 1011
        assert await yard.quiet()

    async def test_a_revoked_key_ends_its_sessions_at_once_or_within_a_second(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        await yard.open()
        record, secret = await yard.stockyard.keys.create("soon gone")
        headers = {"authorization": f"Bearer {secret}"}
        async with (
            a_session(yard, additional_headers=headers) as speaking,
            a_session(yard, additional_headers=headers) as silent,
            a_session(yard) as another,
        ):
            upstreams = [await realtime.next() for _ in range(3)]
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
    async def test_a_broken_frame_ends_the_session(
        self, yard: Yard, realtime: RealtimeProvider, sent: bytes, code: int
    ) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            client.transport.write(sent)
            assert (await closed(client))[0] == code
            assert (await closed(upstream))[0] == 1001
        assert await yard.quiet()

    async def test_a_broken_frame_of_the_provider_is_not_called_the_clients_fault(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await realtime.next()
            upstream.transport.write(b"\x81\x81\x00\x00\x00\x00x")  # masked
            assert await closed(client) == (1011, "The provider broke the protocol.")

    async def test_a_stop_of_the_gateway_ends_the_session(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            await realtime.next()
            yard.stockyard.front.shutdown()
            assert (await closed(client))[0] == 1012


class TestRefusals:
    async def test_a_session_without_a_key_is_refused(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        status, body = await refused(yard, additional_headers={})
        assert (status, body["error"]["stockyard"]["code"]) == (401, "invalid_key")
        assert not realtime.requests

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/v1/realtime", 400),
            ("/v1/realtime?model=unknown-model", 404),
            ("/v1/realtime?model=groq/llama", 404),
            ("/v1/chat/completions", 404),
        ],
    )
    async def test_a_path_or_model_without_sessions_is_refused(
        self, yard: Yard, realtime: RealtimeProvider, path: str, status: int
    ) -> None:
        heard, body = await refused(yard, path)
        assert heard == status
        assert body["error"]["message"]
        assert not realtime.requests

    async def test_a_request_without_an_upgrade_is_refused(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        assert (await yard.get(PATH)).status == 426

    @pytest.mark.parametrize(
        "path", ["/v1/realtime/client_secrets", "/v1/realtime/calls", "/v1/realtime/sessions"]
    )
    async def test_secrets_that_lead_past_us_are_not_given_out(
        self, yard: Yard, realtime: RealtimeProvider, path: str
    ) -> None:
        heard = await yard.call(path, {})
        assert (heard.status, heard.json["error"]["code"]) == (403, "path_not_allowed")
        assert not realtime.requests

    @pytest.mark.parametrize(
        ("given", "status", "code"),
        [(401, 502, "provider_error"), (404, 404, "model_not_found"), (429, 429, "rate_limited")],
    )
    async def test_refusals_of_the_provider_are_told_as_those_of_calls(
        self, yard: Yard, realtime: RealtimeProvider, given: int, status: int, code: str
    ) -> None:
        realtime.refusal = (given, b'{"error":{"message":"No.","type":"x","code":null}}')
        heard, body = await refused(yard)
        assert heard == status
        assert body["error"]["stockyard"]["code"] == code

    async def test_a_refusal_of_the_callers_own_secret_is_told_as_it_is(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        realtime.refusal = (401, b'{"error":{"message":"No.","type":"x","code":null}}')
        own = {"authorization": "Bearer sk-proj-mine"}
        heard, body = await refused(yard, additional_headers=own)
        assert heard == 401
        assert body["error"]["stockyard"]["code"] == "invalid_key"
        assert realtime.requests[-1].headers["authorization"] == "Bearer sk-proj-mine"

    async def test_a_session_over_the_limit_is_refused(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "calls": 1}])
        async with a_session(yard):
            await realtime.next()
            assert (await refused(yard))[0] == 429

    async def test_a_session_that_ends_makes_room_for_the_next(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "concurrent": 1}])
        async with a_session(yard):
            await realtime.next()
            assert (await refused(yard))[0] == 429
        assert await yard.quiet()
        async with a_session(yard):
            await realtime.next()

    async def test_a_client_that_leaves_during_the_upgrade_leaves_nothing(self, yard: Yard) -> None:
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

    async def test_a_provider_that_cannot_be_reached_is_told(self, yard: Yard) -> None:
        yard.provider("openai", base_url="http://127.0.0.1:9/v1")
        heard, _ = await refused(yard)
        assert heard == 502
        assert await yard.quiet()
