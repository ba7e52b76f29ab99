"""What probes are told, in the states that a gateway can be in (`reliability.md` 8)."""

from typing import Any

import pytest

from stockyard.gateway.overload import OverloadRules
from stockyard.readiness import MOSTLY_SHED_FOR
from stockyard.testing.yard import Yard


async def told(yard: Yard) -> tuple[int, str, list[str]]:
    """What `/readyz` says after one more look."""
    await yard.open()
    await yard.stockyard.readiness.check()
    heard = await yard.get("/readyz")
    return heard.status, heard.json["state"], heard.json["reasons"]


async def test_all_is_well(yard: Yard) -> None:
    assert await told(yard) == (200, "ok", [])


@pytest.mark.parametrize(("disk", "code"), [("warn", None), ("low", "D10"), ("floor", "D11")])
async def test_a_full_disk_is_told_and_calls_go_on(yard: Yard, disk: Any, code: str | None) -> None:
    await yard.open()
    yard.stockyard.disk.state = disk
    state = "degraded" if code else "ok"
    assert await told(yard) == (200, state, [code] if code else [])
    assert (await yard.chat("hi")).status == 200


@pytest.mark.parametrize(("writer", "code"), [("failed", "D12"), ("down", "D13")])
async def test_a_database_that_cannot_be_written_is_told_and_calls_go_on(
    yard: Yard, writer: Any, code: str
) -> None:
    await yard.open()
    yard.stockyard.database.writer.state = writer
    assert await told(yard) == (200, "degraded", [code])
    assert (await yard.chat("hi")).status == 200
    yard.stockyard.database.writer.state = "ok"
    assert await told(yard) == (200, "ok", [])


async def test_that_every_provider_fails_is_told_until_one_works(yard: Yard) -> None:
    for name in ("openai", "anthropic"):
        yard.provider(name)
    yard.enable("failover", breaker_min_calls=1)
    yard.provider("openai").fails(500)
    yard.provider("anthropic").fails(500)
    assert (await yard.chat("hi", model="gpt-4o")).status == 502
    assert await told(yard) == (200, "ok", [])
    assert (await yard.chat("hi", model="claude-sonnet-4-5")).status == 502
    assert await told(yard) == (200, "degraded", ["D18"])
    refused = await yard.chat("hi", model="gpt-4o")
    assert refused.status == 503
    assert refused.error is not None
    assert refused.error["code"] == "no_target"
    assert int(refused.headers["retry-after"]) >= 1
    for breaker in yard.stockyard.reach.target_health.states():
        yard.stockyard.reach.target_health.reset(breaker.id)
    assert await told(yard) == (200, "ok", [])


async def test_shedding_is_told_and_for_long_keeps_traffic_away(yard: Yard) -> None:
    await yard.open()
    overload = yard.stockyard.overload
    overload.use(OverloadRules(max_inflight=0))
    await yard.chat("hi")
    assert await told(yard) == (200, "degraded", ["D20"])
    yard.stockyard.readiness._shed_since -= MOSTLY_SHED_FOR  # type: ignore[operator]  # it has been shedding: not None
    await yard.chat("hi")
    assert await told(yard) == (503, "overloaded", ["D20"])
    assert (await yard.get("/livez")).status == 200
    overload.use(OverloadRules())
    assert (await yard.chat("hi")).status == 200
    assert await told(yard) == (200, "ok", [])


async def test_refused_settings_are_told_until_some_are_taken_up(yard: Yard) -> None:
    await yard.open()
    yard.stockyard.readiness.settings_read(refused=True)
    assert await told(yard) == (200, "degraded", ["D21"])
    yard.stockyard.readiness.settings_read(refused=False)
    assert await told(yard) == (200, "ok", [])


@pytest.mark.parametrize("state", ["starting", "draining"])
async def test_what_comes_and_goes_is_not_told_otherwise(yard: Yard, state: str) -> None:
    await yard.open()
    yard.stockyard.health.not_ready(state)
    yard.stockyard.readiness.settings_read(refused=True)
    assert await told(yard) == (503, state, [state])
