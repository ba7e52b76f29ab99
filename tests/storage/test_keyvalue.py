"""Small state in memory: it expires, and it is bounded."""

import pytest

from stockyard.storage.keyvalue import OVERHEAD, MemoryKeyValue


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_what_was_put_is_there_until_its_time_is_over() -> None:
    clock = Clock()
    kv = MemoryKeyValue(now=clock)
    await kv.put("a", b"1", ttl_seconds=10)
    clock.now = 9.9
    assert await kv.get("a") == b"1"
    clock.now = 10
    assert await kv.get("a") is None
    assert (len(kv), kv.bytes_used) == (0, 0)


async def test_the_least_used_is_forgotten_first() -> None:
    kv = MemoryKeyValue(max_entries=2)
    await kv.put("a", b"1", ttl_seconds=10)
    await kv.put("b", b"2", ttl_seconds=10)
    await kv.get("a")
    await kv.put("c", b"3", ttl_seconds=10)
    assert [await kv.get(key) for key in "abc"] == [b"1", None, b"3"]
    assert kv.evicted == 1


@pytest.mark.parametrize("size", [1, 500, 5000])
async def test_bytes_are_bounded_whatever_the_size(size: int) -> None:
    kv = MemoryKeyValue(max_bytes=4000)
    for number in range(100):
        await kv.put(f"{number:03}", b"x" * size, ttl_seconds=10)
        assert kv.bytes_used <= 4000
    expected = 4000 // (3 + size + OVERHEAD)
    assert len(kv) == expected


async def test_deleting_and_replacing_gives_the_room_back() -> None:
    kv = MemoryKeyValue()
    await kv.put("a", b"x" * 1000, ttl_seconds=10)
    await kv.put("a", b"x", ttl_seconds=10)
    assert kv.bytes_used == 2 + OVERHEAD
    await kv.delete("a")
    await kv.delete("a")
    assert kv.bytes_used == 0


async def test_what_is_over_already_is_not_kept() -> None:
    kv = MemoryKeyValue()
    await kv.put("a", b"1", ttl_seconds=0)
    assert await kv.get("a") is None
