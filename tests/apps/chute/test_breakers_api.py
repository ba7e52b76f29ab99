"""Breakers over the API."""

from stockyard.core.ports import BreakerRule
from stockyard.core.target import Credential, Secret, Target
from tests.control_plane import Plane

TARGET = Target("openrouter", "a/b:free", Credential("env:KEY", "openrouter", Secret("s")))


async def test_every_target_that_was_called_is_listed_as_it_stands(plane: Plane) -> None:
    rule = BreakerRule(min_calls=1)
    plane.breakers.report(TARGET, ok=False, rule=rule)
    plane.breakers.report(Target("openai", "gpt-4o"), ok=True, first_byte_us=1500, rule=rule)
    async with plane.as_admin as client:
        found = (await client.get("/api/proxy/breakers")).json()
    failing, well = found["breakers"]
    assert (failing["provider"], failing["credential"]) == ("openrouter", "env:KEY")
    assert (failing["model"], failing["state"], failing["failures"]) == ("a/b:free", "open", 1)
    assert 0 < failing["retry_in_s"] <= 15
    assert (well["state"], well["first_byte_ms"], well["retry_in_s"]) == ("closed", 1.5, 0)
    assert found["count"] == 2


async def test_one_can_be_closed_by_hand(plane: Plane) -> None:
    plane.breakers.report(TARGET, ok=False, rule=BreakerRule(min_calls=1))
    assert not plane.breakers.allow(TARGET)
    (breaker,) = plane.breakers.states()
    async with plane.as_admin as client:
        done = await client.post(f"/api/proxy/breakers/{breaker.id}/reset")
        unknown = await client.post("/api/proxy/breakers/brk_0/reset")
    assert (done.status_code, done.json()) == (200, {"id": breaker.id, "status": "closed"})
    assert plane.breakers.allow(TARGET)
    assert unknown.status_code == 404


async def test_closing_one_needs_an_identity(plane: Plane) -> None:
    async with plane.client() as client:
        refused = await client.post("/api/proxy/breakers/brk_0/reset")
    assert refused.status_code == 401
