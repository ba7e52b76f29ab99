"""Signed thoughts go back to the provider that made them, though the caller dropped them."""

import json
from typing import Any

import pytest

from stockyard.core.messages import Message, Reasoning, Text, ToolCall
from stockyard.core.request import Content
from stockyard.core.response import Choice, Output
from stockyard.testing.yard import Yard
from stockyard.upstream.signed import KEPT_SECONDS, MAX_TURNS, Owner, SignedTurns
from tests.builders import HandClock

ANTHROPIC = Owner("default", "anthropic", "anthropic.messages")
THOUGHT = Reasoning(text="Let me see.", signature="c2ln", made_by="anthropic.messages")
SEALED = Reasoning(redacted="cmVk", made_by="anthropic.messages")
CALL = ToolCall(id="toolu_1", name="weather", arguments='{"city":"Oslo"}')


def turn(*parts: Any) -> Message:
    return Message(role="assistant", parts=parts)


def answered(*parts: Any) -> Output:
    return Output(choices=(Choice(message=turn(*parts), finish="tool_calls"),))


def back(turns: SignedTurns, message: Message, owner: Owner = ANTHROPIC) -> tuple[Any, ...]:
    return turns.returned(owner, Content(messages=(message,))).messages[0].parts


def test_the_thought_comes_back_before_the_call() -> None:
    turns = SignedTurns()
    turns.remember(ANTHROPIC, answered(THOUGHT, Text(text="Wait."), CALL))
    dropped = turn(Text(text="Wait."), CALL)
    assert back(turns, dropped) == (THOUGHT, Text(text="Wait."), CALL)


def test_each_thought_comes_back_in_its_place() -> None:
    turns = SignedTurns()
    other = ToolCall(id="toolu_2", name="time", arguments="{}")
    turns.remember(ANTHROPIC, answered(THOUGHT, CALL, SEALED, other))
    assert back(turns, turn(CALL, other)) == (THOUGHT, CALL, SEALED, other)


def test_a_turn_that_was_laid_out_otherwise_has_its_thoughts_in_front() -> None:
    turns = SignedTurns()
    turns.remember(ANTHROPIC, answered(THOUGHT, Text(text="a"), Text(text="b"), CALL))
    assert back(turns, turn(Text(text="ab"), CALL)) == (THOUGHT, Text(text="ab"), CALL)


def test_signatures_of_calls_come_back_too() -> None:
    turns, gemini = SignedTurns(), Owner("default", "gemini", "gemini")
    signed = ToolCall(id="a", name="weather", arguments='{"city": "Oslo"}', signature="c2ln")
    turns.remember(gemini, answered(signed))
    mine = ToolCall(id="call_9", name="weather", arguments='{"city":"Oslo"}')
    (returned,) = back(turns, turn(mine), gemini)
    assert (returned.id, returned.signature) == ("call_9", "c2ln")


@pytest.mark.parametrize(
    "owner",
    [
        Owner("other", "anthropic", "anthropic.messages"),
        Owner("default", "bedrock", "anthropic.messages"),
        Owner("default", "anthropic", "bedrock.invoke"),
    ],
)
def test_another_team_provider_or_format_gets_no_thought(owner: Owner) -> None:
    turns = SignedTurns()
    turns.remember(ANTHROPIC, answered(THOUGHT, CALL))
    assert back(turns, turn(CALL), owner) == (CALL,)


@pytest.mark.parametrize(
    "message",
    [
        turn(ToolCall(id="toolu_1", name="weather", arguments='{"city":"Rome"}')),
        turn(Text(text="Other."), CALL),
        turn(Text(text="Wait.")),
        Message(role="user", parts=(CALL,)),
    ],
)
def test_a_turn_that_differs_gets_no_thought(message: Message) -> None:
    turns = SignedTurns()
    turns.remember(ANTHROPIC, answered(THOUGHT, CALL))
    assert back(turns, message) == message.parts


def test_a_thought_that_the_caller_sent_itself_stands() -> None:
    turns = SignedTurns()
    turns.remember(ANTHROPIC, answered(THOUGHT, CALL))
    own = Reasoning(text="Mine.", signature="b3du", made_by="anthropic.messages")
    assert back(turns, turn(own, CALL)) == (own, CALL)


def test_unsigned_thoughts_are_not_kept() -> None:
    turns = SignedTurns()
    turns.remember(ANTHROPIC, answered(Reasoning(text="Hm."), CALL))
    turns.remember(ANTHROPIC, answered(THOUGHT, Text(text="No call.")))
    assert len(turns) == 0


def test_thoughts_are_gone_a_day_later() -> None:
    clock = HandClock()
    turns = SignedTurns(clock.now)
    turns.remember(ANTHROPIC, answered(THOUGHT, CALL))
    clock.advance(KEPT_SECONDS)
    assert back(turns, turn(CALL)) == (CALL,)
    assert len(turns) == 0


