"""Google's own library for Python in a live session, on the provider's route."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from google import genai
from google.genai import types
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus

from stockyard.testing.yard import Yard, becomes
from tests.certificates import Authority
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import a_session, closed

MODEL = "gemini-2.5-flash-native-audio-preview"
PATH = "/gemini/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SAYS_TEXT = types.LiveConnectConfig(response_modalities=[types.Modality.TEXT])
TURN = {"serverContent": {"modelTurn": {"parts": [{"text": "hello"}]}}}
OVER = {
    "serverContent": {"turnComplete": True},
    "usageMetadata": {"promptTokenCount": 20, "responseTokenCount": 10, "totalTokenCount": 30},
}


@pytest.fixture
async def provider(yard: Yard) -> AsyncIterator[RealtimeProvider]:
    provider = RealtimeProvider()
    async with provider.listening() as url:
        yard.provider("gemini", base_url=url.replace("/v1", "/v1beta"))
        await yard.open()
        yield provider


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def a_client(yard: Yard, folder: Path, version: str) -> AsyncIterator[genai.Client]:
    """The library has live sessions over TLS only, which somebody ends in front of us."""
    authority = Authority(folder)
    issued = authority.issue("127.0.0.1")
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(issued.cert, issued.key)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection("127.0.0.1", urlsplit(yard.url).port)
        await asyncio.gather(pipe(reader, back), pipe(onward, writer), return_exceptions=True)

    async with await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=theirs) as server:
        host, port = server.sockets[0].getsockname()
        options = types.HttpOptions(
            base_url=f"https://{host}:{port}/gemini",
            api_version=version,
            async_client_args={"ssl": ssl.create_default_context(cafile=authority.file)},
        )
        yield genai.Client(api_key=yard.key, http_options=options)


async def say(upstream: ServerConnection, *messages: dict[str, Any]) -> None:
    for message in messages:
        await upstream.send(json.dumps(message).encode())  # as Google does, in bytes


@pytest.mark.parametrize("version", ["v1beta", "v1alpha"])
async def test_a_session_is_relayed_and_counted(
    yard: Yard, provider: RealtimeProvider, version: str, tmp_path: Path
) -> None:
    async def speak() -> dict[str, Any]:
        upstream = await provider.next()
        setup: dict[str, Any] = json.loads(await upstream.recv())
        await say(upstream, {"setupComplete": {}})
        asked = json.loads(await upstream.recv())
        assert asked["client_content"]["turnComplete"] is True
        await say(upstream, TURN, OVER)
        return setup

    speaking = asyncio.ensure_future(speak())
    async with (
        asyncio.timeout(10),
        a_client(yard, tmp_path, version) as client,
        client.aio.live.connect(model=MODEL, config=SAYS_TEXT) as session,
    ):
        await session.send_client_content(
            turns=types.Content(role="user", parts=[types.Part(text="hi")]), turn_complete=True
        )
        texts = [message.text async for message in session.receive() if message.text]
    assert texts == ["hello"]
    assert (await speaking)["setup"]["model"] == f"models/{MODEL}"

    request = provider.requests[0]
    assert request.path == PATH.removeprefix("/gemini").replace("v1beta", version)
    assert request.headers["x-goog-api-key"] == "secret-of-gemini"
    assert yard.key not in str(request.headers)

    assert await yard.ended(2)
    answers = [call.exchange for call in yard.calls if call.exchange.within]
    assert [(x.received.model, x.usage and x.usage.total) for x in answers] == [(MODEL, 30)]
    assert {call.exchange.target.model for call in yard.calls if call.exchange.target} == {MODEL}


async def test_what_the_modules_refuse_ends_the_session(
    yard: Yard, provider: RealtimeProvider
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 2, "per_seconds": 3600}])
    async with a_session(yard, PATH) as client:
        upstream = await provider.next()
        await client.send(json.dumps({"setup": {"model": f"models/{MODEL}"}}))
        assert json.loads(await upstream.recv())["setup"]
        await say(upstream, TURN, OVER, TURN)
        code, reason = await closed(client)
    assert code == 1008
    assert reason


async def test_nobody_gets_in_without_a_key(yard: Yard, provider: RealtimeProvider) -> None:
    with pytest.raises(InvalidStatus, match="401"):
        async with a_session(yard, PATH, additional_headers={"x-goog-api-key": "sk-sy-wrong"}):
            pass
    assert not provider.requests
    assert await becomes(lambda: not yard.calls)
