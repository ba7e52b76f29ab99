"""Calls with an `Idempotency-Key`, in every format."""

import asyncio
from typing import Any

from stockyard.testing import RawClient, ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import CHAT, Yard, becomes
from tests.builders import notes

RESPONSES = "/v1/responses"
NATIVE = "/openai/v1/chat/completions"
GEMINI = "/v1beta/models/gpt-scripted:"
KEY = {"idempotency-key": "order-1"}
JSON = {"content-type": "application/json"}
GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
INPUT_BODY = {"model": "gpt-scripted", "input": "hi"}


def body_for(yard: Yard, path: str, *, stream: bool) -> dict[str, Any]:
    if path.startswith(GEMINI):
        return GEMINI_BODY
    fields = {"stream": True} if stream else {}
    if path == RESPONSES:
        return {**INPUT_BODY, **fields}
    return {**yard.body("hi", max_tokens=9), **fields}


def asked(client: RawClient, yard: Yard, body: object, path: str = CHAT) -> None:
    client.ask(path, body, headers=yard.headers | KEY)


async def repeats(yard: Yard, joined: int) -> bool:
    """Whether so many calls wait for the answer of another one."""

    def waiting() -> int:
        running = yard.stockyard.office.running
        return sum("joined" in notes(call.x) for call in running)

    return await becomes(lambda: waiting() == joined)


async def heard_by_two(
    yard: Yard, provider: ScriptedProvider, path: str, body: object
) -> tuple[Heard, Heard]:
    """What two clients hear, of which the second joins the call of the first while that waits."""
    first = asyncio.create_task(yard.call(path, body, headers=KEY))
    assert await provider.called()
    second = asyncio.create_task(yard.call(path, body, headers=KEY))
    assert await repeats(yard, 1)
    provider.goes_on()
    return await first, await second


def started(heard: Heard) -> bool:
    return heard.headers.get("idempotent-replay") is None
