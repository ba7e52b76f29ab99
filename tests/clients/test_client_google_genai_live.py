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
from google.oauth2.credentials import Credentials
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard, becomes
from tests.certificates import Authority
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import a_session, closed

MODEL = "gemini-2.5-flash-native-audio-preview"
PATH = "/gemini/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
JSON = {"content-type": "application/json"}
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


def granted(token: str) -> bytes:
    return json.dumps({"access_token": token, "expires_in": 3599}).encode()


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def in_front(
    yard: Yard, folder: Path, provider: str, version: str
) -> AsyncIterator[types.HttpOptions]:
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
        yield types.HttpOptions(
            base_url=f"https://{host}:{port}/{provider}",
            api_version=version,
            async_client_args={"ssl": ssl.create_default_context(cafile=authority.file)},
        )


async def say(upstream: ServerConnection, *messages: dict[str, Any]) -> None:
    for message in messages:
        await upstream.send(json.dumps(message).encode())  # as Google does, in bytes


async def asked(client: genai.Client, provider: RealtimeProvider) -> tuple[list[str], str]:
    """What one session with a provider that says hello says, and the model that it was with."""

    async def speak() -> str:
        upstream = await provider.next()
        setup = json.loads(await upstream.recv())["setup"]
        await say(upstream, {"setupComplete": {}})
        content = json.loads(await upstream.recv())["client_content"]
        assert content["turnComplete"] is True
        await say(upstream, TURN, OVER)
        return str(setup["model"])

    speaking = asyncio.ensure_future(speak())
    async with (
        asyncio.timeout(10),
        client.aio.live.connect(model=MODEL, config=SAYS_TEXT) as session,
    ):
        await session.send_client_content(
            turns=types.Content(role="user", parts=[types.Part(text="hi")]), turn_complete=True
        )
        texts = [message.text async for message in session.receive() if message.text]
    return texts, await speaking


async def counted(yard: Yard) -> list[tuple[str, int | None]]:
    assert await yard.ended(2)
    assert {call.exchange.target.model for call in yard.calls if call.exchange.target} == {MODEL}
    answers = [call.exchange for call in yard.calls if call.exchange.within]
    return [(x.received.model, x.usage.total if x.usage else None) for x in answers]


@pytest.mark.parametrize("version", ["v1beta", "v1alpha"])
async def test_a_session_is_relayed_and_counted(
    yard: Yard, provider: RealtimeProvider, version: str, tmp_path: Path
) -> None:
    async with in_front(yard, tmp_path, "gemini", version) as options:
        client = genai.Client(api_key=yard.key, http_options=options)
        assert await asked(client, provider) == (["hello"], f"models/{MODEL}")

    request = provider.requests[0]
    assert request.path == PATH.removeprefix("/gemini").replace("v1beta", version)
    assert request.headers["x-goog-api-key"] == "secret-of-gemini"
    assert yard.key not in str(request.headers)
    assert await counted(yard) == [(MODEL, 30)]


class TestVertex:
    """Where a token that is fetched stands for the secret."""

    HERE = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    PERSON = json.dumps(
        {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    )
    SETUP = json.dumps(
        {"setup": {"model": f"projects/p/locations/us/publishers/google/models/{MODEL}"}}
    )

    @pytest.fixture
    async def desk(self) -> AsyncIterator[ScriptedProvider]:
        async with ScriptedProvider() as desk:
            yield desk

    @pytest.fixture
    async def vertex(self, yard: Yard, desk: ScriptedProvider) -> AsyncIterator[RealtimeProvider]:
        provider = RealtimeProvider()
        place: Any = {"settings": {"project": "p", "location": "us"}}
        async with provider.listening() as url:
            there = f"{url}/projects/p/locations/us"
            token_url = desk.url + "/token"
            yard.provider(
                "vertex", base_url=there, token_url=token_url, api_key=self.PERSON, **place
            )
            await yard.open()
            yield provider

    async def test_a_session_is_relayed_and_counted(
        self, yard: Yard, vertex: RealtimeProvider, desk: ScriptedProvider, tmp_path: Path
    ) -> None:
        desk.sends(200, JSON, granted("tok-1"))
        async with in_front(yard, tmp_path, "vertex", "v1beta1") as options:
            client = genai.Client(
                vertexai=True,
                project="p",
                location="us",
                credentials=Credentials(token=yard.key),  # type: ignore[no-untyped-call]  # the library has no types here
                http_options=options,
            )
            model = f"projects/p/locations/us/publishers/google/models/{MODEL}"
            assert await asked(client, vertex) == (["hello"], model)
        request = vertex.requests[0]
        assert request.path == self.HERE
        assert request.headers["authorization"] == "Bearer tok-1"
        assert yard.key not in str(request.headers)
        assert await counted(yard) == [(MODEL, 30)]

    async def test_a_token_that_is_not_taken_is_fetched_anew(
        self, yard: Yard, vertex: RealtimeProvider, desk: ScriptedProvider
    ) -> None:
        desk.sends(200, JSON, granted("the-first-token"))
        desk.sends(200, JSON, granted("the-second-token"))
        vertex.refusal = (401, b"{}")
        vertex.refusals = 1
        async with a_session(yard, f"/vertex{self.HERE}") as client:
            upstream = await vertex.next()
            await client.send(self.SETUP)
            assert await upstream.recv() == self.SETUP
            # What a provider repeats of its token is not for callers.
            await upstream.send("you are the-second-token")
            assert await client.recv() == "you are ***"
        tokens = [request.headers["authorization"] for request in vertex.requests]
        assert tokens == ["Bearer the-first-token", "Bearer the-second-token"]

    async def test_one_that_is_never_taken_is_not_the_callers_fault(
        self, yard: Yard, vertex: RealtimeProvider, desk: ScriptedProvider
    ) -> None:
        desk.sends(200, JSON, granted("tok"))
        vertex.refusal = (401, b"{}")
        with pytest.raises(InvalidStatus, match="502"):
            async with a_session(yard, f"/vertex{self.HERE}"):
                pass
        assert len(vertex.requests) == 2

    async def test_without_a_token_there_is_no_session(
        self, yard: Yard, vertex: RealtimeProvider, desk: ScriptedProvider
    ) -> None:
        desk.sends(400, JSON, b'{"error": "invalid_grant"}')
        with pytest.raises(InvalidStatus, match="502"):
            async with a_session(yard, f"/vertex{self.HERE}"):
                pass
        assert not vertex.requests


class TestEphemeralTokens:
    CONSTRAINED = PATH.replace("v1beta", "v1alpha") + "Constrained"

    async def test_are_not_given_out(self, yard: Yard, provider: RealtimeProvider) -> None:
        answer = await yard.call("/gemini/v1alpha/auth_tokens", {"uses": 1})
        assert answer.status == 403
        assert answer.json["error"]["stockyard"]["code"] == "path_not_allowed"
        assert not provider.requests

    async def test_their_sessions_are_counted_like_all(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard, self.CONSTRAINED) as client:
            upstream = await provider.next()
            await client.send(json.dumps({"setup": {"model": f"models/{MODEL}"}}))
            await upstream.recv()
            await say(upstream, TURN, OVER)
            for _ in range(2):
                await client.recv()
        assert provider.requests[0].path == self.CONSTRAINED.removeprefix("/gemini")
        assert await counted(yard) == [(MODEL, 30)]


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
