"""The OpenAI library in Azure's mode, with the gateway in place of a resource at Azure."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncAzureOpenAI

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

VERSION = "2024-10-21"
ASKED: Any = [{"role": "user", "content": "hi"}]
MODELS = {"openai": "gpt-4o", "anthropic": "claude-sonnet-4-5", "azure": "azure/my-gpt"}


class Patient(AsyncAzureOpenAI):
    """Does not wait before it tries again."""

    def _calculate_retry_timeout(self, *args: Any, **kwargs: Any) -> float:
        return 0.0


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def upstream(yard: Yard, name: str) -> ScriptedProvider:
    return yard.provider(name)


@pytest.fixture
async def client(yard: Yard, upstream: ScriptedProvider) -> AsyncIterator[AsyncAzureOpenAI]:
    await yard.open()
    async with Patient(azure_endpoint=yard.url, api_version=VERSION, api_key=yard.key) as client:
        yield client


async def test_a_whole_answer(
    client: AsyncAzureOpenAI, upstream: ScriptedProvider, name: str
) -> None:
    upstream.says("hello")
    answer = await client.chat.completions.create(model=MODELS[name], messages=ASKED)
    assert answer.choices[0].message.content == "hello"
    assert upstream.last.prompt == "hi"
    assert "api-version" not in upstream.last.query


async def test_a_stream(client: AsyncAzureOpenAI, upstream: ScriptedProvider, name: str) -> None:
    upstream.streams("hel", "lo")
    stream = await client.chat.completions.create(
        model=MODELS[name], messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(texts) == "hello"
    assert chunks[-1].usage is not None


async def test_responses(client: AsyncAzureOpenAI, upstream: ScriptedProvider, name: str) -> None:
    upstream.says("hello")
    answer = await client.responses.create(model=MODELS[name], input="hi")
    assert answer.output_text == "hello"


async def test_an_error(client: AsyncAzureOpenAI, upstream: ScriptedProvider) -> None:
    with pytest.raises(openai.NotFoundError) as error:
        await client.chat.completions.create(model="nobody-has-this", messages=ASKED)
    assert error.value.code == "model_not_found"


async def test_the_deployment_decides_not_the_body(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    await yard.open()
    async with AsyncAzureOpenAI(
        azure_endpoint=yard.url,
        azure_deployment="claude-sonnet-4-5",
        api_version=VERSION,
        azure_ad_token=yard.key,
    ) as client:
        answer = await client.chat.completions.create(model="whatever", messages=ASKED)
    assert answer.choices[0].message.content == "hello"
    assert anthropic.last.json["model"] == "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("endpoint", "model", "path"),
    [
        ("/", "azure/my-gpt", "/openai/v1/chat/completions"),
        ("/azure/", "my-gpt", "/openai/deployments/my-gpt/chat/completions"),
    ],
)
async def test_an_endpoint_may_end_with_a_slash(
    yard: Yard, endpoint: str, model: str, path: str
) -> None:
    azure = yard.provider("azure").says("hello")
    await yard.open()
    async with AsyncAzureOpenAI(
        azure_endpoint=yard.url + endpoint, api_version=VERSION, api_key=yard.key
    ) as client:
        answer = await client.chat.completions.create(model=model, messages=ASKED)
    assert answer.choices[0].message.content == "hello"
    assert azure.last.path == path


async def test_behind_the_name_of_the_provider_it_is_azure_itself(yard: Yard) -> None:
    azure = yard.provider("azure").says("hello")
    await yard.open()
    async with AsyncAzureOpenAI(
        azure_endpoint=yard.url + "/azure", api_version=VERSION, api_key=yard.key
    ) as client:
        await client.chat.completions.create(model="my-gpt", messages=ASKED)
    path = f"/openai/deployments/my-gpt/chat/completions?api-version={VERSION}"
    assert azure.last.target == path
    assert azure.last.headers["api-key"] == "secret-of-azure"
