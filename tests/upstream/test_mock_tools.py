"""The mock provider: tools, JSON and reasoning."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.upstream.mock_calls import (
    BOTH,
    CHAT,
    ECHO,
    MESSAGES,
    a_request,
    a_tool,
    call,
    finish_of,
    streamed_text,
    text_of,
    tokens_of,
    words,
)


def calls_of(answer: Any) -> list[tuple[str, Any]]:
    if "choices" in answer:
        calls = answer["choices"][0]["message"].get("tool_calls") or ()
        return [
            (c["function"]["name"], msgspec.json.decode(c["function"]["arguments"])) for c in calls
        ]
    return [(b["name"], b["input"]) for b in answer["content"] if b["type"] == "tool_use"]


SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Oslo!"]}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        (CHAT, {"response_format": {"type": "json_object"}}, {}),
        (CHAT, {"response_format": {"type": "text"}}, None),
        (
            CHAT,
            {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
            {"city": "Rome", "days": 2},
        ),
        (
            MESSAGES,
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            {"city": "Rome", "days": 2},
        ),
        (MESSAGES, {"output_config": {"effort": "low"}}, None),
    ],
)
async def test_json_is_answered_where_json_is_asked_for(
    path: str, fields: dict[str, Any], said: Any
) -> None:
    text = text_of((await call(path, a_request(path, **fields))).json)

    assert (msgspec.json.decode(text) if said is not None else text) == (
        ECHO if said is None else said
    )


def tool_result(path: str) -> list[dict[str, Any]]:
    if path == CHAT:
        return [{"role": "tool", "tool_call_id": "c", "content": "sunny"}]
    result = {"type": "tool_result", "tool_use_id": "c", "content": "sunny"}
    return [{"role": "user", "content": [result]}]


@BOTH
@pytest.mark.parametrize(
    ("prompt", "choice", "called"),
    [
        ("please call weather for me", None, ["weather"]),
        ("Call `weather`.", None, ["weather"]),
        ("call weather, then call time", None, ["weather", "time"]),
        ("call nothing", None, []),
        ("recall weather", None, []),
        ("weather", None, []),
        ("hi", "required", ["weather"]),
        ("call time", "required", ["time"]),
        ("hi", "time", ["time"]),
        ("call weather", "none", []),
    ],
)
async def test_the_tool_that_the_prompt_asks_for_is_called_if_it_is_offered(
    path: str, prompt: str, choice: str | None, called: list[str]
) -> None:
    request = a_request(path, prompt, tools=two_tools(path))
    if choice is not None:
        request["tool_choice"] = tool_choice(path, choice)

    answer = (await call(path, request)).json

    assert [name for name, _ in calls_of(answer)] == called
    assert finish_of(answer) in (("tool_calls", "tool_use") if called else ("stop", "end_turn"))
    for name, arguments in calls_of(answer):
        assert arguments == ({"city": "Rome", "days": 2} if name == "weather" else {})


def two_tools(path: str) -> list[dict[str, Any]]:
    return [a_tool(path, "weather", SCHEMA), a_tool(path, "time", None)]


def tool_choice(path: str, choice: str) -> Any:
    if path == CHAT:
        named = {"type": "function", "function": {"name": choice}}
        return choice if choice in ("none", "required") else named
    types = {"none": {"type": "none"}, "required": {"type": "any"}}
    return types.get(choice, {"type": "tool", "name": choice})


def streamed_arguments(events: list[Any]) -> Iterator[str]:
    for event in events:
        for choice in event.get("choices", ()):
            for delta in choice["delta"].get("tool_calls") or ():
                yield delta["function"]["arguments"]
        if event.get("type") == "content_block_delta":
            yield event["delta"]["partial_json"]


@BOTH
async def test_arguments_stream_in_pieces_that_join_to_the_whole(path: str) -> None:
    heard = await call(path, a_request(path, "call weather", tools=two_tools(path), stream=True))

    parts = list(streamed_arguments(heard.events))
    assert len(parts) > 2
    assert msgspec.json.decode("".join(parts)) == {"city": "Rome", "days": 2}


@BOTH
async def test_mock_tools_calls_all_that_are_offered_and_then_answers(path: str) -> None:
    request = a_request(path, model="tools", tools=two_tools(path))

    first = (await call(path, request)).json
    second = (
        await call(path, request | {"messages": [*request["messages"], *tool_result(path)]})
    ).json

    assert [name for name, _ in calls_of(first)] == ["weather", "time"]
    assert calls_of(second) == []
    assert text_of(second)


@BOTH
async def test_mock_reasoning_thinks_first(path: str) -> None:
    answer = (await call(path, a_request(path, model="reasoning"))).json
    stream = await call(path, a_request(path, model="reasoning", stream=True))

    thoughts = "The user wrote 5 characters."
    assert tokens_of(answer)[1] == words(thoughts) + words(ECHO)
    assert text_of(answer) == streamed_text(stream.events) == ECHO
    if path == CHAT:
        assert answer["choices"][0]["message"]["reasoning_content"] == thoughts
    else:
        block = answer["content"][0]
        assert (block["type"], block["thinking"]) == ("thinking", thoughts)
        assert stream.body.index(b"signature_delta") < stream.body.index(b"text_delta")
