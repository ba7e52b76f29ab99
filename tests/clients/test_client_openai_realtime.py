"""The official OpenAI library for Python: a realtime session."""

import json
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from stockyard.testing.yard import Yard
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import a_realtime_provider

DONE = {
    "type": "response.done",
    "event_id": "event_1",
    "response": {
        "id": "resp_1",
        "object": "realtime.response",
        "status": "completed",
        "output": [],
        "usage": {"total_tokens": 5, "input_tokens": 3, "output_tokens": 2},
    },
}


@pytest.fixture
async def provider(yard: Yard) -> AsyncIterator[RealtimeProvider]:
    async with a_realtime_provider(yard) as provider:
        await yard.open()
        yield provider


@pytest.fixture
async def client(yard: Yard, provider: RealtimeProvider) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=yard.url + "/v1", api_key=yard.key) as client:
        yield client


async def test_a_session_is_held_and_counted(
    yard: Yard, client: AsyncOpenAI, provider: RealtimeProvider
) -> None:
    async with client.realtime.connect(model="gpt-realtime") as session:
        upstream = await provider.next()
        await session.session.update(session={"type": "realtime", "instructions": "Be brief."})
        assert json.loads(await upstream.recv())["session"]["instructions"] == "Be brief."
        await session.response.create()
        assert json.loads(await upstream.recv())["type"] == "response.create"
        await upstream.send(json.dumps(DONE))
        event = await session.recv()
        assert event.type == "response.done"
        assert event.response.usage is not None
        assert event.response.usage.output_tokens == 2
    assert await yard.ended(2)
    usage = yard.calls[0].usage
    assert usage is not None
    assert (usage.prompt, usage.completion) == (3, 2)


async def test_a_client_of_azure_names_its_deployment(
    yard: Yard, provider: RealtimeProvider
) -> None:
    async with (
        AsyncAzureOpenAI(
            azure_endpoint=yard.url,
            websocket_base_url=yard.url.replace("http", "ws", 1) + "/openai",  # else it wants TLS
            api_key=yard.key,
            api_version="2025-04-01-preview",
        ) as client,
        client.realtime.connect(model="gpt-realtime") as session,
    ):
        upstream = await provider.next()
        await session.response.create()
        assert json.loads(await upstream.recv())["type"] == "response.create"
    assert provider.requests[0].path == "/v1/realtime?model=gpt-realtime"


async def test_secrets_for_browsers_are_not_given_out(
    client: AsyncOpenAI, provider: RealtimeProvider
) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        await client.realtime.client_secrets.create()
    assert not provider.requests
