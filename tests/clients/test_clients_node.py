"""The official libraries for Node against the gateway, whoever answers behind it.

`chat.mjs` and `messages.mjs` hold the scenarios. One run of Node goes through all of them, for it
takes half a second to start.
"""

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from tests.clients.node import needs_node, run

pytestmark = needs_node

SCENARIOS = (
    *("whole", "streamed", "tools", "streamed_tools", "image"),
    *("refused", "limited", "broken", "again", "wrong_key", "cut", "cancelled"),
)


def script(provider: ScriptedProvider) -> None:
    """One line for each call of the scenarios, in their order."""
    provider.says("Fine today.").counts(30, 7)
    provider.streams("Fine", " today", ".").counts(30, 7)
    for _ in ("tools", "streamed_tools"):
        provider.calls_tool("weather", {"city": "Zürich"}, text="Let me look.")
        provider.and_calls("weather", {"city": "Köln"})
    provider.says("A dot.")
    provider.fails(400, "Told to fail.")
    provider.fails(429, "Told to fail.")
    provider.fails(500, "Told to fail.")
    provider.fails(500, "Told to fail.").says("Better now.")
    provider.streams("Fine", " today", ".").cuts_after("first_content")
    provider.streams("Fine", " today", ".").stalls_after("first_content")


@pytest.mark.parametrize("upstream", ["openai", "anthropic"])
@pytest.mark.parametrize("program", ["chat.mjs", "messages.mjs"])
async def test_every_scenario(yard: Yard, program: str, upstream: str) -> None:
    provider = yard.provider(upstream)
    script(provider)
    heard = await run(yard, program, *SCENARIOS, model=str(yard.body()["model"]))

    stop, called = ("stop", "tool_calls") if program == "chat.mjs" else ("end_turn", "tool_use")
    calls = [["weather", {"city": "Zürich"}], ["weather", {"city": "Köln"}]]
    assert heard["whole"] == {"content": "Fine today.", "finish": stop, "tokens": 37}
    assert heard["streamed"] == {"pieces": ["Fine", " today", "."], "tokens": 37}
    assert heard["tools"] == {"finish": called, "calls": calls}
    assert heard["streamed_tools"] == {"finish": called, "calls": calls}
    assert heard["image"] == "A dot."
    assert (heard["refused"]["error"], heard["refused"]["status"]) == ("BadRequestError", 400)
    assert (heard["limited"]["error"], heard["limited"]["status"]) == ("RateLimitError", 429)
    assert (heard["broken"]["error"], heard["broken"]["status"]) == ("InternalServerError", 502)
    assert "error" not in heard["again"]
    assert heard["wrong_key"]["error"] == "AuthenticationError"
    assert heard["cut"] == {"text": "Fine", "raised": True}
    assert heard["cancelled"] == "left"
    assert len(provider.requests) == 12
    assert await provider.closed_by_client()
    assert await yard.ended(12)
    assert yard.last.abandoned


async def test_structured_output(yard: Yard) -> None:
    provider = yard.provider("openai").says('{"city":"Köln"}')
    heard = await run(yard, "chat.mjs", "structured", model="gpt-4o")
    assert heard["structured"] == {"city": "Köln"}
    assert provider.last.fields["response_format"]["json_schema"]["name"] == "place"


@pytest.mark.parametrize("upstream", ["openai", "anthropic"])
async def test_the_runner_of_tools_sends_the_whole_conversation(yard: Yard, upstream: str) -> None:
    provider = yard.provider(upstream)
    provider.calls_tool("weather", {"city": "Köln"}).says("Cold.")
    heard = await run(yard, "messages.mjs", "runner", model=str(yard.body()["model"]))
    assert heard["runner"] == "Cold."
    assert len(provider.requests) == 2
    for word in ("How is the weather?", "Köln", "12 degrees"):
        assert word in provider.last.body.decode()


@pytest.mark.parametrize("program", ["chat.mjs", "messages.mjs"])
async def test_the_mock_answers_without_an_account(yard: Yard, program: str) -> None:
    heard = await run(yard, program, "whole", "streamed", model="some-model")
    assert heard["whole"]["content"].endswith("How is the weather?")
    assert "".join(heard["streamed"]["pieces"]) == heard["whole"]["content"]
