"""The official Anthropic library in Bedrock's mode, with any model behind the gateway.

Its streams want a library of AWS besides: `tests/gateway/test_converse_paths.py` reads them.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic import AsyncAnthropicBedrock, NotFoundError

from stockyard.testing.yard import Yard

ASKED: Any = {"max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
async def client(yard: Yard) -> AsyncIterator[AsyncAnthropicBedrock]:
    yard.provider("openai")
    await yard.open()
    async with AsyncAnthropicBedrock(
        base_url=yard.url, api_key=yard.key, aws_region="eu-west-1", max_retries=0
    ) as client:
        yield client


async def test_a_whole_answer(yard: Yard, client: AsyncAnthropicBedrock) -> None:
    yard.provider("openai").says("hello").counts(9, 12)
    answer = await client.messages.create(model="openai/gpt-4o", **ASKED)
    assert [block.text for block in answer.content if block.type == "text"] == ["hello"]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (9, 12)


async def test_a_call_of_a_tool(yard: Yard, client: AsyncAnthropicBedrock) -> None:
    yard.provider("openai").calls_tool("weather", {"city": "Paris"})
    tool: Any = {"name": "weather", "input_schema": {"type": "object"}}
    answer = await client.messages.create(model="openai/gpt-4o", tools=[tool], **ASKED)
    assert [block.input for block in answer.content if block.type == "tool_use"] == [
        {"city": "Paris"}
    ]
    assert answer.stop_reason == "tool_use"


async def test_a_model_that_nobody_serves(client: AsyncAnthropicBedrock) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        await client.messages.create(model="nobody", **ASKED)
