"""Efforts that the model of a call does not take: the nearest is asked for, and that is told."""

from typing import Any

import pytest

from stockyard.testing.yard import Yard

DROPPED = "x-stockyard-dropped"


async def test_an_effort_that_the_model_does_not_take_becomes_the_nearest(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    yard.set("aliases.fast", "openai/o3")
    answer = await yard.chat("hi", model="fast", reasoning_effort="max")
    assert openai.last.fields["reasoning_effort"] == "high"
    assert answer.headers[DROPPED] == "reasoning_effort"
    findings = yard.last.exchange.findings
    assert [f.detail for f in findings if f.action == "dropped"] == [
        {"fields": ["reasoning_effort"]}
    ]


async def test_the_price_list_knows_which_efforts_a_model_takes(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    yard.set("aliases.fast", "openai/gpt-5.1")
    for asked, given in (("xhigh", "high"), ("minimal", "low"), ("none", "none")):
        await yard.chat("hi", model="fast", reasoning_effort=asked)
        assert openai.last.fields["reasoning_effort"] == given


async def test_efforts_of_other_dialects_are_rounded_too(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    wish: dict[str, Any] = {"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}}
    answer = await yard.messages("hi", model="openai/gpt-5.2", **wish)
    assert openai.last.fields["reasoning_effort"] == "xhigh"
    assert answer.headers[DROPPED] == "reasoning_effort"
    budget: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1_024}}
    await yard.messages("hi", model="openai/gpt-5-pro", **budget)
    assert openai.last.fields["reasoning_effort"] == "high"


@pytest.mark.parametrize(
    ("model", "effort", "told"), [("gpt-5.1", "none", False), ("gpt-5-mini", "minimal", True)]
)
async def test_thinking_that_is_switched_off_is_no_effort_or_the_least(
    yard: Yard, model: str, effort: str, told: bool
) -> None:
    openai = yard.provider("openai").says("hello")
    off: dict[str, Any] = {"thinking": {"type": "disabled"}}
    answer = await yard.messages("hi", model=f"openai/{model}", **off)
    assert openai.last.fields["reasoning_effort"] == effort
    assert (DROPPED in answer.headers) is told


async def test_thinking_that_is_switched_off_is_not_mentioned_to_unknown_models(
    yard: Yard,
) -> None:
    own = yard.provider("own", kind="openai.chat").says("hello")
    off: dict[str, Any] = {"thinking": {"type": "disabled"}}
    await yard.messages("hi", model="own/some-model", **off)
    assert "reasoning_effort" not in own.last.fields


async def test_models_that_choose_their_thinking_are_given_the_effort(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    await yard.chat("hi", model="anthropic/claude-opus-4-7", reasoning_effort="xhigh")
    assert anthropic.last.fields["output_config"] == {"effort": "xhigh"}


@pytest.mark.parametrize("effort", ["high", "medium"])
async def test_an_effort_that_it_takes_goes_on_in_the_clients_own_bytes(
    yard: Yard, effort: str
) -> None:
    openai = yard.provider("openai").says("hello")
    yard.set("aliases.fast", "openai/o3")
    answer = await yard.chat("hi", model="fast", reasoning_effort=effort)
    assert openai.last.fields["reasoning_effort"] == effort
    assert DROPPED not in answer.headers


async def test_efforts_of_the_providers_own_format_are_left_to_it(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    answer = await yard.chat("hi", model="o3", reasoning_effort="max")
    assert openai.last.fields["reasoning_effort"] == "max"
    assert DROPPED not in answer.headers


async def test_nothing_is_changed_where_nobody_knows(yard: Yard) -> None:
    own = yard.provider("own", kind="openai.chat").says("hello")
    yard.set("aliases.fast", "own/some-model")
    await yard.chat("hi", model="fast", reasoning_effort="max")
    assert own.last.fields["reasoning_effort"] == "max"


async def test_native_paths_pass_what_they_get(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    body = {"model": "o3", "messages": [{"role": "user", "content": "hi"}]}
    await yard.call("/openai/v1/chat/completions", body | {"reasoning_effort": "max"})
    assert openai.last.fields["reasoning_effort"] == "max"
