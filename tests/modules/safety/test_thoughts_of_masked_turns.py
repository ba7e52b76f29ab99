"""What a model thought and signed goes back to it, although the caller got other words."""

import json
from typing import Any

import pytest

from stockyard.testing.yard import Yard

ADDRESS = "rosa.klein@mail.example.org"
ANSWER: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "I mail [EMAIL_1].", "signature": "signed"},
    {"type": "text", "text": "One moment, [EMAIL_1]."},
    {"type": "tool_use", "id": "toolu_1", "name": "mail", "input": {"to": "[EMAIL_1]"}},
]
DELTAS: list[dict[str, Any]] = [
    {"type": "thinking_delta", "thinking": "I mail [EMAIL_1]."},
    {"type": "signature_delta", "signature": "signed"},
    {"type": "text_delta", "text": "One moment, [EMAIL_1]."},
    {"type": "input_json_delta", "partial_json": '{"to": "[EMAIL_1]"}'},
]
OPENED: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "text", "text": ""},
    {"type": "tool_use", "id": "toolu_1", "name": "mail", "input": {}},
]
OF_BLOCK = ((0, 1), (2,), (3,))


def a_message() -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": ANSWER,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 5},
    }


def streamed() -> bytes:
    begun = {**a_message(), "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(OPENED):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [
            {"type": "content_block_delta", "index": index, "delta": DELTAS[number]}
            for number in OF_BLOCK[index]
        ]
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": "tool_use"}
    events.append({"type": "message_delta", "delta": ending, "usage": {"output_tokens": 5}})
    events.append({"type": "message_stop"})
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()


@pytest.mark.parametrize("path", ["/v1/messages", "/anthropic/v1/messages"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_turn_with_tools_goes_on_with_the_thought_that_was_signed(
    yard: Yard, path: str, stream: bool
) -> None:
    provider = yard.provider("anthropic")
    if stream:
        provider.plays(streamed())
    else:
        said = json.dumps(a_message()).encode()
        provider.sends(200, {"content-type": "application/json"}, said)
    provider.says("done")
    yard.enable("promptguard")
    asked = {"role": "user", "content": f"mail {ADDRESS}"}
    body = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"name": "mail", "input_schema": {"type": "object"}}],
    }

    heard = await yard.call(path, {**body, "stream": stream, "messages": [asked]})
    assert ADDRESS.encode() in heard.body
    assert b"signed" not in heard.body  # it vouches for other words than these
    # As the caller heard it.
    unsigned = {"thinking": f"I mail {ADDRESS}.", "signature": ""}
    turn = [
        {**ANSWER[0], **unsigned},
        {"type": "text", "text": f"One moment, {ADDRESS}."},
        {**ANSWER[2], "input": {"to": ADDRESS}},
    ]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sent"}
    messages = [
        asked,
        {"role": "assistant", "content": turn},
        {"role": "user", "content": [result]},
    ]
    assert (await yard.call(path, {**body, "messages": messages})).status == 200

    assert provider.last.fields["messages"][1]["content"] == ANSWER


async def test_a_stream_that_no_module_edits_is_forwarded_as_it_came(yard: Yard) -> None:
    provider = yard.provider("anthropic").plays(streamed())
    yard.enable("cache", tools=True)
    body = {"model": "claude-sonnet-4-5", "max_tokens": 9, "stream": True, "messages": []}
    body["messages"] = [{"role": "user", "content": "hi"}]
    heard = await yard.call("/v1/messages", body)
    assert heard.body.startswith(streamed().partition(b"event: message_stop")[0])
    assert b"signed" in heard.body
    assert len(provider.requests) == 1
