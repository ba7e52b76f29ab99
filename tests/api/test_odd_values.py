"""Whatever stands in a path or a query, the API answers with a problem and never with a 500."""

import pytest

from tests.control_plane import Plane

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD = [
    "%F0%9F%98%80",
    "%ff",
    "x" * 3000,
    "'%20or%201=1%20--",
    "a:b",
    "%7B%7D",
    "%0d%0aX-Evil:1",
    "-1",
    "null",
]


@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_value_is_not_an_error_of_ours(shared: Plane, odd: str) -> None:
    for target in (
        f"/api/chute/modules/{odd}",
        f"/api/chute/providers/{odd}",
        f"/api/team/keys/{odd}",
        f"/api/lookout/traces/{odd}/explain",
        f"/api/chute/line?kind={odd}",
        f"/api/lookout/traces?model={odd}",
        f"/api/lookout/traces?from={odd}",
        f"/api/lookout/traces?cursor={odd}",
        f"/api/lookout/traces?limit={odd}",
        f"/api/{odd}",
    ):
        status, body = await shared.status_of(target)
        assert status in (200, 400, 404), (target, body)


@pytest.mark.parametrize(
    "moment",
    ["0", "-24h", "-999999d", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+02:00"],
)
async def test_every_way_to_write_a_time_is_taken(shared: Plane, moment: str) -> None:
    status, body = await shared.status_of(f"/api/lookout/traces?from={moment}")
    assert status == 200, body


@pytest.mark.parametrize("moment", ["9" * 15, "0001-01-01", "9999-12-31T23:59:59-12:00"])
async def test_times_at_the_edge_of_the_calendar(shared: Plane, moment: str) -> None:
    status, body = await shared.status_of(f"/api/lookout/traces?to={moment}")
    assert status in (200, 400), body
