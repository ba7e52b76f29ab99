"""Anthropic's SDK in Vertex's mode, with the gateway in place of Vertex."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stockyard.testing.yard import Yard

vertex = pytest.importorskip("anthropic.lib.vertex")
ASKED: Any = [{"role": "user", "content": "hi"}]
MODELS = [("anthropic", "claude-next"), ("openai", "openai/gpt-4o")]
both = pytest.mark.parametrize(("provider", "model"), MODELS)


@pytest.fixture
async def client_of() -> AsyncIterator[Any]:
    clients: list[Any] = []

    async def make(yard: Yard) -> Any:
        await yard.open()
        clients.append(
            vertex.AsyncAnthropicVertex(
                region="us-east5",
                project_id="p-1",
                access_token=yard.key,
                base_url=yard.url + "/v1",
                max_retries=0,
            )
        )
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


@both
async def test_a_whole_answer(yard: Yard, client_of: Any, provider: str, model: str) -> None:
    scripted = yard.provider(provider).says("hello")
    client = await client_of(yard)
    answer = await client.messages.create(model=model, max_tokens=9, messages=ASKED)
    assert answer.content[0].text == "hello"
    assert scripted.last.prompt == "hi"


@both
async def test_a_stream(yard: Yard, client_of: Any, provider: str, model: str) -> None:
    yard.provider(provider).streams("hel", "lo")
    client = await client_of(yard)
    async with client.messages.stream(model=model, max_tokens=9, messages=ASKED) as stream:
        texts = [text async for text in stream.text_stream]
    assert "".join(texts) == "hello"
