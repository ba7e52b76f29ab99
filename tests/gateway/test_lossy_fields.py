"""Fields that a provider's format cannot say: refused, left out and told, or left out (`wire.md`
1.10)."""

from typing import Any

import pytest

from stockyard.first_run import FIRST_KEY
from stockyard.testing.yard import Yard

DROPPED = "x-stockyard-dropped"
CLAUDE = "anthropic/claude-haiku-4-5"


def noted(yard: Yard) -> list[dict[str, Any] | None]:
    return [f.detail for f in yard.last.exchange.findings if f.action == "dropped"]


async def test_the_caller_is_warned_unless_somebody_wants_it_otherwise(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    answer = await yard.chat("hi", model=CLAUDE, seed=7, logit_bias={"1": 1})
    assert answer.headers[DROPPED] == "seed,logit_bias"
    assert noted(yard) == [{"fields": ["seed", "logit_bias"]}]
    assert "seed" not in anthropic.last.fields


async def test_silent_tells_losses_in_the_trace_only(yard: Yard) -> None:
    yard.provider("anthropic").says("hello")
    yard.set("translation.lossy", "silent")
    answer = await yard.chat("hi", model=CLAUDE, seed=7)
    assert (answer.status, answer.text) == (200, "hello")
    assert DROPPED not in answer.headers
    assert noted(yard) == [{"fields": ["seed"]}]


@pytest.mark.parametrize("stream", [False, True])
async def test_strict_refuses_before_anything_is_sent(yard: Yard, stream: bool) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    yard.set("translation.lossy", "strict")
    answer = await yard.chat("hi", model=CLAUDE, seed=7, logit_bias={"1": 1}, stream=stream)
    assert answer.status == 400
    assert answer.error is not None
    assert (answer.error["type"], answer.error["param"]) == ("invalid_request_error", "seed")
    assert answer.error["stockyard"]["code"] == "invalid_request"
    assert answer.error["stockyard"]["detail"] == {"fields": ["seed", "logit_bias"]}
    assert "'seed'" in answer.error["message"]
    assert "logit_bias" in answer.error["message"]
    assert not anthropic.requests


async def test_strict_speaks_the_dialect_of_the_caller(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    yard.set("translation.lossy", "strict")
    answer = await yard.messages("hi", model="openai/gpt-4o", top_k=3)
    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert "'top_k'" in answer.json["error"]["message"]
    assert not openai.requests


async def test_strict_lets_pass_what_loses_nothing(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    openai = yard.provider("openai").says("hello")
    yard.set("translation.lossy", "strict")
    function = {"name": "f", "parameters": {"type": "object", "properties": {}}}
    fields: dict[str, Any] = {
        "temperature": 0.5,
        "stop": ["x"],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "required",
    }
    assert (await yard.chat("hi", model=CLAUDE, **fields)).status == 200
    assert (await yard.chat("hi", model="gpt-4o", seed=7, logit_bias={"1": 1})).status == 200
    assert (len(anthropic.requests), len(openai.requests)) == (1, 1)


@pytest.mark.parametrize(("policy", "status"), [("warn", 200), ("strict", 400)])
async def test_fields_that_the_clients_version_has_not_are_refused_as_well(
    yard: Yard, policy: str, status: int
) -> None:
    """`wire.md` 4.4: the refusals of version 2026-10-21 are imitated in strict mode only."""
    yard.provider("openai").says("hello")
    yard.set("translation.lossy", policy)
    version = {"anthropic-version": "2026-10-21"}
    answer = await yard.messages("hi", model="openai/gpt-4o", temperature=0.5, headers=version)
    assert answer.status == status
    assert answer.headers.get(DROPPED) == ("temperature" if status == 200 else None)


async def test_fields_that_quirks_leave_out_are_refused_as_well(yard: Yard) -> None:
    groq = yard.provider("groq").says("hello")
    yard.set("translation.lossy", "strict")
    answer = await yard.chat("hi", model="groq/llama-3.1-8b", logprobs=True)
    assert (answer.status, len(groq.requests)) == (400, 0)


@pytest.mark.parametrize(("policy", "status"), [("strict", 400), ("warn", 200)])
async def test_tools_for_a_provider_without_tools_are_refused_or_left_out(
    yard: Yard, policy: str, status: int
) -> None:
    """`wire.md` 12.2, `no_tools`."""
    perplexity = yard.provider("perplexity").says("hello")
    yard.set("translation.lossy", policy)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    answer = await yard.chat("hi", model="perplexity/sonar", tools=tools)
    assert (answer.status, len(perplexity.requests)) == (status, int(status == 200))
    assert answer.headers.get(DROPPED) == ("tools" if status == 200 else None)


@pytest.mark.parametrize(
    ("turn", "named"),
    [
        ({"role": "tool", "tool_call_id": "call_9", "content": "7"}, "call_9"),
        (
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "no"}}
                ],
            },
            "messages.tool_calls.arguments",
        ),
    ],
)
async def test_strict_names_what_is_wrong_with_calls_of_tools(
    yard: Yard, turn: dict[str, Any], named: str
) -> None:
    """`wire.md` 5.2 and 8, rule 6."""
    anthropic = yard.provider("anthropic").says("hello")
    yard.set("translation.lossy", "strict")
    messages = [{"role": "user", "content": "hi"}, turn]
    answer = await yard.chat(model=CLAUDE, messages=messages)
    assert (answer.status, len(anthropic.requests)) == (400, 0)
    assert answer.error is not None
    assert named in answer.error["message"]


