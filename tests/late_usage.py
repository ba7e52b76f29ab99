"""Batches and usage as providers report them later."""

import json
from typing import Any

from stockyard.core.exchange import Exchange
from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard, becomes

JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/jsonl"}


def answers(provider: ScriptedProvider, said: object) -> None:
    provider.sends(200, JSON, json.dumps(said).encode())


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
