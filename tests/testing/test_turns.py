"""What a scripted model says beyond text: reasoning, tools, finishes, and when it says it."""

import json
import time

import pytest

from stockyard.testing import RawClient, ScriptedProvider, a_call
from stockyard.testing.turn import ToolCall

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@pytest.mark.parametrize(
    ("path", "pieces"),
    [
        (CHAT, [b'"arguments":"{\\"a"', b'"arguments":"\\":1}"']),
        (MESSAGES, [b'"partial_json":"{\\"a"', b'"partial_json":"\\":1}"']),
    ],
)
async def test_the_pieces_of_arguments_can_be_given(
    provider: ScriptedProvider, client: RawClient, path: str, pieces: list[bytes]
) -> None:
    provider.streams("Hm.").calls(ToolCall("id1", "look", ('{"a', '":1}')))
    client.ask(path, a_call(stream=True))
    body = (await client.answer()).body
    assert all(piece in body for piece in pieces)
    client.ask(path, a_call())
    assert b'"a' in (await client.answer()).body


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_finish_can_be_given(
    provider: ScriptedProvider, client: RawClient, path: str, stream: bool
) -> None:
    provider.says("cut sh").finishes("odd_reason")
    client.ask(path, a_call(stream=stream))
    assert b'reason":"odd_reason"' in (await client.answer()).body


async def test_a_tool_call_alone_has_no_text(provider: ScriptedProvider, client: RawClient) -> None:
    provider.calls_tool("look", {"at": "it"})
    client.ask(CHAT, a_call())
    message = json.loads((await client.answer()).body)["choices"][0]["message"]
    assert message["content"] is None
    client.ask(MESSAGES, a_call())
    [block] = json.loads((await client.answer()).body)["content"]
    assert (block["type"], block["input"]) == ("tool_use", {"at": "it"})


async def test_time_passes_where_it_was_asked_to(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.streams("a", "b").slowly(before=0.1, between=0.03)
    began = time.monotonic()
    client.ask(CHAT, a_call(stream=True))
    await client.until(b"HTTP")
    assert time.monotonic() - began >= 0.1
    await client.until(b"[DONE]")
    assert time.monotonic() - began >= 0.1 + 4 * 0.03
