"""What an answer loses on its way into its client's format is told, and nothing else is."""

import json
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
SEARCHED = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
CITED = {"type": "web_search_result_location", "url": "https://a.example", "cited_text": "x"}
TEXT = {"type": "text", "text": "found"}


def answer(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-scripted",
        "content": list(blocks),
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def as_stream(whole: dict[str, Any]) -> bytes:
    said: list[dict[str, Any]] = [{"type": "message_start", "message": whole | {"content": []}}]
    for index, block in enumerate(whole["content"]):
        begun = block | {"text": "", "citations": []} if "text" in block else block
        said.append({"type": "content_block_start", "index": index, "content_block": begun})
        if "text" in block:
            deltas = [{"type": "text_delta", "text": block["text"]}]
            deltas += [
                {"type": "citations_delta", "citation": citation}
                for citation in block.get("citations", ())
            ]
            said += [
                {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
            ]
        said.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    said += [
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())
        for event in said
    )


async def ask(yard: Yard, path: str, whole: dict[str, Any], *, stream: bool) -> Heard:
    anthropic = yard.provider("anthropic")
    if stream:
        anthropic.sends(200, EVENTS, as_stream(whole))
    else:
        anthropic.sends(200, JSON, json.dumps(whole).encode())
    body = yard.body(stream=stream) | {"model": "claude-scripted", "max_tokens": 9}
    if path.endswith("/responses"):
        body = {"model": "claude-scripted", "input": "hi", "stream": stream}
    heard = await yard.call(path, body)
    assert heard.status == 200
    return heard


def lost(yard: Yard) -> list[str]:
    findings = yard.last.exchange.findings
    return [f.detail["part"] for f in findings if f.action == "answer_lost" and f.detail]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "blocks", "told"),
    [
        ("/v1/chat/completions", (SEARCHED, TEXT), ["web_search_tool_result"]),
        ("/v1/chat/completions", (SEARCHED, TEXT, SEARCHED), ["web_search_tool_result"]),
        ("/v1/chat/completions", (TEXT | {"citations": [CITED]},), []),
        ("/v1/responses", (TEXT | {"citations": [CITED]},), []),
        ("/v2/chat", (TEXT | {"citations": [CITED, CITED]},), ["citations"]),
        ("/v1/chat/completions", (TEXT,), []),
        ("/v1/messages", (SEARCHED, TEXT | {"citations": [CITED]}), []),
        ("/anthropic/v1/messages", (SEARCHED, TEXT | {"citations": [CITED]}), []),
    ],
)
async def test_each_thing_is_told_once(
    yard: Yard, path: str, blocks: tuple[dict[str, Any], ...], told: list[str], stream: bool
) -> None:
    await ask(yard, path, answer(*blocks), stream=stream)
    assert lost(yard) == told


@pytest.mark.parametrize("stream", [False, True])
async def test_not_more_is_told_than_anybody_reads(yard: Yard, stream: bool) -> None:
    blocks = [{"type": f"odd_{number}"} for number in range(50)]
    await ask(yard, "/v1/chat/completions", answer(*blocks, TEXT), stream=stream)
    assert lost(yard) == [f"odd_{number}" for number in range(20)]


async def test_a_whole_answer_that_is_given_as_a_stream_tells_too(yard: Yard) -> None:
    yard.enable("cache")
    whole = answer(SEARCHED, TEXT)
    await ask(yard, "/v1/chat/completions", whole, stream=False)
    heard = await ask(yard, "/v1/chat/completions", whole, stream=True)
    assert heard.events
    assert lost(yard) == ["web_search_tool_result"]
