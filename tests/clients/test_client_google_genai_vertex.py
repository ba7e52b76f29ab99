"""Google's own SDK for Python in Vertex's mode, with the gateway in place of Vertex."""

import warnings
from typing import Any

import pytest

from stockyard.testing.yard import Yard

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    genai = pytest.importorskip("google.genai")
    credentials = pytest.importorskip("google.oauth2.credentials")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MODELS = [("openai", "openai/gpt-4o"), ("gemini", "gemini-2.5-flash")]
both = pytest.mark.parametrize(("provider", "model"), MODELS)


async def with_project(yard: Yard) -> Any:
    await yard.open()
    return genai.Client(
        vertexai=True,
        project="p-1",
        location="us-central1",
        credentials=credentials.Credentials(yard.key),
        http_options={"base_url": yard.url, "retry_options": {"attempts": 1}},
    ).aio.models


async def with_key(yard: Yard) -> Any:
    await yard.open()
    options = {"base_url": yard.url, "retry_options": {"attempts": 1}}
    return genai.Client(vertexai=True, api_key=yard.key, http_options=options).aio.models


@both
@pytest.mark.parametrize("models_of", [with_project, with_key])
async def test_a_whole_answer(yard: Yard, provider: str, model: str, models_of: Any) -> None:
    scripted = yard.provider(provider).says("hello")
    models = await models_of(yard)
    answer = await models.generate_content(model=model, contents="hi")
    assert answer.text == "hello"
    assert b'"hi"' in scripted.last.body


@both
async def test_a_stream(yard: Yard, provider: str, model: str) -> None:
    yard.provider(provider).streams("hel", "lo")
    models = await with_project(yard)
    stream = await models.generate_content_stream(model=model, contents="hi")
    assert "".join([chunk.text or "" async for chunk in stream]) == "hello"
