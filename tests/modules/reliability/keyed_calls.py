"""Calls with an `Idempotency-Key`, in every format."""

from typing import Any

from stockyard.testing import RawClient
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


def started(heard: Heard) -> bool:
    return heard.headers.get("idempotent-replay") is None
