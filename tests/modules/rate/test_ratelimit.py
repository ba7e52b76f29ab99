"""Limits on calls, tokens and concurrency, by who calls."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stockyard.core.allowance import Allowance
from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from stockyard.core.module import Call
from stockyard.core.money import Usage
from stockyard.core.ports import Ports
from stockyard.core.stream import Answer
from stockyard.core.target import Attempt, Target
from stockyard.errors import Abandoned, Refused, UpstreamError
from stockyard.modules.rate.ratelimit import Config, Limit, RateLimit
from stockyard.testing.yard import Yard
from tests.builders import HandClock, Provider, an_answer, an_exchange, notes, some_ports, through


def limiter(ports: Ports | None = None, *rows: Limit, **config: object) -> RateLimit:
    return RateLimit(Config(limits=rows, **config), ports or some_ports())  # type: ignore[arg-type]  # options by their names


def called(number: int = 0, **fields: object) -> Exchange:
    return an_exchange(id=f"req_{number}", **fields)  # type: ignore[arg-type]  # options by their names


def by(**fields: str) -> Caller:
    return Caller(**{"key_id": "key_1", **fields})  # type: ignore[arg-type]  # options by their names


async def passes(module: RateLimit, x: Exchange, call: Call | None = None) -> bool:
    try:
        await through(x, call or Provider(an_answer()), module)
    except Refused:
        return False
    return True


async def test_sixty_a_minute_ten_at_once_and_the_refusal_names_the_second() -> None:
    module = limiter(None, Limit(calls=60, burst=10))
    passed = [await passes(module, called(n)) for n in range(99)]
    assert passed == [True] * 10 + [False] * 89
    x = called(99)
    with pytest.raises(Refused) as refused:
        await through(x, Provider(an_answer()), module)
    assert (refused.value.code, refused.value.retry_after) == ("rate_limited", 1)
    assert refused.value.message == "The limit of calls per key is reached. Try again in 1 s."
    assert notes(x) == ["refused"]


@pytest.mark.parametrize(
    ("limit", "other", "apart"),
    [
        (Limit(by="global", calls=1), by(key_id="key_2", team_id="t"), False),
        (Limit(by="key", calls=1), by(key_id="key_2"), True),
        (Limit(by="team", calls=1), by(key_id="key_2"), False),
        (Limit(by="team", calls=1), by(team_id="t"), True),
        (Limit(by="user", calls=1), by(user="ann"), True),
        (Limit(by="project", calls=1), by(project="p"), True),
        (Limit(by="address", calls=1), by(address="192.0.2.8"), True),
    ],
)
async def test_counts_apart_by(limit: Limit, other: Caller, apart: bool) -> None:
    module = limiter(None, limit)
    assert await passes(module, called(1, caller=by()))
    assert await passes(module, called(2, caller=other)) is apart


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
async def test_an_ipv6_network_is_one_address(one: str, other: str, same: bool) -> None:
    module = limiter(None, Limit(by="address", calls=1))
    assert await passes(module, called(1, caller=by(address=one)))
    assert await passes(module, called(2, caller=by(address=other))) is not same


@pytest.mark.parametrize(
    ("limit", "concerned"),
    [
        (Limit(calls=1, match="key_*"), True),
        (Limit(calls=1, match="other_*"), False),
        (Limit(calls=1, models=("m",)), True),
        (Limit(calls=1, models=("gpt-*",)), False),
        (Limit(calls=1, kinds=("chat",)), True),
        (Limit(calls=1, kinds=("embeddings",)), False),
        (Limit(by="model", calls=1, match="m"), True),
    ],
)
async def test_a_limit_concerns_only_what_it_names(limit: Limit, concerned: bool) -> None:
    module = limiter(None, limit)
    await passes(module, called(1))
    assert await passes(module, called(2)) is not concerned


async def test_a_debt_of_tokens_is_paid_before_the_next_call() -> None:
    clock = HandClock()
    module = limiter(some_ports(clock), Limit(tokens=1000))
    big = Provider(an_answer(usage=Usage(in_fresh=4000, out_text=1000)))
    assert await passes(module, called(1, max_output=10), big)
    x = called(2, max_output=10)
    with pytest.raises(Refused) as refused:
        await through(x, big, module)
    wait = refused.value.retry_after or 0
    assert wait == pytest.approx((4000 + 2 + 10) * 0.06)
    clock.advance(wait + 0.01)
    assert await passes(module, called(3, max_output=10), big)


async def test_tokens_of_a_refused_call_come_back_but_not_the_call() -> None:
    module = limiter(None, Limit(calls=2, tokens=100))
    refusing = Provider(Refused(403, "policy_blocked", "No."))
    with pytest.raises(Refused):
        await through(called(1, max_output=98), refusing, module)
    assert await passes(module, called(2, max_output=98), Provider(an_answer()))
    assert not await passes(module, called(3, max_output=1))


async def test_an_answer_from_store_or_a_mock_uses_no_tokens() -> None:
    module = limiter(None, Limit(tokens=100))

    async def mocked(x: Exchange) -> Answer:
        x.simulated = "fixture"
        return an_answer(usage=Usage(out_text=5000))

    async def stored(x: Exchange) -> Answer:
        x.stored_usage = Usage(out_text=5000)
        return an_answer(usage=Usage(out_text=5000))

    for number, call in enumerate((mocked, stored, mocked)):
        assert await passes(module, called(number, max_output=90), call)


async def test_what_nobody_counted_costs_what_was_reserved() -> None:
    module = limiter(None, Limit(tokens=100))
    assert await passes(module, called(1, max_output=98), Provider(an_answer(usage=None)))
    assert not await passes(module, called(2, max_output=98))


async def test_a_caller_that_left_still_pays_what_was_reserved() -> None:
    module = limiter(None, Limit(tokens=100))
    x = called(1, max_output=98)
    with pytest.raises(Abandoned):
        await through(x, Provider(Abandoned()), module)
    assert not await passes(module, called(2, max_output=98))


async def test_a_provider_that_failed_used_no_tokens() -> None:
    module = limiter(None, Limit(tokens=100))
    failing = Provider(UpstreamError("overloaded", "Busy."))
    with pytest.raises(UpstreamError):
        await through(called(1, max_output=98), failing, module)
    assert await passes(module, called(2, max_output=98))


async def test_the_mean_answer_is_reserved_when_the_call_names_no_length() -> None:
    ports = some_ports()
    module = limiter(ports, Limit(tokens=1_000_000))
    answers = Provider(an_answer(usage=Usage(in_fresh=2, out_text=500)))
    x = called(1)
    await through(x, answers, module)
    assert x.reserved_tokens == 2
    x = called(2)
    await through(x, answers, module)
    assert x.reserved_tokens == 2 + 500
    x = called(3, max_output=100)
    await through(x, answers, module)
    assert x.reserved_tokens == 2 + 100


async def test_calls_at_once_are_freed_when_they_end() -> None:
    module = limiter(None, Limit(concurrent=1))
    inner: list[bool] = []

    async def nested(x: Exchange) -> Answer:
        inner.append(await passes(module, called(2)))
        return an_answer()

    assert await passes(module, called(1), nested)
    assert inner == [False]
    with pytest.raises(UpstreamError):
        await through(called(3), Provider(UpstreamError("timeout", "Late.")), module)
    assert await passes(module, called(4))


async def test_too_many_at_once_has_its_own_code() -> None:
    module = limiter(None, Limit(concurrent=1))
    module.on_request(called(1))
    with pytest.raises(Refused) as refused:
        module.on_request(called(2))
    assert (refused.value.status, refused.value.code) == (429, "concurrency_exceeded")


async def test_tells_where_the_limits_stand_on_answers_and_refusals() -> None:
    module = limiter(None, Limit(calls=60, burst=2))
    told = []
    for number in range(3):
        x = called(number)
        await passes(module, x)
        told.append({name: value for name, value in x.told if name.startswith("RateLimit")})
    assert [t["RateLimit-Remaining"] for t in told] == ["1", "0", "0"]
    assert {t["RateLimit-Limit"] for t in told} == {"2"}
    assert told[-1]["RateLimit-Reset"] == "2"


async def test_headers_can_be_left_out() -> None:
    x = called()
    await through(x, Provider(an_answer()), limiter(None, Limit(calls=1), headers=False))
    assert x.told == []


async def test_waits_for_room_when_it_may() -> None:
    clock = HandClock()
    module = limiter(some_ports(clock), Limit(calls=1, per_seconds=3), max_wait_ms=5000)
    assert await passes(module, called(1))
    x = called(2)
    assert await passes(module, x)
    assert clock.slept == [3]
    assert notes(x) == ["waited"]


async def test_does_not_begin_to_wait_when_it_would_take_too_long() -> None:
    clock = HandClock()
    module = limiter(some_ports(clock), Limit(calls=1, per_seconds=60), max_wait_ms=5000)
    assert await passes(module, called(1))
    assert not await passes(module, called(2))
    assert clock.slept == []


def test_without_limits_it_is_idle() -> None:
    assert limiter().idle()
    assert not limiter(None, Limit(calls=1)).idle()


def rate_limited(clock: HandClock, module: RateLimit, *statuses: int) -> None:
    """Calls that are over, with what their providers answered, in a second of calm."""
    for number, status in enumerate(statuses):
        x = called(number)
        x.attempts.append(Attempt(target=Target("one", "m"), started_us=0, status=status))
        module.on_request(x)
        module.on_error(x, UpstreamError("rate_limited", "Slow down."))
    for _ in range(20):
        clock.advance(0.5)


def room(module: RateLimit) -> int:
    """How much of the limit on calls holds now."""
    x = called()
    module.on_request(x)
    return x.charges[0].calls


async def test_adaptive_limits_shrink_while_providers_refuse_and_grow_back() -> None:
    clock = HandClock()
    limit = Limit(calls=1000, tokens=1000, concurrent=100, per_seconds=1)
    module = limiter(some_ports(clock), limit, adaptive=True, adaptive_floor_ratio=0.4)
    assert room(module) == 1000
    rates = []
    for _ in range(4):
        rate_limited(clock, module, *[429] * 2, *[200] * 18)
        rates.append(room(module))
    assert rates == [700, 489, 400, 400]
    rate_limited(clock, module, *[429], *[200] * 19)
    assert room(module) == 420


async def test_adaptive_limits_shrink_when_the_loop_comes_late() -> None:
    clock = HandClock()
    module = limiter(some_ports(clock), Limit(calls=1000, per_seconds=1), adaptive=True)
    room(module)
    clock.advance(0.56)
    for _ in range(20):
        clock.advance(0.5)
    assert room(module) == 700


async def test_nobody_watches_the_loop_when_nobody_calls() -> None:
    clock = HandClock()
    module = limiter(some_ports(clock), Limit(calls=1000, per_seconds=1), adaptive=True)
    room(module)
    for _ in range(60):
        clock.advance(0.5)
    assert clock.waiting == 0
    room(module)
    assert clock.waiting == 1


async def test_a_small_limit_never_shrinks_to_none() -> None:
    clock = HandClock()
    module = limiter(some_ports(clock), Limit(calls=1, per_seconds=1), adaptive=True)
    rate_limited(clock, module, 429)
    assert room(module) == 1


async def test_users_are_told_apart_by_what_the_header_or_the_body_says(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("ratelimit", limits=[{"by": "user", "calls": 1}])
    ann, bob = {"x-stockyard-user": "ann"}, {"x-user-id": "bob"}
    heard = [await yard.chat(headers=who) for who in (ann, bob, ann)]
    heard += [await yard.chat(user=who) for who in ("eve", "eve")]
    assert [one.status for one in heard] == [200, 200, 429, 200, 429]


async def test_projects_are_told_apart_and_a_bad_name_is_refused(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("ratelimit", limits=[{"by": "project", "calls": 1}])
    heard = [await yard.chat(headers={"x-project": name}) for name in ("a", "b", "a", "a b")]
    assert [one.status for one in heard] == [200, 200, 429, 400]


async def test_limits_of_a_key_work_at_once_and_go_with_it(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    await yard.open()
    keys, line = yard.stockyard.keys, yard.stockyard.line
    assert not line.state("ratelimit").in_line, "a call pays nothing for it"
    unlimited = yard.key
    record, yard.key = await keys.create("few", limits=[Allowance(calls=2, per_seconds=60)])
    assert line.state("ratelimit").in_line
    heard = [await yard.chat(stream=stream) for stream in (False, True, False)]
    assert [one.status for one in heard] == [200, 200, 429]
    assert [one.headers["ratelimit-remaining"] for one in heard] == ["1", "0", "0"]
    assert yard.last.refused_by == "ratelimit"
    await keys.change(record.id, lambda record: replace(record, limits=(Allowance(calls=9),)))
    assert (await yard.chat()).headers["ratelimit-limit"] == "9"
    yard.key = unlimited
    assert "ratelimit-limit" not in (await yard.chat()).headers
    await keys.revoke(record.id)
    assert not line.state("ratelimit").in_line


async def test_limits_of_a_key_count_besides_those_of_the_table(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("ratelimit", limits=[{"by": "global", "calls": 3}])
    await yard.open()
    limits = [Allowance(tokens=1_000), Allowance(calls=2, models=("gpt-*",))]
    _, yard.key = await yard.stockyard.keys.create("few", limits=limits)
    heard = [await yard.chat() for _ in range(3)]
    assert [one.status for one in heard] == [200, 200, 429]
    assert heard[0].headers["x-ratelimit-limit-tokens"] == "1000"
    [refused] = [f for f in yard.last.exchange.findings if f.action == "refused"]
    assert refused.detail == {"by": "key", "row": "own1:key", "limit": "calls"}


async def test_limits_of_a_key_are_there_after_a_restart(tmp_path: Path) -> None:
    secret = ""
    for _ in range(2):
        async with Yard(tmp_path) as yard:
            yard.provider("openai").says("hello")
            await yard.open()
            if not secret:
                _, secret = await yard.stockyard.keys.create(
                    "few", limits=[Allowance(concurrent=1)]
                )
            assert yard.stockyard.line.state("ratelimit").in_line
            caller = yard.stockyard.keys.caller_of(secret.encode())
            assert caller is not None
            assert caller.limits == (Allowance(concurrent=1),)


@pytest.mark.parametrize(
    "limit",
    [
        {"models": ["gpt-*"]},
        {"by": "model", "match": "gpt-*"},
        {"by": "model"},
        {"models": ["fast", "gpt-4o", "openai/*"]},
    ],
    ids=["of_models", "by_matching_model", "by_model", "of_names"],
)
async def test_nobody_gets_past_a_limit_by_another_name_of_the_model(
    yard: Yard, limit: dict[str, Any]
) -> None:
    yard.provider("openai").says("hello")
    yard.enable("modelalias", aliases=[{"alias": "fast", "model": "openai/gpt-4o"}])
    yard.enable("ratelimit", limits=[{"calls": 2, **limit}])
    names = ("gpt-4o", "openai/gpt-4o", "fast", "gpt-4o")
    answered = [(await yard.chat(model=name)).status for name in names]
    assert answered == [200, 200, 429, 429]


async def test_a_name_of_the_operators_has_a_limit_of_its_own(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("modelalias", aliases=[{"alias": "fast", "model": "gpt-4o"}])
    yard.enable("ratelimit", limits=[{"calls": 1, "models": ["fast"]}])
    names = ("fast", "gpt-4o", "fast")
    assert [(await yard.chat(model=name)).status for name in names] == [200, 200, 429]


async def test_a_limit_that_is_raised_lets_calls_pass_at_once(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    day = {"by": "key", "per_seconds": 86_400}

    async def statuses(calls: int) -> list[int]:
        return [(await yard.chat(model="gpt-4o")).status for _ in range(calls)]

    yard.enable("ratelimit", limits=[{**day, "calls": 2}])
    assert await statuses(3) == [200, 200, 429]
    yard.enable("ratelimit", limits=[{**day, "calls": 3}])
    assert await statuses(2) == [200, 429]
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 100, "per_seconds": 60}])
    assert await statuses(2) == [200, 200]


async def test_rows_keep_their_counts_wherever_they_stand(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    many = {"by": "key", "calls": 100, "per_seconds": 60}
    few = {"by": "key", "calls": 2, "per_seconds": 3600}
    yard.enable("ratelimit", limits=[many, few])
    for _ in range(2):
        assert (await yard.chat(model="gpt-4o")).status == 200
    yard.enable("ratelimit", limits=[few])
    assert (await yard.chat(model="gpt-4o")).status == 429
    yard.enable("ratelimit", limits=[many])
    assert (await yard.chat(model="gpt-4o")).status == 200


async def test_a_call_is_settled_once_whoever_refuses_its_answer_later() -> None:
    module = limiter(some_ports(HandClock()), Limit(tokens=1000))
    x = called(1, max_output=10)
    assert await passes(module, x, Provider(an_answer(usage=Usage(in_fresh=90, out_text=310))))
    module.on_error(x, Refused(422, "answer_blocked", "No."))
    assert await passes(module, called(2, max_output=500))
