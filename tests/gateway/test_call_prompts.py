"""Completions with several prompts, onto providers that take one at a time (`wire.md` 4.2)."""

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard, becomes

COMPLETIONS = "/v1/completions"
PROMPTS = ["the first", "the second", "the third"]


def asking(yard: Yard, **fields: object) -> dict[str, object]:
    return {"model": yard.body()["model"], "prompt": PROMPTS, "max_tokens": 9, **fields}


def texts(answer: Heard) -> dict[int, str]:
    """The text of each choice, by its index."""
    found: dict[int, str] = {}
    said = [event.json for event in answer.events[:-1]] if answer.streamed else [answer.json]
    for one in said:
        for choice in one["choices"]:
            found[choice["index"]] = found.get(choice["index"], "") + choice["text"]
    return found


@pytest.mark.parametrize("provider", ["cerebras", "anthropic"])
@pytest.mark.parametrize("stream", [False, True])
async def test_each_prompt_is_asked_and_answered_in_its_place(
    yard: Yard, provider: str, stream: bool
) -> None:
    script = yard.provider(provider)
    for text in ("one", "two", "three"):
        script.says(text).counts(10, 2)
    options = {"stream_options": {"include_usage": True}} if stream else {}
    answer = await yard.call(COMPLETIONS, asking(yard, stream=stream, **options))
    assert answer.status == 200
    assert answer.streamed is stream
    assert texts(answer) == {0: "one", 1: "two", 2: "three"}
    assert script.prompts == PROMPTS
    usage = answer.events[-2].json["usage"] if stream else answer.json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (30, 6)
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (30, 6)
    assert len(yard.last.attempts) == 3


async def test_each_answer_echoes_its_own_prompt(yard: Yard) -> None:
    yard.provider("anthropic").says(" one").says(" two").says(" three")
    answer = await yard.call(COMPLETIONS, asking(yard, echo=True))
    told = ["the first one", "the second two", "the third three"]
    assert texts(answer) == dict(enumerate(told))


async def test_an_error_of_one_prompt_is_the_error_of_the_call(yard: Yard) -> None:
    script = yard.provider("anthropic").says("one").counts(10, 2).fails(429, retry_after=3)
    answer = await yard.call(COMPLETIONS, asking(yard))
    assert answer.status == 429
    assert len(script.requests) == 2
    assert yard.last.usage is not None  # what was answered is paid
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (10, 2)


async def test_modules_see_one_call_and_one_answer(yard: Yard) -> None:
    yard.provider("anthropic").says("one").says("two").says("three")
    yard.enable("cache")
    body = asking(yard, temperature=0)
    first = await yard.call(COMPLETIONS, body)
    again = await yard.call(COMPLETIONS, body)
    assert texts(first) == texts(again) == {0: "one", 1: "two", 2: "three"}
    assert len(yard.provider("anthropic").requests) == 3


async def test_a_client_that_leaves_ends_the_prompts_still_asked(yard: Yard) -> None:
    script = yard.provider("anthropic").says("one").counts(10, 2).says("never").slowly(before=5)
    async with yard.raw() as client:
        client.ask(COMPLETIONS, asking(yard), headers=yard.headers)
        assert await becomes(lambda: len(script.requests) == 2)
    assert await yard.ended(1)
    assert yard.last.abandoned
    assert yard.last.usage is not None
    assert yard.last.usage.source == "mixed"
    assert yard.last.usage.prompt > 10
    assert yard.last.usage.completion == 2
    assert await becomes(lambda: script.open_connections <= 1)


@pytest.mark.parametrize(
    ("prompt", "more"),
    [(["x"] * 17, {}), ([1, 2, 3], {}), ([[1], [2]], {}), ("x", {"suffix": "y"}), (None, {})],
)
async def test_fields_that_only_completions_know_are_refused_by_name(
    yard: Yard, prompt: object, more: dict[str, object]
) -> None:
    script = yard.provider("anthropic").says("never")
    answer = await yard.call(COMPLETIONS, asking(yard, prompt=prompt, **more))
    assert answer.status == 400
    assert answer.error is not None
    assert answer.error["param"] == ("suffix" if more else "prompt")
    assert not script.requests
