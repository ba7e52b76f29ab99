"""Repeats on one target."""

from contextlib import nullcontext, suppress
from typing import Any

import pytest

from stockyard.core.response import Response
from stockyard.core.target import Target
from stockyard.errors import EgressDenied, ErrorKind, Refused, StockyardError, UpstreamError
from stockyard.modules.reliability.retrypilot import Config, RetryPilot, StepDown
from stockyard.testing.yard import Yard
from tests.builders import (
    HandClock,
    Provider,
    TableOfModels,
    an_answer,
    an_exchange,
    notes,
    some_ports,
    through,
)

BUSY = UpstreamError("overloaded", "Busy.", status=503)
ONE = [Target("one", "m")]


def pilot(clock: HandClock | None = None, **config: Any) -> RetryPilot:
    ports = some_ports(clock, models=TableOfModels(m=["one"], small=["one"]))
    return RetryPilot(Config(**config), ports)


def a_limit(seconds: float) -> UpstreamError:
    return UpstreamError("rate_limited", "Slow down.", status=429, retry_after=seconds)


@pytest.mark.parametrize(
    ("kind", "tries"),
    [
        ("unreachable", 2),
        ("timeout", 2),
        ("overloaded", 2),
        ("rate_limited", 2),
        ("provider_fault", 2),
        ("bad_answer", 2),
        ("interrupted", 2),
        ("bad_request", 1),
        ("context_length", 1),
        ("content_filtered", 1),
        ("auth", 1),
        ("permission", 1),
        ("model_unknown", 1),
        ("quota_exhausted", 1),
    ],
)
async def test_repeats_what_another_try_may_cure(kind: ErrorKind, tries: int) -> None:
    provider = Provider(UpstreamError(kind, "No."), an_answer())
    x = an_exchange()
    with nullcontext() if tries > 1 else pytest.raises(UpstreamError):
        await through(x, provider, pilot(), choose=ONE)
    assert len(provider.asked) == len(x.attempts) == tries


@pytest.mark.parametrize("error", [Refused(400, "content_blocked", "No."), EgressDenied("private")])
async def test_what_is_refused_stays_refused(error: StockyardError) -> None:
    provider = Provider(error)
    with pytest.raises(type(error)):
        await through(an_exchange(), provider, pilot(), choose=ONE)
    assert len(provider.asked) == 1


async def test_waits_as_long_as_the_provider_asks() -> None:
    clock = HandClock()
    x = an_exchange()
    await through(x, Provider(a_limit(2), an_answer()), pilot(clock), choose=ONE)
    assert clock.slept == [2]
    assert ("X-Stockyard-Attempts", "2") in x.told
    assert notes(x) == ["retried"]


async def test_waits_double_up_to_the_longest() -> None:
    clock = HandClock()
    module = pilot(clock, retries=6, total_attempts=9, max_ms=1000, budget_min_per_second=1000)
    with pytest.raises(UpstreamError):
        await through(an_exchange(), Provider(BUSY), module, choose=ONE)
    assert clock.slept == [0.125, 0.25, 0.5, 0.5, 0.5, 0.5]


async def test_calls_save_up_for_the_repeats_of_others() -> None:
    module = pilot(budget_ratio=0.5, budget_min_per_second=0)
    provider = Provider(an_answer(), BUSY, an_answer(), BUSY)
    await through(an_exchange(), provider, module, choose=ONE)
    await through(an_exchange(), provider, module, choose=ONE)
    x = an_exchange()
    with pytest.raises(UpstreamError):
        await through(x, provider, module, choose=ONE)
    assert x.findings[-1].detail == {"why": "budget"}


async def test_one_call_has_all_its_repeats_when_few_call() -> None:
    clock = HandClock()
    module = pilot(clock, base_ms=1)
    x = an_exchange()
    await through(x, Provider(BUSY, BUSY, an_answer()), module, choose=ONE)
    assert len(x.attempts) == 3

    at_once = an_exchange()
    with pytest.raises(UpstreamError):
        await through(at_once, Provider(BUSY), module, choose=ONE)
    assert at_once.findings[-1].detail == {"why": "budget"}

    clock.advance(2)
    later = an_exchange()
    await through(later, Provider(BUSY, BUSY, an_answer()), module, choose=ONE)
    assert len(later.attempts) == 3


async def test_only_so_many_targets_have_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockyard.modules.reliability.retrypilot.MAX_BUDGETS", 2)
    module = pilot()
    for name in ("one", "two", "three"):
        x = an_exchange()
        await through(x, Provider(an_answer()), module, choose=[Target(name, "m")])
    assert len(module._budgets) == 2


@pytest.mark.parametrize(
    ("config", "error", "why"),
    [
        ({"retries": 1}, BUSY, "retries"),
        ({"total_attempts": 2}, BUSY, "attempts"),
        ({"retry_after_max_seconds": 5}, a_limit(6), "retry_after"),
        ({"budget_min_per_second": 0}, BUSY, "budget"),
        ({}, UpstreamError("overloaded", "Do not try again.", in_vain=True), "in_vain"),
    ],
)
async def test_gives_up_and_says_why(
    config: dict[str, Any], error: UpstreamError, why: str
) -> None:
    x = an_exchange()
    module = pilot(**{"budget_min_per_second": 100, **config})
    with pytest.raises(UpstreamError) as raised:
        await through(x, Provider(error), module, choose=ONE)
    assert raised.value is error
    assert x.findings[-1].detail == {"why": why}


