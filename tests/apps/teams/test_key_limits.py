"""Keys that are limited, paused, turned and taken back together."""

import asyncio

import httpx
import pytest
from msgspec.structs import replace

from stockyard.apps.teams.addresses import networks_of
from stockyard.apps.teams.keys import KeyRing, now_ms
from stockyard.apps.teams.models import KeyRecord
from stockyard.core.caller import Caller
from stockyard.core.signals import KeysChanged, Signal
from stockyard.errors import Refused
from stockyard.storage.sqlite import SqliteDatabase
from stockyard.testing.yard import Yard
from tests.control_plane import Plane

KEYS = "/api/team/keys"


def good(ring: KeyRing, secret: str) -> bool:
    return ring.caller_of(secret.encode()) is not None


async def test_a_paused_key_is_refused_until_it_is_resumed(database: SqliteDatabase) -> None:
    ring = KeyRing(database)
    record, secret = await ring.create("a")
    paused = await ring.pause(record.id)
    assert paused.paused_at is not None
    assert await ring.pause(record.id) == paused
    assert not good(ring, secret)
    assert not good(KeyRing(database), secret)
    assert (await ring.resume(record.id)).paused_at is None
    assert good(ring, secret)
    assert good(KeyRing(database), secret)


async def test_a_key_ends_by_itself(database: SqliteDatabase) -> None:
    signals: list[Signal] = []
    ring = KeyRing(database, signals.append)
    _, secret = await ring.create("a", expires_at=now_ms() + 1_000)
    _, other = await ring.create("b")
    assert good(ring, secret)
    ring.lapse()
    before, signals[:] = ring.generation, []
    await asyncio.sleep(1.05)
    assert not good(ring, secret)
    assert not good(KeyRing(database), secret)
    ring.lapse()
    assert ring.generation > before, "whoever remembers the caller must ask again"
    assert signals == [KeysChanged()]
    assert good(ring, other)


async def test_a_turned_key_has_two_secrets_for_a_while(database: SqliteDatabase) -> None:
    ring = KeyRing(database)
    record, first = await ring.create("a")
    _, second = await ring.rotate(record.id, overlap_ms=3_600_000)
    assert good(ring, first)
    assert good(ring, second)
    assert good(KeyRing(database), first)
    turned, third = await ring.rotate(record.id, overlap_ms=40)
    assert turned.last4 == third[-4:]
    assert [good(ring, one) for one in (first, second, third)] == [False, True, True]
    await asyncio.sleep(0.05)
    assert [good(ring, one) for one in (first, second, third)] == [False, False, True]
    _, fourth = await ring.rotate(record.id, overlap_ms=0)
    assert [good(ring, one) for one in (second, third, fourth)] == [False, False, True]
    await ring.revoke(record.id)
    assert not good(ring, fourth)


async def test_the_overlap_of_a_rotation_never_outlives_the_key(database: SqliteDatabase) -> None:
    ring = KeyRing(database)
    record, first = await ring.create("a", expires_at=now_ms() + 40)
    _, second = await ring.rotate(record.id, overlap_ms=3_600_000)
    await asyncio.sleep(0.05)
    assert not good(ring, first)
    assert not good(ring, second)


async def test_all_keys_but_those_to_be_kept_are_taken_back(database: SqliteDatabase) -> None:
    ring = KeyRing(database)
    made = [await ring.create(name) for name in "abc"]
    assert await ring.revoke_all([made[1][0].id]) == 2
    for ring_of_then in (ring, KeyRing(database)):
        assert [good(ring_of_then, secret) for _, secret in made] == [False, True, False]
    assert await ring.revoke_all() == 1


async def test_what_was_revoked_is_never_good_again(database: SqliteDatabase) -> None:
    ring = KeyRing(database)
    record, secret = await ring.create("a")
    await ring.revoke(record.id)
    for act in (ring.pause, ring.resume, lambda of: ring.rotate(of, overlap_ms=0)):
        with pytest.raises(Refused) as refused:
            await act(record.id)
        assert refused.value.status == 409
    assert not good(ring, secret)
    assert not good(KeyRing(database), secret)


@pytest.mark.parametrize(
    ("addresses", "address", "may"),
    [
        ((), "192.0.2.1", True),
        ((), "", True),
        (("192.0.2.0/24",), "192.0.2.7", True),
        (("192.0.2.0/24",), "192.0.3.7", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("192.0.2.0/24",), "::ffff:192.0.3.7", False),
        (("192.0.2.1",), "192.0.2.1", True),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("2001:db8::/32",), "192.0.2.1", False),
        (("::/0",), "192.0.2.1", False),
        (("192.0.2.0/24",), "", False),
        (("192.0.2.0/24",), "a socket", False),
    ],
)
def test_a_key_is_good_from_its_addresses_only(
    addresses: tuple[str, ...], address: str, may: bool
) -> None:
    caller = Caller(key_id="key_1", addresses=networks_of(addresses))
    assert caller.may_call_from(address) is may


