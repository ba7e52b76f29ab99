"""Google's own SDK for Python in Vertex's mode, with the gateway in place of Vertex."""

import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from stockyard.testing.yard import Yard

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    genai = pytest.importorskip("google.genai")
    credentials = pytest.importorskip("google.oauth2.credentials")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MODELS = [("openai", "openai/gpt-4o"), ("gemini", "gemini-2.5-flash")]
both = pytest.mark.parametrize(("provider", "model"), MODELS)


@pytest.fixture
async def closing(yard: Yard) -> AsyncIterator[AsyncExitStack]:
    """Closes the clients of a test before the server they are connected to."""
    async with AsyncExitStack() as stack:
        yield stack


async def models_of(client: Any, closing: AsyncExitStack) -> Any:
    closing.callback(client.close)
    return (await closing.enter_async_context(client.aio)).models


async def with_project(yard: Yard, closing: AsyncExitStack) -> Any:
    await yard.open()
    client = genai.Client(
        vertexai=True,
        project="p-1",
        location="us-central1",
        credentials=credentials.Credentials(yard.key),
        http_options={"base_url": yard.url, "retry_options": {"attempts": 1}},
    )
    return await models_of(client, closing)


async def with_key(yard: Yard, closing: AsyncExitStack) -> Any:
    await yard.open()
    options = {"base_url": yard.url, "retry_options": {"attempts": 1}}
    client = genai.Client(vertexai=True, api_key=yard.key, http_options=options)
    return await models_of(client, closing)


@both
@pytest.mark.parametrize("opened", [with_project, with_key])
async def test_a_whole_answer(
    yard: Yard, closing: AsyncExitStack, provider: str, model: str, opened: Any
) -> None:
    scripted = yard.provider(provider).says("hello")
    models = await opened(yard, closing)
    answer = await models.generate_content(model=model, contents="hi")
    assert answer.text == "hello"
    assert b'"hi"' in scripted.last.body


@both
async def test_a_stream(yard: Yard, closing: AsyncExitStack, provider: str, model: str) -> None:
    yard.provider(provider).streams("hel", "lo")
    models = await with_project(yard, closing)
    stream = await models.generate_content_stream(model=model, contents="hi")
    assert "".join([chunk.text or "" async for chunk in stream]) == "hello"
