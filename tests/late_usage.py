"""Batches and usage as providers report them later."""

import json
from typing import Any

from stockyard.core.exchange import Exchange
from stockyard.testing.yard import Yard, becomes

JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/jsonl"}
QUEUED = (
    '{"id":"resp_b","object":"response","status":"queued","background":true,'
    '"model":"gpt-scripted-1","output":[]}'
)
"""An answer of `/v1/responses` in the background."""
INTERACTIONS = "/gemini/v1beta/interactions"
INTERACTION_ASKED = {"model": "gemini-x", "input": "hi"}
INTERACTION_OVER = {
    "id": "v1_x-1",
    "model": "gemini-x",
    "status": "completed",
    "usage": {"total_input_tokens": 5, "total_output_tokens": 6, "total_tokens": 11},
}
RUN_BEGUN = {"id": "run_1", "object": "thread.run", "status": "queued", "usage": None}
RUN_OVER = {
    "id": "run_1",
    "object": "thread.run",
    "status": "completed",
    "model": "gpt-x",
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_token_details": {"cached_tokens": 3},
    },
}


def a_line(prompt: int, completion: int, model: str = "gpt-x") -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    body = {"id": "chatcmpl-1", "model": model, "usage": usage}
    return {"custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}


def lines(*said: object) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in said)


def counted(yard: Yard, kind: str = "batch") -> list[Exchange]:
    return [outcome.exchange for outcome in yard.calls if outcome.exchange.kind == kind]


async def settled(yard: Yard) -> bool:
    """Whether everything that is seen to behind calls is done."""
    return await becomes(lambda: not yard.stockyard.reception.keepers._work)


def completed(**fields: object) -> dict[str, Any]:
    """The same answer once it is complete."""
    usage = {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8}
    done = {"status": "completed", "usage": usage}
    return json.loads(QUEUED) | done | fields  # type: ignore[no-any-return]  # JSON of ours


def tokens_counted(yard: Yard) -> list[tuple[str, int, int]]:
    """What was used, by the kinds of the calls; those that used nothing are left out."""
    told = [(call.exchange.kind, call.exchange.usage) for call in yard.calls]
    return [(kind, usage.prompt, usage.completion) for kind, usage in told if usage is not None]
