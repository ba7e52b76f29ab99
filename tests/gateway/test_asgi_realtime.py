"""Realtime sessions under other servers: the same session, whoever speaks with the client."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, cast

import hypercorn.asyncio
import hypercorn.config
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from stockyard.gateway.asgi import App, GatewayApp, Receive, Scope, Send
from stockyard.testing.yard import Yard
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import PATH, a_realtime_provider, a_session, closed

DONE = json.dumps({"type": "response.done", "response": {"id": "r", "usage": {"input_tokens": 2}}})


async def control(scope: Scope, receive: Receive, send: Send) -> None:
    """What else the app serves: nothing."""
    await send({"type": "websocket.close", "code": 1000})


@asynccontextmanager
async def under_uvicorn(app: App) -> AsyncIterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.002)
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def under_hypercorn(app: App) -> AsyncIterator[str]:
    config = hypercorn.config.Config()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config.bind = [f"127.0.0.1:{port}"]
    config.loglevel = "critical"
    stop = asyncio.Event()
    serving = hypercorn.asyncio.serve(cast(Any, app), config, shutdown_trigger=stop.wait)
    task = asyncio.create_task(serving)
    try:
        for _ in range(500):
            with suppress(OSError):
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            await asyncio.sleep(0.01)
        yield f"ws://127.0.0.1:{port}"
    finally:
        stop.set()
        await task


Serving = Callable[[App], AbstractAsyncContextManager[str]]


class Host:
    def __init__(self, yard: Yard, provider: RealtimeProvider, url: str) -> None:
        self.yard, self.provider, self.url = yard, provider, url

    def session(
        self, path: str = PATH, **options: Any
    ) -> AbstractAsyncContextManager[ClientConnection]:
        return a_session(self.yard, path, host=self.url, **options)


@pytest.fixture(params=[under_uvicorn, under_hypercorn], ids=["uvicorn", "hypercorn"])
async def host(yard: Yard, request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    serving: Serving = request.param
    async with a_realtime_provider(yard) as provider:
        await yard.open()
        app = GatewayApp(yard.stockyard.plane, yard.stockyard.health, control)
        async with serving(app) as address:
            yield Host(yard, provider, address)


async def test_messages_pass_both_ways(host: Host) -> None:
    async with host.session() as client:
        upstream = await host.provider.next()
        for message in ("héllo", b"\x00\xff", "x" * 200_000):
            await client.send(message)
            assert await upstream.recv() == message
            await upstream.send(message)
            assert await client.recv() == message
        await upstream.send(["one ", "two"])
        assert await client.recv() == "one two"
        assert client.response is not None
        assert client.response.headers["x-stockyard-provider"] == "openai"


async def test_a_browser_brings_its_key_and_gets_its_protocol(host: Host) -> None:
    offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key." + host.yard.key)]
    async with host.session(additional_headers={}, subprotocols=offered) as client:
        await host.provider.next()
        assert client.subprotocol == "realtime"


async def test_answers_are_counted_and_limited(host: Host) -> None:
    limits = [{"by": "key", "calls": 1, "per_seconds": 3600}]
    async with host.session() as client:
        upstream = await host.provider.next()
        await upstream.send(DONE)
        assert await client.recv() == DONE
        host.yard.enable("ratelimit", limits=limits)
        for _ in range(2):
            await client.send('{"type":"response.create"}')
        assert json.loads(await client.recv())["error"]["code"] == "rate_limit_exceeded"
    assert await host.yard.quiet()


async def test_codes_of_either_side_are_kept(host: Host) -> None:
    async with host.session() as client:
        upstream = await host.provider.next()
        await client.close(4000, "enough")
        # Not every server tells with which code a client left.
        assert (await closed(upstream))[0] in (4000, 1001)
    async with host.session() as client:
        upstream = await host.provider.next()
        await upstream.close(4001, "expired")
        assert await closed(client) == (4001, "expired")
    assert await host.yard.quiet()


async def test_a_client_that_vanishes_leaves_nothing(host: Host) -> None:
    async with host.session() as client:
        upstream = await host.provider.next()
        client.transport.abort()
        assert (await closed(upstream))[0] in (1001, 1005)
    assert await host.yard.quiet()


async def test_a_revoked_key_ends_its_session(host: Host) -> None:
    record, secret = await host.yard.stockyard.keys.create("soon gone")
    headers = {"authorization": f"Bearer {secret}"}
    async with host.session(additional_headers=headers) as client:
        await host.provider.next()
        await host.yard.stockyard.keys.revoke(record.id)
        assert (await closed(client))[0] == 4401


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/realtime", 400), ("/v1/realtime?model=nobody", 404), ("/v1/chat/completions", 404)],
)
async def test_a_refusal_tells_why_where_the_server_can(host: Host, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as raised:
        async with host.session(path):
            pass
    assert raised.value.response.status_code == status
    assert json.loads(raised.value.response.body or b"{}")["error"]["message"]


async def test_a_client_that_reads_slowly_slows_the_provider(host: Host) -> None:
    async with host.session(max_queue=1) as client:
        upstream = await host.provider.next()
        sent = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while sent < 2000:
                    await upstream.send(b"z" * 100_000)
                    sent += 1
        assert sent < 2000
        for _ in range(sent):
            assert len(await client.recv()) == 100_000
