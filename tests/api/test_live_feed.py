"""The live feed: calls as they end, from where a listener was, and only those it may see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from stockyard.api import feed
from stockyard.api.events import PATHS
from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from tests.builders import an_exchange
from tests.control_plane import Plane

EVENTS = "/api/events"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "TICK", 0.01)


def a_call(number: int, *, model: str = "m", key: str = "key_1") -> Exchange:
    return an_exchange(model=model, id=f"req_{number:03}", caller=Caller(key_id=key, key_name=key))


class Heard:
    """What a listener hears."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event, as its fields; comments count as events without any."""
        event: dict[str, Any] = {}
        async with asyncio.timeout(5):
            async for line in self._lines:
                if not line:
                    return event
                name, _, value = line.partition(": ")
                event[name or "comment"] = msgspec.json.decode(value) if name == "data" else value
        return {"over": True}

    async def calls(self, count: int) -> list[str]:
        return [(await self.next())["data"]["id"] for _ in range(count)]


@asynccontextmanager
async def listening(
    client: httpx.AsyncClient, query: str = "", **fields: str
) -> AsyncIterator[Heard]:
    async with client.stream("GET", EVENTS + query, headers=fields) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        heard = Heard(answer)
        assert await heard.next() == {"comment": "connected"}
        yield heard


async def test_calls_are_heard_as_they_end_and_as_lists_show_them(plane: Plane) -> None:
    await plane.record(a_call(1))
    async with plane.as_admin as client, listening(client) as heard:
        await plane.record(a_call(2), a_call(3))
        event = await heard.next()
        assert (event["event"], event["id"]) == ("exchange", "2")
        listed = (await client.get("/api/lookout/traces/tr_002")).json()
        assert event["data"] == {name: listed[name] for name in event["data"]}
        assert await heard.calls(1) == ["tr_003"]


async def test_older_paths_tell_the_same(plane: Plane) -> None:
    async with plane.as_admin as client:
        for path in PATHS:
            async with client.stream("GET", path) as answer:
                assert answer.status_code == 200


async def test_one_who_was_cut_off_goes_on_where_it_was(plane: Plane) -> None:
    await plane.record(*(a_call(n) for n in range(1, 301)))
    async with plane.as_admin as client, listening(client, **{"Last-Event-ID": "40"}) as heard:
        assert await heard.calls(260) == [f"tr_{n:03}" for n in range(41, 301)]
        await plane.record(a_call(301))
        assert await heard.calls(1) == ["tr_301"]


async def test_one_who_is_too_far_behind_is_told_how_far(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "REMEMBERED", 10)
    await plane.record(*(a_call(n) for n in range(1, 31)))
    async with plane.as_admin as client, listening(client, **{"Last-Event-ID": "5"}) as heard:
        gap = await heard.next()
        assert (gap["event"], gap["id"], gap["data"]) == ("gap", "20", {"lost": 15})
        assert await heard.calls(10) == [f"tr_{n:03}" for n in range(21, 31)]


async def test_a_key_is_not_told_how_many_calls_of_others_it_missed(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "REMEMBERED", 5)
    record, secret = await plane.keys.create("mine")
    await plane.record(*(a_call(n, key=record.id if n % 5 == 0 else "other") for n in range(1, 21)))
    async with plane.client(secret) as client, listening(client, **{"Last-Event-ID": "1"}) as heard:
        assert (await heard.next())["data"] == {"lost": 3}
        assert await heard.calls(1) == ["tr_020"]


async def test_more_than_can_be_told_is_summed_up(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "TICK", 0.3)
    async with plane.as_admin as client, listening(client, "?filter=asked:m") as heard:
        await plane.record(*(a_call(n) for n in range(1, 61)), a_call(61, model="other"))
        assert await heard.calls(25) == [f"tr_{n:03}" for n in range(1, 26)]
        summary = await heard.next()
        assert (summary["event"], summary["id"]) == ("exchange.summary", "61")
        assert summary["data"] == {"count": 35}


async def test_a_filter_narrows_what_is_heard(plane: Plane) -> None:
    async with plane.as_admin as client, listening(client, "?filter=-asked:m") as heard:
        await plane.record(a_call(1), a_call(2, model="other"), a_call(3))
        await plane.record(a_call(4, model="another"))
        assert await heard.calls(2) == ["tr_002", "tr_004"]


async def test_a_key_hears_its_own_calls_until_it_is_revoked(plane: Plane) -> None:
    record, secret = await plane.keys.create("mine")
    async with plane.client(secret) as client, listening(client) as heard:
        await plane.record(a_call(1), a_call(2, key=record.id))
        assert await heard.calls(1) == ["tr_002"]
        await plane.keys.revoke(record.id)
        await plane.record(a_call(3, key=record.id))
        assert (await heard.next())["data"] == {"reason": "no longer allowed"}
        assert await heard.next() == {"over": True}


async def test_quiet_times_have_heartbeats(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT", 0.03)
    async with plane.as_admin as client, listening(client) as heard:
        assert await heard.next() == {"comment": "still here"}


async def test_it_ends_when_the_server_stops(plane: Plane) -> None:
    async with plane.as_admin as client, listening(client) as heard:
        plane.stopping = True
        assert (await heard.next())["data"] == {"reason": "stopping"}
        assert await heard.next() == {"over": True}


async def test_listeners_are_bounded_and_those_who_left_make_room(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MAX_LISTENERS", 1)
    async with plane.as_admin as client:
        async with listening(client):
            refused = await client.get(EVENTS)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        async with asyncio.timeout(5):
            while True:
                async with client.stream("GET", EVENTS) as answer:
                    if answer.status_code == 200:
                        return
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?topics=nothing", "invalid"),
        ("?filter=hello", "search_off"),
        ("?filter=modle:x", "filter_invalid"),
        ("?what=else", "invalid"),
    ],
)
async def test_what_cannot_be_heard_is_refused(plane: Plane, query: str, code: str) -> None:
    async with plane.as_admin as client:
        answer = await client.get(EVENTS + query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_head_does_not_go_on_for_ever(plane: Plane) -> None:
    async with plane.as_admin as client:
        answer = await client.head(EVENTS)
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await client.get("/api/version")).status_code == 200