@pytest.mark.parametrize("written", ["", "a", "10.0.0.1/8", "10.0.0.0/33", "::1%eth0/64"])
def test_what_is_no_network_is_refused(written: str) -> None:
    with pytest.raises(Refused):
        networks_of([written])


async def test_limits_of_a_key_are_set_and_taken_away_over_the_api(plane: Plane) -> None:
    later = now_ms() + 60_000
    async with plane.as_admin as client:
        made = (await client.post(KEYS, json={"name": "a", "expires_at": later})).json()
        path = f"{KEYS}/{made['id']}"
        changed = await client.patch(path, json={"addresses": ["10.1.0.0/16"], "name": "b"})
        cleared = await client.patch(path, json={"expires_at": None, "addresses": []})
        past = await client.patch(path, json={"expires_at": 7})
        odd = await client.patch(path, json={"addresses": ["here"]})
        unknown = await client.patch(path, json={"budget": 7})
    assert made["expires_at"] == later
    assert changed.json()["addresses"] == ["10.1.0.0/16"]
    assert (changed.json()["name"], changed.json()["expires_at"]) == ("b", later)
    assert (cleared.json()["expires_at"], cleared.json()["addresses"]) == (None, [])
    assert cleared.json()["name"] == "b"
    assert [one.status_code for one in (past, odd, unknown)] == [400, 400, 400]


async def test_a_key_is_paused_turned_and_taken_back_over_the_api(plane: Plane) -> None:
    async with plane.as_admin as client:
        made = (await client.post(KEYS, json={"name": "a"})).json()
        path = f"{KEYS}/{made['id']}"
        paused = await client.post(f"{path}/pause")
        resumed = await client.post(f"{path}/resume")
        turned = await client.post(f"{path}/rotate", json={"overlap_ms": 0})
        too_long = await client.post(f"{path}/rotate", json={"overlap_ms": 31 * 24 * 3_600_000})
        gone = await client.post(f"{KEYS}/revoke-all", json={})
        listed = await client.get(KEYS)
    assert paused.json()["paused_at"] is not None
    assert resumed.json()["paused_at"] is None
    assert turned.json()["key"] not in listed.text
    assert plane.keys.caller_of(made["key"].encode()) is None
    assert too_long.status_code == 400
    assert gone.json() == {"revoked": 1}
    assert plane.keys.caller_of(turned.json()["key"].encode()) is None


def _from(network: str, record: KeyRecord) -> KeyRecord:
    return replace(record, addresses=(network,))


async def test_a_connection_that_stays_open_hears_of_every_change_at_once(yard: Yard) -> None:
    yard.provider("openai").says("Fine.")
    await yard.open()
    ring = yard.stockyard.keys
    record = ring.list()[0]
    statuses = []
    async with yard.raw() as client:
        for change in (
            lambda: ring.resume(record.id),
            lambda: ring.pause(record.id),
            lambda: ring.resume(record.id),
            lambda: ring.change(record.id, lambda r: _from("192.0.2.0/24", r)),
            lambda: ring.change(record.id, lambda r: _from("127.0.0.0/8", r)),
            lambda: ring.rotate(record.id, overlap_ms=0),
        ):
            await change()
            client.ask("/v1/chat/completions", yard.body(), headers=yard.headers)
            answer = await client.answer()
            statuses.append(answer.status)
    assert statuses == [200, 401, 200, 403, 200, 401]


async def test_a_key_says_what_becomes_of_its_calls_that_lose_something(yard: Yard) -> None:
    yard.provider("anthropic").says("hello")
    await yard.open()
    keys = yard.stockyard.keys
    admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
    record, yard.key = await keys.create("careful", lossy="strict")

    async def outcome() -> tuple[int, bool]:
        heard = await yard.chat("hi", model="claude-scripted", seed=7, max_tokens=9)
        return heard.status, "x-stockyard-dropped" in heard.headers

    assert await outcome() == (400, False)
    for word, becomes in (("silent", (200, False)), ("warn", (200, True)), (None, (200, True))):
        path, body = f"{KEYS}/{record.id}", {"lossy": word}
        async with httpx.AsyncClient(base_url=yard.url, headers=admin) as client:
            changed = await client.patch(path, json=body)
        assert (changed.status_code, changed.json()["lossy"]) == (200, word)
        assert await outcome() == becomes
        assert KeyRing(yard.stockyard.database).get(record.id).lossy == word


async def test_a_word_that_nobody_knows_is_refused(plane: Plane) -> None:
    async with plane.as_admin as client:
        refused = await client.post(KEYS, json={"name": "a", "lossy": "loud"})
    assert refused.status_code == 400
