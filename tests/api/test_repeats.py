"""A change that is sent again with the same Idempotency-Key happens once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from stockyard.api.identity import Identity
from stockyard.api.permission import IDENTITY
from stockyard.api.repeats import MAX_ANSWER, Repeats
from stockyard.apps import repeats
from stockyard.apps.repeats.results import StoredResults, retention
from stockyard.errors import Refused
from stockyard.storage.migrate import steps_in
from stockyard.storage.sqlite import SqliteDatabase
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


async def test_a_restart_forgets_nothing_and_nobody_else_can_read_what_is_kept(
    open_plane: Callable[..., Any], tmp_path: Path
) -> None:
    async with open_plane() as plane:
        secret = plane.admin_secret
        async with plane.as_admin as client:
            first = await client.post(KEYS, json={"name": "mine"}, headers=ONCE)
    assert first.json()["key"].encode() not in all_bytes(tmp_path)
    async with open_plane(admin_secret=secret) as plane, plane.as_admin as client:
        again = await client.post(KEYS, json={"name": "mine"}, headers=ONCE)
        other = await client.post(KEYS, json={"name": "yours"}, headers=ONCE)
        assert (await client.get(KEYS)).json()["count"] == 1
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["code"] == "idempotency_mismatch"


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("stockyard.db*"))


class Slow:
    """An operation that answers when it is let go."""

    def __init__(self, status: int = 200, body: bytes = b"{}") -> None:
        self.go = asyncio.Event()
        self.begun = 0
        self.began = asyncio.Event()
        self.status = status
        self.body = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun += 1
        self.began.set()
        assert (await receive())["body"] == b"sent"
        await self.go.wait()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.body})


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    steps = steps_in("repeats", repeats.APP.migrations)
    database = SqliteDatabase.open(tmp_path / "stockyard.db", steps)
    yield database
    database.close()


async def ask(layer: Repeats, key: str, credential: str = "c", body: bytes = b"sent") -> int:
    """One POST; its status."""
    told: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/x", "query_string": b"",
        "headers": [(b"idempotency-key", key.encode()), (b"x-admin-key", credential.encode())],
        "stockyard.request_id": "req", IDENTITY: Identity(name="admin", owner=True),
    }  # fmt: skip
    await layer(scope, receive, send)
    return int(told[0]["status"])


async def test_one_that_is_still_running_is_told_so(database: SqliteDatabase) -> None:
    slow = Slow()
    layer = Repeats(slow, StoredResults(database))
    first = asyncio.create_task(ask(layer, "k"))
    await asyncio.sleep(0)
    assert await ask(layer, "k") == 409  # not even claimed yet
    await slow.began.wait()
    assert [await ask(layer, "k"), await ask(layer, "k", body=b"other")] == [409, 422]
    slow.go.set()
    assert await first == 200
    assert await ask(layer, "k") == 200
    assert slow.begun == 1


async def test_of_many_at_once_one_acts(database: SqliteDatabase) -> None:
    slow = Slow()
    slow.go.set()
    layer = Repeats(slow, StoredResults(database))
    statuses = await asyncio.gather(*(ask(layer, "k") for _ in range(1_000)))
    assert (set(statuses), slow.begun) == ({200, 409}, 1)


@pytest.mark.parametrize(("status", "begun"), [(200, 1), (500, 1), (503, 2), (409, 2)])
async def test_what_began_to_act_is_not_begun_again(
    database: SqliteDatabase, status: int, begun: int
) -> None:
    slow = Slow(status)
    slow.go.set()
    layer = Repeats(slow, StoredResults(database))
    assert [await ask(layer, "k"), await ask(layer, "k")] == [status, status]
    assert slow.begun == begun


async def test_what_was_broken_off_is_not_begun_again_even_after_a_restart(
    database: SqliteDatabase,
) -> None:
    slow = Slow()
    layer = Repeats(slow, StoredResults(database))
    first = asyncio.create_task(ask(layer, "k"))
    await slow.began.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    slow.go.set()
    later = Repeats(slow, StoredResults(database))
    assert [await ask(layer, "k"), await ask(later, "k")] == [409, 409]
    assert slow.begun == 1
    assert await ask(later, "another") == 200


async def test_a_result_opens_only_for_the_credential_it_was_given_to(
    database: SqliteDatabase,
) -> None:
    slow = Slow(body=b"a secret")
    slow.go.set()
    layer = Repeats(slow, StoredResults(database))
    assert [await ask(layer, "k"), await ask(layer, "k", "another")] == [200, 409]
    assert slow.begun == 1
    [(sealed,)] = database.read("select sealed from repeat_results")
    assert b"a secret" not in sealed


async def test_results_are_bounded_in_number_and_size(database: SqliteDatabase) -> None:
    slow = Slow(body=b"x" * 400)
    slow.go.set()
    layer = Repeats(slow, StoredResults(database, most=3, most_bytes=1_000))
    for key in ("a", "b", "c", "b", "a"):
        await ask(layer, key)
        await asyncio.sleep(0.002)  # so that one is older than the next
    assert slow.begun == 4  # of the first three, two fit: the oldest was let go
    slow.body = b"x" * (MAX_ANSWER + 1)
    assert [await ask(layer, "large"), await ask(layer, "large")] == [200, 409]
    assert slow.begun == 5


async def test_results_are_forgotten_after_a_day(database: SqliteDatabase) -> None:
    now = 1_000
    slow = Slow()
    slow.go.set()
    layer = Repeats(slow, StoredResults(database, lambda: now))
    await ask(layer, "k")
    now += 86_400_000 - 1
    await ask(layer, "k")
    assert slow.begun == 1
    now += 1
    await retention(database, lambda: now).run()
    assert database.read("select count(*) from repeat_results") == [(0,)]
    await ask(layer, "k")
    assert slow.begun == 2


class Full(StoredResults):
    """On a disk that takes no more."""

    async def claim(self, change_id: bytes, digest: bytes) -> None:
        raise Refused(503, "ledger_unavailable", "The disk is full.", retry_after=5)


async def test_without_a_place_for_the_claim_nothing_is_begun(database: SqliteDatabase) -> None:
    slow = Slow()
    layer = Repeats(slow, Full(database))
    assert [await ask(layer, "k"), await ask(layer, "k")] == [503, 503]
    assert slow.begun == 0
