"""Calls for `/v1/responses`: their path, and what they were answered."""

import json
from typing import Any

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

RESPONSES = "/v1/responses"
OPENAI_MODEL = "gpt-scripted"


async def respond(yard: Yard, prompt: Any = "hi", **fields: Any) -> Heard:
    return await yard.call(RESPONSES, {"model": yard.body()["model"], "input": prompt, **fields})


def answered(heard: Heard) -> dict[str, Any]:
    """The answer, whole or as its stream told it last."""
    if heard.body.startswith(b"{"):
        return dict(heard.json)
    return dict(heard.events[-1].json["response"])


def stored_by_provider(number: int) -> bytes:
    """An answer with an id of its provider's."""
    return json.dumps(
        {"id": f"resp_theirs_{number}", "object": "response", "status": "completed", "output": []}
    ).encode()
