"""Realtime sessions with a yard, held by a client that is not ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from stockyard.testing.yard import Yard
from tests.realtime_provider import RealtimeProvider

PATH = "/v1/realtime?model=gpt-realtime"


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


async def closed(connection: Any) -> tuple[int, str]:
    """Code and reason with which either side's connection is closed."""
    async with asyncio.timeout(20):
        with suppress(ConnectionClosed):
            async for _ in connection:
                pass
        await connection.wait_closed()
    return connection.close_code, connection.close_reason
