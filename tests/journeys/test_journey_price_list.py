"""What the price list knows of a model helps calls along, without anybody setting anything."""

from typing import Any

import pytest

from stockyard.testing.yard import CHAT, Yard

HELLO = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("claude-opus-4-8", {}, 128_000),
        ("claude-sonnet-4-5-20250929", {}, 64_000),
        ("claude-opus-4-8", {"max_tokens": 50}, 50),
        ("claude-of-next-year", {}, 4_096),
    ],
)
async def test_an_answer_may_be_as_long_as_the_model_can_write(
    yard: Yard, model: str, asked: dict[str, Any], sent: int
) -> None:
    yard.provider("anthropic").says("hello")

    await yard.call(CHAT, {"model": model, "messages": HELLO, **asked})

    assert yard.provider("anthropic").last.json["max_tokens"] == sent


async def test_a_model_that_no_pattern_claims_is_found_at_its_seller(yard: Yard) -> None:
    yard.provider("openai").says("no")
    yard.provider("cerebras").says("hello")

    answer = await yard.chat("hi", model="zai-glm-4.7")

    assert answer.text == "hello"
    assert yard.last.attempts == ["cerebras 200"]


async def test_models_are_listed_for_clients_by_names_they_can_call(yard: Yard) -> None:
    yard.provider("openai").says("hello")

    answer = await yard.get("/v1/models")

    listed = {model["id"]: model["owned_by"] for model in answer.json["data"]}
    assert listed["gpt-4o-mini"] == "openai"
    assert "claude-sonnet-4-5" not in listed


async def test_a_call_is_not_priced_yet(yard: Yard) -> None:
    yard.provider("openai").says("hello")

    answer = await yard.chat("hi", model="gpt-4o-mini")

    assert "x-stockyard-cost" not in answer.headers
