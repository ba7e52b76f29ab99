"""Answers as Bedrock writes them, for scripted providers: Converse, and Messages in frames."""

import json
from base64 import b64encode
from typing import Any

from stockyard.wire import eventstream

JSON = {"content-type": "application/json", "x-amzn-requestid": "req-1"}
FRAMES = {"content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": "req-1"}
USAGE = {"inputTokens": 30, "outputTokens": 7, "totalTokens": 37}
COUNTED = {"input_tokens": 30, "output_tokens": 7}


def converse(*content: dict[str, Any], stop: str = "end_turn") -> bytes:
    message = {"role": "assistant", "content": list(content)}
    return json.dumps(
        {"output": {"message": message}, "stopReason": stop, "usage": USAGE, "metrics": {}}
    ).encode()


def frames(*events: tuple[str, dict[str, Any]]) -> bytes:
    """A stream; `p` pads its events as the service does."""
    return b"".join(
        eventstream.event(name, json.dumps({**event, "p": "abcdefgh"}).encode())
        for name, event in events
    )


def delta(index: int, **said: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": said}


def stopped(index: int) -> tuple[str, dict[str, Any]]:
    return "contentBlockStop", {"contentBlockIndex": index}


START: tuple[str, dict[str, Any]] = ("messageStart", {"role": "assistant"})
END: tuple[str, dict[str, Any]] = ("messageStop", {"stopReason": "end_turn"})
COUNTS: tuple[str, dict[str, Any]] = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}})

CALL = {
    "contentBlockIndex": 1,
    "start": {"toolUse": {"toolUseId": "tooluse_1", "name": "weather"}},
}

TEXT_STREAM = frames(
    START, delta(0, text="Fine "), delta(0, text="today."), stopped(0), END, COUNTS
)
TOOL_STREAM = frames(
    START,
    delta(0, text="Let me see."),
    stopped(0),
    ("contentBlockStart", CALL),
    delta(1, toolUse={"input": '{"city":'}),
    delta(1, toolUse={"input": '"Paris"}'}),
    stopped(1),
    ("messageStop", {"stopReason": "tool_use"}),
    COUNTS,
)


def message(*content: dict[str, Any], stop: str = "end_turn") -> bytes:
    return json.dumps(
        {
            "id": "msg_bdrk_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-test",
            "content": list(content),
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": COUNTED,
        }
    ).encode()


def chunks(*events: dict[str, Any]) -> bytes:
    return b"".join(
        eventstream.event(
            "chunk", json.dumps({"bytes": b64encode(json.dumps(event).encode()).decode()}).encode()
        )
        for event in events
    )


def message_stream(*texts: str) -> bytes:
    begun = {"id": "msg_bdrk_1", "type": "message", "role": "assistant", "model": "claude-test"}
    usage = {"input_tokens": 30, "output_tokens": 1}
    opening = {"type": "text", "text": ""}
    return chunks(
        {"type": "message_start", "message": {**begun, "content": [], "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": opening},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": text},
            }
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": COUNTED},
        {
            "type": "message_stop",
            "amazon-bedrock-invocationMetrics": {"inputTokenCount": 30, "outputTokenCount": 7},
        },
    )
