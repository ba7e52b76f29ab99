"""Realtime sessions with a yard, held by a client that is not ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from stockyard.gateway.relay import Relay
from stockyard.gateway.session import Session
from stockyard.testing.yard import Yard
from tests.realtime_provider import RealtimeProvider

LARGEST_READ = 256 * 1024
"""What an event loop reads of a connection at once."""
PATH = "/v1/realtime?model=gpt-realtime"
ASKS = json.dumps({"type": "response.create", "event_id": "evt_mine"})
"""The client asks for an answer."""
CREATED = json.dumps({"type": "response.created", "response": {"id": "resp_1"}})
USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"cached_tokens": 5, "text_tokens": 8, "audio_tokens": 12},
    "output_token_details": {"text_tokens": 4, "audio_tokens": 6},
}


def done(answer: str = "resp_1", usage: object = USAGE) -> str:
    """The provider says that this answer is complete."""
    return json.dumps({"type": "response.done", "response": {"id": answer, "usage": usage}})


@pytest.fixture
async def realtime(yard: Yard) -> AsyncIterator[RealtimeProvider]:
    """The provider of realtime sessions, as the yard's `openai`."""
    async with a_realtime_provider(yard) as provider:
        yield provider


@asynccontextmanager
async def a_realtime_provider(yard: Yard) -> AsyncIterator[RealtimeProvider]:
    """The yard's `openai`, as long as the test runs. Said before the yard opens."""
    provider = RealtimeProvider()
    async with provider.listening() as url:
        yard.provider("openai", base_url=url)
        yield provider


@asynccontextmanager
async def a_session(
    yard: Yard, path: str = PATH, *, host: str | None = None, **options: Any
) -> AsyncIterator[ClientConnection]:
    """A session with the yard, or with another `host` of its gateway."""
    await yard.open()
    options.setdefault("additional_headers", yard.headers)
    url = (host or yard.url).replace("http", "ws", 1) + path
    async with connect(url, compression=None, proxy=None, max_size=None, **options) as client:
        try:
            yield client
        except BaseException:
            # Its goodbye would wait for a gateway that may have been stopped from reading.
            client.transport.abort()
            raise


async def begins_an_answer(client: ClientConnection, upstream: ServerConnection) -> None:
    """The client has asked for an answer, and knows that the provider has begun it."""
    await client.send(ASKS)
    assert await upstream.recv() == ASKS
    await upstream.send(CREATED)
    assert await client.recv() == CREATED


def the_session(yard: Yard) -> Session:
    """The one session that is open."""
    [session] = [call for call in yard.stockyard.office.running if isinstance(call, Session)]
    return session


def the_relay(yard: Yard) -> Relay:
    """What carries the messages of the one session."""
    relay = the_session(yard)._relay
    assert relay is not None
    return relay


def a_text(message: str) -> bytes:
    """A client's text message as the bytes of one frame, with a mask that changes nothing."""
    return b"\x81" + bytes([0x80 | len(message)]) + b"\0\0\0\0" + message.encode()


async def closed(connection: Any) -> tuple[int, str]:
    """Code and reason with which either side's connection is closed."""
    async with asyncio.timeout(20):
        with suppress(ConnectionClosed):
            async for _ in connection:
                pass
        await connection.wait_closed()
    return connection.close_code, connection.close_reason
