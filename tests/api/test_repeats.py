"""A change that is sent again with the same Idempotency-Key happens once."""

import asyncio
from typing import Any

import pytest

from stockyard.api import repeats
from stockyard.api.identity import Identity
from stockyard.api.permission import IDENTITY
from stockyard.api.repeats import Repeats
from tests.control_plane import Plane

KEYS = "/api/team/keys"
ONCE = {"Idempotency-Key": "once-1"}


async def test_a_key_is_made_once_and_its_secret_told_again(plane: Plane) -> None:
    async with plane.as_admin as client:
        first = await client.post(KEYS, json={"name": "mine"}, headers=ONCE)
        again = await client.post(KEYS, json={"name": "mine"}, headers=ONCE)
        other = await client.post(KEYS, json={"name": "mine"}, headers={"Idempotency-Key": "2"})
        made = (await client.get(KEYS)).json()["count"]
    assert (first.status_code, again.status_code, made) == (201, 201, 2)
    assert first.json() == again.json() != other.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert again.headers["content-type"] == first.headers["content-type"]


async def test_the_same_key_with_another_body_is_refused(plane: Plane) -> None:
    async with plane.as_admin as client:
        await client.post(KEYS, json={"name": "mine"}, headers=ONCE)
        answer = await client.post(KEYS, json={"name": "yours"}, headers=ONCE)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
        elsewhere = await client.put("/api/chute/modules/fence", json={}, headers=ONCE)
        assert elsewhere.status_code == 200


async def test_a_refusal_is_not_kept(plane: Plane) -> None:
    async with plane.as_admin as client:
        for _ in range(2):
            answer = await client.post(KEYS, json={"nonsense": 1}, headers=ONCE)
            assert answer.status_code == 400
            assert "idempotent-replayed" not in answer.headers
        assert (await client.post(KEYS, json={"name": "mine"}, headers=ONCE)).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
async def test_a_key_has_visible_characters(plane: Plane, key: str) -> None:
    async with plane.as_admin as client:
        fields = [(b"Idempotency-Key", key.encode())]
        answer = await client.post(KEYS, json={"name": "mine"}, headers=fields)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


async def test_nobody_gets_what_another_did_and_reading_is_never_a_repeat(plane: Plane) -> None:
    async with plane.as_admin as client:
        await client.post(KEYS, json={"name": "mine"}, headers=ONCE)
        for _ in range(2):
            assert "idempotent-replayed" not in (await client.get(KEYS, headers=ONCE)).headers
    async with plane.client("sya-" + "a" * 49) as client:
        assert (await client.post(KEYS, json={"name": "mine"}, headers=ONCE)).status_code == 401
    _, secret = await plane.keys.create("key")
    async with plane.client(secret) as client:
        assert (await client.post(KEYS, json={"name": "mine"}, headers=ONCE)).status_code == 403


class Slow:
    """An operation that answers when it is let go."""

    def __init__(self, status: int = 200, body: bytes = b"{}") -> None:
        self.go = asyncio.Event()
        self.begun = 0
        self.status = status
        self.body = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun += 1
        assert (await receive())["body"] == b"sent"
        await self.go.wait()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.body})


async def ask(layer: Repeats, key: str) -> int:
    """One POST; its status."""
    told: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"sent", "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/x", "query_string": b"",
        "headers": [(b"idempotency-key", key.encode())],
        "stockyard.request_id": "req", IDENTITY: Identity(name="admin", owner=True),
    }  # fmt: skip
    await layer(scope, receive, send)
    return int(told[0]["status"])


async def test_one_that_is_still_running_is_told_so() -> None:
    slow = Slow()
    layer = Repeats(slow)
    first = asyncio.create_task(ask(layer, "k"))
    await asyncio.sleep(0)
    assert await ask(layer, "k") == 409
    slow.go.set()
    assert await first == 200
    assert await ask(layer, "k") == 200
    assert slow.begun == 1


@pytest.mark.parametrize(("status", "begun"), [(200, 1), (500, 1), (503, 2), (409, 2)])
async def test_what_began_to_act_is_not_begun_again(status: int, begun: int) -> None:
    slow = Slow(status)
    slow.go.set()
    layer = Repeats(slow)
    assert [await ask(layer, "k"), await ask(layer, "k")] == [status, status]
    assert slow.begun == begun


async def test_what_was_broken_off_may_be_tried_again() -> None:
    slow = Slow()
    layer = Repeats(slow)
    first = asyncio.create_task(ask(layer, "k"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    slow.go.set()
    assert await ask(layer, "k") == 200
    assert slow.begun == 2


async def test_results_are_bounded_in_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MAX_KEPT", 3)
    monkeypatch.setattr(repeats, "MAX_KEPT_BYTES", 1_000)
    slow = Slow(body=b"x" * 400)
    slow.go.set()
    layer = Repeats(slow)
    for key in ("a", "b", "c", "b", "a"):
        await ask(layer, key)
    assert slow.begun == 4  # of the first three, two fit: the oldest was let go
    slow.body = b"x" * (repeats.MAX_ANSWER + 1)
    assert [await ask(layer, "large"), await ask(layer, "large")] == [200, 200]
    assert slow.begun == 6
