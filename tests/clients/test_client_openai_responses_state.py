"""The official OpenAI library for Python, where it goes on from responses that somebody keeps."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}


@pytest.fixture(params=["deepinfra", "anthropic", "openai"])
def upstream(yard: Yard, request: pytest.FixtureRequest) -> ScriptedProvider:
    """The provider behind the gateway: one of chat, one of messages, one that keeps responses."""
    return yard.provider(request.param)


@pytest.fixture
def keeps(request: pytest.FixtureRequest) -> bool:
    """Whether the provider keeps responses itself."""
    return "openai" in request.node.callspec.params.values()


@pytest.fixture
async def client(yard: Yard, upstream: ScriptedProvider) -> AsyncIterator[AsyncOpenAI]:
    await yard.open()
    async with AsyncOpenAI(base_url=yard.url + "/v1", api_key=yard.key, max_retries=0) as client:
        yield client


@pytest.fixture
def model(yard: Yard, upstream: ScriptedProvider) -> str:
    return str(yard.body()["model"])


async def ask(client: AsyncOpenAI, stream: bool, **fields: Any) -> Any:
    """The response, whole or from the end of its stream."""
    if not stream:
        return await client.responses.create(**fields)
    async with client.responses.stream(**fields) as events:
        return await events.get_final_response()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_goes_on_from_the_last_response(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, keeps: bool, stream: bool
) -> None:
    upstream.says("Hello, Ann.").says("Ann.")
    first = await ask(client, stream, model=model, input="I am Ann.", store=True)
    second = await ask(
        client, stream, model=model, input="Who am I?", previous_response_id=first.id
    )
    assert second.output_text == "Ann."
    sent = upstream.last.body.decode()
    assert ("Hello, Ann." in sent) is not keeps
    assert (first.id in sent) is keeps


async def test_a_response_is_retrieved_and_deleted(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, keeps: bool
) -> None:
    upstream.says("Hello.")
    made = await client.responses.create(model=model, input="Hi", store=True)
    if keeps:
        upstream.sends(200, JSON, made.model_dump_json().encode())
    found = await client.responses.retrieve(made.id)
    assert (found.id, found.output_text) == (made.id, "Hello.")
    if keeps:
        upstream.sends(200, JSON, b'{"deleted":true}')
    await client.responses.delete(made.id)
    if keeps:
        assert upstream.last.method == "DELETE"
        return
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(made.id)


async def test_the_items_of_a_response_are_listed_over_all_pages(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, keeps: bool
) -> None:
    upstream.says("Hello.")
    asked: Any = [{"role": "user", "content": f"{number}"} for number in range(5)]
    made = await client.responses.create(model=model, input=asked, store=True)
    if keeps:
        upstream.sends(200, JSON, b'{"object":"list","data":[],"has_more":false}')
        assert [item async for item in client.responses.input_items.list(made.id)] == []
        assert upstream.last.path == f"/v1/responses/{made.id}/input_items"
        return
    items: list[Any] = [item async for item in client.responses.input_items.list(made.id, limit=2)]
    assert [item.content[0].text for item in items] == ["4", "3", "2", "1", "0"]
    assert len({item.id for item in items}) == 5


async def test_a_response_is_cancelled_where_it_runs(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, keeps: bool
) -> None:
    upstream.says("Hello.")
    made = await client.responses.create(model=model, input="Hi", store=True)
    if not keeps:
        with pytest.raises(openai.BadRequestError):
            await client.responses.cancel(made.id)
        return
    upstream.sends(
        200, JSON, made.model_copy(update={"status": "cancelled"}).model_dump_json().encode()
    )
    stopped = await client.responses.cancel(made.id)
    assert stopped.status == "cancelled"
    assert upstream.last.path == f"/v1/responses/{made.id}/cancel"


async def test_a_response_that_nobody_keeps_is_not_found(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve("resp_of_nobody")
    with pytest.raises(openai.BadRequestError) as raised:
        await client.responses.create(model=model, input="?", previous_response_id="resp_of_nobody")
    assert raised.value.code == "previous_response_not_found"
    assert not upstream.requests


async def test_a_conversation_is_compacted(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, keeps: bool
) -> None:
    if keeps:
        sealed = {"id": "cmp_1", "type": "compaction", "encrypted_content": "x"}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        made = {"id": "resp_1", "object": "response.compaction", "created_at": 1, "usage": usage}
        upstream.sends(200, JSON, json.dumps({**made, "output": [sealed]}).encode())
    else:
        upstream.says("They said hello.")
    asked: Any = [{"role": "user", "content": "Hello."}]
    compacted = await client.responses.compact(model=model, input=asked)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output][-1] == "compaction"

    upstream.says("Sure.")
    # The library does not expect messages of the user in an output, and says so when it sends them.
    output = [item.to_dict(warnings=False) for item in compacted.output]
    more: Any = [*output, {"role": "user", "content": "Go on."}]
    answer = await client.responses.create(model=model, input=more)
    assert answer.output_text == "Sure."
    assert (b"They said hello." in upstream.last.body) is not keeps
