"""Traces in another order than the usual one, in pages that stay right while calls come in."""

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from tests.builders import an_exchange
from tests.control_plane import Plane

TRACES = "/api/lookout/traces"


def a_call(number: int, tokens: int | None, *, at: int = 0) -> Exchange:
    x = an_exchange(model="gpt-4o", id=f"req_{number}")
    x.status = 200
    x.started_at_ms = at or number
    x.usage = None if tokens is None else Usage(in_fresh=tokens)
    return x


async def listed(
    plane: Plane, sort: str, *, more: str = "", arrives: Exchange | None = None
) -> str:
    """The numbers of the calls, page by page; a call arrives between the pages."""
    numbers: list[str] = []
    cursor = ""
    async with plane.as_admin as client:
        while True:
            answer = await client.get(f"{TRACES}?limit=2&sort={sort}{more}{cursor}")
            page = answer.json()
            numbers += [one["request_id"].removeprefix("req_") for one in page["traces"]]
            if page["next"] is None:
                return "".join(numbers)
            cursor = f"&cursor={page['next']}"
            if arrives is not None:
                await plane.record(arrives)
                arrives = None


@pytest.mark.parametrize(
    ("sort", "order", "arrives"),
    [
        ("tokens", "41352", a_call(9, 1)),
        ("-tokens", "25314", a_call(9, 99)),
        ("at", "12345", a_call(9, 5, at=1)),
        ("-at", "54321", a_call(9, 5, at=99)),
        ("cost", "12345", None),
        ("-cost", "54321", None),
    ],
)
async def test_calls_are_listed_in_the_order_asked_for(
    plane: Plane, sort: str, order: str, arrives: Exchange | None
) -> None:
    for number, tokens in enumerate((7, 50, 9, None, 20), start=1):
        await plane.record(a_call(number, tokens))
    assert await listed(plane, sort, arrives=arrives) == order


async def test_an_order_goes_with_a_filter(plane: Plane) -> None:
    for number, tokens in enumerate((7, 50, 9, 30, 20), start=1):
        await plane.record(a_call(number, tokens))
    assert await listed(plane, "-tokens", more="&filter=tokens<40") == "4531"


async def test_a_cursor_belongs_to_its_order(plane: Plane) -> None:
    for number in range(1, 4):
        await plane.record(a_call(number, number))
    async with plane.as_admin as client:
        cursor = (await client.get(f"{TRACES}?limit=1&sort=tokens")).json()["next"]
        for sort in ("", "&sort=-tokens"):
            told = (await client.get(f"{TRACES}?limit=1{sort}&cursor={cursor}")).json()
            assert told["code"] == "cursor_invalid"
        assert (await client.get(f"{TRACES}?sort=secret")).status_code == 400