def test_a_full_table_forgets_the_oldest() -> None:
    turns = SignedTurns()
    for number in range(MAX_TURNS + 1):
        call = ToolCall(id="t", name="f", arguments=f'{{"n":{number}}}')
        turns.remember(ANTHROPIC, answered(THOUGHT, call))
    assert len(turns) == MAX_TURNS
    first = ToolCall(id="t", name="f", arguments='{"n":0}')
    assert back(turns, turn(first)) == (first,)


TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-scripted",
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 9, "output_tokens": 9},
}


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


STREAM = b"".join(
    (
        event("message_start", message={**ANSWER, "content": [], "stop_reason": None}),
        event(
            "content_block_start",
            index=0,
            content_block={"type": "thinking", "thinking": "", "signature": ""},
        ),
        event(
            "content_block_delta",
            index=0,
            delta={"type": "thinking_delta", "thinking": "Let me see."},
        ),
        event(
            "content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2ln"}
        ),
        event("content_block_stop", index=0),
        event(
            "content_block_start",
            index=1,
            content_block={"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
        ),
        event(
            "content_block_delta",
            index=1,
            delta={"type": "input_json_delta", "partial_json": '{"city":"Oslo"}'},
        ),
        event("content_block_stop", index=1),
        event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 9}),
        event("message_stop"),
    )
)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_client_s_second_turn_has_the_thought_of_the_first(
    yard: Yard, stream: bool
) -> None:
    asked = yard.provider("anthropic")
    if stream:
        asked.plays(STREAM)
    else:
        asked.sends(200, {"content-type": "application/json"}, json.dumps(ANSWER).encode())
    asked.says("Rain.")
    await yard.chat(
        "Weather?", model="claude-scripted", tools=TOOLS, stream=stream, reasoning_effort="low"
    )
    called = {
        "id": "toolu_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{ "city" : "Oslo" }'},
    }
    await yard.chat(
        model="claude-scripted",
        tools=TOOLS,
        reasoning_effort="low",
        messages=[
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "rain"},
        ],
    )
    second = asked.requests[1].json["messages"][1]["content"]
    assert second[0] == {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"}
    assert second[1]["type"] == "tool_use"


CLIENTS: dict[str, list[dict[str, Any]]] = {
    "/v1/chat/completions": [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_0_weather",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_0_weather", "content": "rain"},
    ],
    "/v1/messages": [
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool_use",
                    "id": "call_0_weather",
                    "name": "weather",
                    "input": {"city": "Oslo"},
                }
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_0_weather", "content": "rain"}
            ],
        },
    ],
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", CLIENTS)
async def test_sealed_reasoning_of_responses_goes_back_before_its_call(
    yard: Yard, path: str, stream: bool
) -> None:
    """`wire.md` 9: it is kept here, for neither client has a place for it."""
    asked = yard.provider("openai", formats=["openai.responses"])
    asked.calls_tool("weather", {"city": "Oslo"}).thinks("Let me see.")
    asked.says("Rain.")
    question = {"role": "user", "content": "Weather?"}
    fields = {"model": "openai/m", "max_tokens": 99, "stream": stream}
    await yard.call(path, {**fields, "messages": [question]})
    await yard.call(path, {**fields, "messages": [question, *CLIENTS[path]]})
    first, second = asked.requests
    assert first.path == second.path == "/v1/responses"
    kinds = [item.get("type", "message") for item in second.json["input"]]
    assert kinds == ["message", "reasoning", "function_call", "function_call_output"]
    thought = second.json["input"][1]
    assert (thought["id"], thought["encrypted_content"]) == ("rs_scripted", "c2NyaXB0ZWQ=")
    assert thought["summary"] == [{"type": "summary_text", "text": "Let me see."}]
    assert second.json["include"] == ["reasoning.encrypted_content"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_of_responses_may_go_on_with_another_provider(
    yard: Yard, stream: bool
) -> None:
    """`wire.md` 8: the signature travels in our envelope, and goes to nobody but its maker."""
    yard.provider("anthropic").calls_tool("weather", {"city": "Oslo"}).thinks("Let me see.")
    other = yard.provider("openai").says("Rain.")
    question = {"role": "user", "content": "Weather?"}
    first = await yard.call("/v1/responses", {"model": "anthropic/m", "input": [question]})
    thought, call = first.json["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    turns = [question, thought, call, result]
    again = {"input": turns, "stream": stream}
    answer = await yard.call("/v1/responses", {**again, "model": "openai/gpt-5.1"})
    assert answer.status == 200
    assert other.last.json["input"] == [question, call, result]
    assert answer.headers["x-stockyard-dropped"] == "input.reasoning"
    await yard.call("/v1/responses", {**again, "model": "anthropic/m"})
    blocks = yard.provider("anthropic").last.json["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    assert blocks[0]["signature"]
