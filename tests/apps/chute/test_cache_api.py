"""Kept answers over the API: counted, and thrown away by model, Key or tag."""

import time

import pytest

from stockyard.core.ports import Stored
from stockyard.testing.yard import Yard
from tests.control_plane import Plane


def keep(plane: Plane, name: str, model: str, key: str, *tags: tuple[str, str]) -> None:
    now, user = time.time(), f"user of {name}"
    stored = Stored(b"answer", now - 60, 1e12, model=model, key_id=key, user=user, tags=tags)
    plane.answers.put(name.encode(), stored, max_entries=100, max_bytes=1 << 20)


@pytest.mark.parametrize(
    ("query", "purged"),
    [
        ("", 3),
        ("?model=gpt-4o", 2),
        ("?key=key_2", 2),
        ("?tag=team=search", 1),
        ("?model=gpt-4o&key=key_2", 1),
        ("?model=other", 0),
        ("?user=user of b", 1),
        ("?before=-50s", 3),
        ("?before=-70s", 0),
    ],
)
async def test_answers_are_thrown_away(plane: Plane, query: str, purged: int) -> None:
    keep(plane, "a", "gpt-4o", "key_1", ("team", "search"))
    keep(plane, "b", "gpt-4o", "key_2")
    keep(plane, "c", "claude", "key_2")
    async with plane.as_admin as client:
        done = await client.delete("/api/proxy/cache" + query)
    assert (done.status_code, done.json()) == (200, {"purged": purged})
    assert len(plane.answers.memory) == 3 - purged


async def test_the_older_path_acts_on_the_same_answers(plane: Plane) -> None:
    keep(plane, "a", "gpt-4o", "key_1")
    async with plane.as_admin as client:
        assert (await client.delete("/api/cache")).json() == {"purged": 1}
    assert len(plane.answers.memory) == 0


async def test_a_tag_that_is_none_purges_nothing(plane: Plane) -> None:
    keep(plane, "a", "gpt-4o", "key_1")
    async with plane.as_admin as client:
        refused = await client.delete("/api/proxy/cache?tag=search")
    assert refused.status_code == 400
    assert len(plane.answers.memory) == 1


async def test_what_the_cache_did_is_counted(yard: Yard) -> None:
    yard.provider("openai").says("one", "two")
    yard.enable("cache")
    for prompt in ("one", "one", "two"):
        await yard.chat(prompt)
    admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
    stats = (await yard.get("/api/proxy/cache/stats", headers=admin)).json
    assert (await yard.get("/api/cache/stats", headers=admin)).json == stats
    assert (stats["entries"], stats["hits"], stats["stored"], stats["stale"]) == (2, 1, 2, 0)
    assert stats["bytes"] > 0