async def test_only_the_classes_that_are_set_are_repeated() -> None:
    provider = Provider(BUSY, an_answer())
    with pytest.raises(UpstreamError):
        await through(an_exchange(), provider, pilot(classes=("connect",)), choose=ONE)
    assert len(provider.asked) == 1


async def test_an_outage_is_not_made_worse_by_more_than_a_tenth() -> None:
    clock = HandClock()
    module, provider = pilot(clock, base_ms=1, max_ms=1), Provider(BUSY)
    calls = 5000
    for _ in range(calls):
        clock.advance(1 / 500)
        with pytest.raises(UpstreamError):
            await through(an_exchange(), provider, module, choose=ONE)
    assert len(provider.asked) / calls <= 1.1 + 1 / calls
    assert len(provider.asked) / calls > 1.08


async def test_a_quiet_target_may_be_repeated_once_a_second() -> None:
    clock = HandClock()
    module = pilot(clock, retries=1, base_ms=1, max_ms=1)
    tries = []
    for pause in (0.0, 0.1, 1.0):
        clock.advance(pause)
        provider = Provider(BUSY, an_answer())
        with suppress(UpstreamError):
            await through(an_exchange(), provider, module, choose=ONE)
        tries.append(len(provider.asked))
    assert tries == [2, 1, 2]


async def test_each_try_starts_from_the_request_as_it_came() -> None:
    seen = []

    async def spoiling(x):  # type: ignore[no-untyped-def]  # an editor as people write it
        seen.append((x.request.model, x.untouched))
        x.request = x.request.with_model("spoiled")
        if len(seen) < 3:
            raise BUSY
        return an_answer()

    await through(an_exchange(), spoiling, pilot(budget_min_per_second=1000), choose=ONE)
    assert seen == [("m", True)] * 3


async def test_steps_down_after_two_failures_and_says_so() -> None:
    module = pilot(budget_min_per_second=1000, step_down=(StepDown(of="m*", to="small"),))
    provider = Provider(BUSY, BUSY, an_answer(model="small"))
    x = an_exchange()
    await through(x, provider, module, choose=ONE)
    assert provider.asked == ["one/m", "one/m", "one/small"]
    assert ("X-Stockyard-Step-Down", "small") in x.told
    assert notes(x) == ["retried", "retried", "stepped_down"]


@pytest.mark.parametrize("asked", ["gpt-4o", "openai/gpt-4o"])
async def test_steps_down_to_a_name_of_the_operators(yard: Yard, asked: str) -> None:
    provider = yard.provider("openai").says("one", "two").fails(503, times=2).says("hello")
    yard.enable("modelalias", aliases=[{"alias": "small", "model": "gpt-4o-mini"}])
    steps = [{"from": "gpt-4o", "to": "small"}]
    yard.enable("retrypilot", base_ms=1, budget_ratio=1, step_down=steps)
    for text in ("one", "two", "hello"):
        heard = await yard.chat(model=asked)
        assert heard.text == text
    sent = [request.fields["model"] for request in provider.requests]
    assert sent[2:] == ["gpt-4o", "gpt-4o", "gpt-4o-mini"]
    assert heard.headers["x-stockyard-step-down"] == "small"


async def test_a_name_that_nobody_serves_is_no_step_down_and_that_is_noted() -> None:
    module = pilot(budget_min_per_second=1000, step_down=(StepDown(of="m*", to="gone"),))
    provider = Provider(BUSY, BUSY, an_answer())
    x = an_exchange()
    await through(x, provider, module, choose=ONE)
    assert provider.asked == ["one/m", "one/m", "one/m"]
    assert notes(x) == ["retried", "retried", "no_step_down"]


async def test_a_stream_that_broke_before_its_content_is_repeated() -> None:
    provider = Provider(UpstreamError("interrupted", "Cut."), an_answer())
    answer = await through(an_exchange(stream=True), provider, pilot(), choose=ONE)
    assert isinstance(answer, Response)
    assert len(provider.asked) == 2


async def test_without_repeats_the_tries_of_a_call_are_still_bounded() -> None:
    x = an_exchange()
    with pytest.raises(UpstreamError):
        await through(x, Provider(BUSY), pilot(retries=0, total_attempts=2), choose=ONE)
    assert (len(x.attempts), x.attempt_cap) == (1, 2)


@pytest.mark.parametrize(
    ("total", "wait", "tries"), [(0.0, 50, 2), (60.0, 50, 2), (60.0, 56, 1), (4.0, 1, 1)]
)
async def test_gives_up_when_too_little_time_would_be_left(
    total: float, wait: float, tries: int
) -> None:
    provider = Provider(a_limit(wait), an_answer())
    x = an_exchange()
    x.total_seconds = total
    with nullcontext() if tries > 1 else pytest.raises(UpstreamError):
        await through(x, provider, pilot(), choose=ONE)
    assert len(provider.asked) == tries
    assert ("gave_up" in notes(x)) == (tries == 1)
