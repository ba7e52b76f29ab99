"""The first minutes: a call without an account, and what can be seen of it."""

import asyncio
from typing import Any

import pytest

from stockyard.testing.yard import Yard


async def newest_trace(yard: Yard) -> Any:
    """As the API tells it, which a writer of its own has written."""
    admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
    path = "/api/lookout/traces"
    await yard.get(path, headers=admin)  # the first look waits until the control plane is loaded
    async with asyncio.timeout(5):
        while True:
            traces = (await yard.get(path, headers=admin)).json["traces"]
            if traces:
                return traces[0]


async def test_a_call_without_an_account_is_answered_and_can_be_seen(yard: Yard) -> None:
    answer = await yard.chat("hello", model="gpt-4o-mini")

    assert answer.status == 200
    assert answer.json["model"] == "mock/gpt-4o-mini"
    assert answer.headers["x-stockyard-provider"] == "mock"
    assert "no account was used" in answer.text

    trace = await newest_trace(yard)
    assert trace["id"] == answer.headers["x-stockyard-trace-id"]
    assert (trace["provider"], trace["status"], trace["key_name"]) == ("mock", "ok", "first-key")
    assert trace["tokens_out"] == answer.json["usage"]["completion_tokens"]


async def test_with_the_first_credential_the_trial_is_over(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    assert (await yard.chat("hi", model="gpt-4o")).headers["x-stockyard-provider"] == "openai"
    assert (await yard.chat("hi", model="unheard-of")).status == 404
    assert (await yard.chat("hi", model="mock")).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probes_need_no_key(yard: Yard, path: str) -> None:
    await yard.open()
    async with yard.raw() as client:
        client.send(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        assert (await client.answer()).status == 200
