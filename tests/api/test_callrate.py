"""An identity has so many calls a minute, and is told what is left of them."""

from collections.abc import Callable
from typing import Any

from stockyard.api.callrate import CallRate


def test_each_minute_begins_anew_and_for_each_its_own() -> None:
    now = 59.5
    rate = CallRate(2, lambda: now)
    assert rate.take("a") == (2, 1, 1)
    assert [rate.take("a").calls for _ in range(3)] == [0, -1, -2]
    assert rate.take("b").calls == 1
    now = 60.0
    assert rate.take("a") == (2, 1, 60)


async def test_who_calls_too_often_is_told_when_to_come_back(
    open_plane: Callable[..., Any],
) -> None:
    async with open_plane(calls_per_minute=3) as plane:
        async with plane.as_admin as client:
            answers = [await client.get("/api/chute/line") for _ in range(4)]
            public = await client.get("/api/version")
        *good, refused = answers
        assert [answer.headers["ratelimit-remaining"] for answer in good] == ["2", "1", "0"]
        assert {answer.headers["ratelimit-limit"] for answer in answers} == {"3"}
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
        assert public.status_code == 429
        async with plane.client() as client:  # somebody else
            assert (await client.get("/api/chute/line")).status_code == 200