async def test_the_setting_of_an_alias_counts_before_the_general_one(yard: Yard) -> None:
    yard.provider("anthropic").says("hello")
    yard.set("aliases.careful.targets", [CLAUDE])
    yard.set("aliases.careful.lossy", "strict")
    yard.set("aliases.quiet.targets", [CLAUDE])
    yard.set("aliases.quiet.lossy", "silent")
    assert (await yard.chat("hi", model="careful", seed=7)).status == 400
    quiet = await yard.chat("hi", model="quiet", seed=7)
    assert (quiet.status, DROPPED in quiet.headers) == (200, False)
    assert DROPPED in (await yard.chat("hi", model=CLAUDE, seed=7)).headers


async def test_an_alias_of_the_module_has_a_setting_too(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    rows = [
        {"alias": "careful", "model": CLAUDE, "lossy": "strict"},
        {"alias": "spare", "model": CLAUDE, "lossy": "strict", "drop": ["seed"]},
    ]
    yard.enable("modelalias", aliases=rows)
    assert (await yard.chat("hi", model="careful", seed=7)).status == 400
    assert (await yard.chat("hi", model="spare", seed=7)).status == 200
    assert "seed" not in anthropic.last.fields


async def test_the_setting_of_a_key_counts_before_all_others(yard: Yard) -> None:
    yard.provider("anthropic").says("hello")
    yard.set(f"translation.keys.{FIRST_KEY}", "strict")
    yard.set("aliases.quiet.targets", [CLAUDE])
    yard.set("aliases.quiet.lossy", "silent")
    assert (await yard.chat("hi", model="quiet", seed=7)).status == 400


async def test_losses_of_a_failed_try_are_not_told_of_the_next(yard: Yard) -> None:
    yard.provider("anthropic").fails(500)
    openai = yard.provider("openai").says("hello")
    yard.set("aliases.both.targets", [CLAUDE, "openai/gpt-4o"])
    yard.enable("failover")
    answer = await yard.chat("hi", model="both", seed=7)
    assert (answer.text, openai.last.fields["seed"]) == ("hello", 7)
    assert DROPPED not in answer.headers


async def test_losses_of_several_steps_are_told_in_one_header(yard: Yard) -> None:
    yard.provider("groq").says("hello")
    answer = await yard.messages("hi", model="groq/llama-3.1-8b", top_k=3, stop_sequences=["x"])
    assert answer.headers[DROPPED] == "top_k"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thinking_stands_where_the_operator_wants_it(
    yard: Yard, field: str, stream: bool
) -> None:
    """`wire.md` 4.1, Reasoning."""
    yard.provider("anthropic").says("hello").thinks("hm")
    yard.set("translation.reasoning_field", field)
    answer = await yard.chat("hi", model=CLAUDE, stream=stream)
    other = "reasoning" if field == "reasoning_content" else "reasoning_content"
    said = answer.body.decode()
    assert f'"{field}":"hm"' in said
    assert f'"{other}":' not in said
