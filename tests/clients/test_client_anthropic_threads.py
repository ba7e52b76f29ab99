"""Anthropic's library for Python would rather have the provider keep the conversation (`thread`).

The runner of tools asks for that by itself.
"""

import json
from typing import Any

import pytest
from anthropic import AsyncAnthropic, BadRequestError, beta_async_tool

from stockyard.testing.yard import Yard

ASKED: Any = [{"role": "user", "content": "How is the weather?"}]
MODELS = {"openai": "gpt-4o", "anthropic": "claude-test"}
REPORT = "12 degrees"
OF_THE_CALLER = "sk-ant-of-the-caller-0123456789"


@beta_async_tool
async def weather(city: str) -> str:
    """The weather of a city."""
    return f"{REPORT} in {city}"


def client_of(yard: Yard, base: str = "", key: str = "") -> AsyncAnthropic:
    return AsyncAnthropic(base_url=yard.url + base, api_key=key or yard.key, max_retries=0)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_runner_of_tools_sends_the_whole_conversation(
    yard: Yard, name: str, stream: bool
) -> None:
    provider = yard.provider(name)
    said = provider.calls_tool("weather", {"city": "Bonn"}, text="Let me see.")
    said.and_calls("weather", {"city": "Ulm"})
    provider.says("Cold.")
    await yard.open()
    async with client_of(yard) as client:
        runner: Any = client.beta.messages.tool_runner(
            model=MODELS[name], max_tokens=50, messages=ASKED, tools=[weather], stream=stream
        )
        answer = await runner.until_done()

    assert [block.text for block in answer.content] == ["Cold."]
    assert len(provider.requests) == 2
    asked = json.dumps(provider.last.json)
    for word in ("How is the weather?", "Let me see.", f"{REPORT} in Bonn", f"{REPORT} in Ulm"):
        assert word in asked
    assert "thread" not in provider.last.json
    assert len(provider.last.json["tools"]) == 1


@pytest.mark.parametrize("base", ["", "/anthropic"])
async def test_who_insists_is_told(yard: Yard, base: str) -> None:
    provider = yard.provider("anthropic").says("hello")
    await yard.open()
    async with client_of(yard, base) as client:
        with pytest.raises(BadRequestError, match="thread") as raised:
            await client.beta.messages.create(
                model="claude-test",
                max_tokens=50,
                messages=ASKED,
                thread={"type": "continue", "previous_message_id": "msg_of_another_team"},
            )
        body: Any = raised.value.body
        assert body["error"]["details"] == {"error_code": "thread_unsupported_request"}
        assert not provider.requests
        answer: Any = await client.beta.messages.create(
            model="claude-test", max_tokens=50, messages=ASKED, thread=None
        )
    assert answer.content[0].text == "hello"


async def test_with_a_secret_of_ones_own_it_is_between_caller_and_provider(yard: Yard) -> None:
    provider = yard.provider("anthropic").says("hello")
    await yard.open()
    async with client_of(yard, "/anthropic", OF_THE_CALLER) as client:
        await client.beta.messages.create(
            model="claude-test", max_tokens=50, messages=ASKED, thread={"type": "create"}
        )
    assert provider.last.json["thread"] == {"type": "create"}
