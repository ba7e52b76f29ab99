"""Moving between targets, and keeping away from those that fail."""

from collections import Counter
from contextlib import nullcontext
from typing import Any

import pytest

from stockyard.core.events import TextDelta
from stockyard.core.exchange import Constraints, Exchange
from stockyard.core.inbound import Asked
from stockyard.core.messages import Image, Message
from stockyard.core.offer import Offer
from stockyard.core.ports import Ports
from stockyard.core.request import Tool
from stockyard.core.response import Response
from stockyard.core.stream import Answer, Stream
from stockyard.core.target import Attempt, Credential, Secret, Target
from stockyard.errors import (
    Abandoned,
    ErrorKind,
    InvalidConfig,
    Refused,
    StockyardError,
    UpstreamError,
)
from stockyard.modules.reliability.retrypilot import Config as RetryConfig
from stockyard.modules.reliability.retrypilot import RetryPilot
from stockyard.modules.routing.failover import Chain, Config, Failover, Step
from stockyard.testing.yard import Yard
from tests.builders import (
    HandClock,
    Provider,
    TableOfModels,
    Taken,
    a_stream,
    an_answer,
    an_exchange,
    notes,
    some_ports,
    through,
)

DOWN = UpstreamError("provider_fault", "Down.", status=500)
ONE, TWO, THREE = (Target(name, "m") for name in ("one", "two", "three"))


def a_refusal() -> Refused:
    """Of some module nearer to the provider."""
    refused = Refused(403, "policy_blocked", "No.")
    refused.module = "guard"
    return refused


def failover(ports: Ports | None = None, **config: object) -> Failover:
    return Failover(Config(**config), ports or some_ports())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tried", "told"),
    [
        ([ONE], []),
        ([ONE, ONE], [("X-Stockyard-Attempts", "2")]),
        ([ONE, TWO], [("X-Stockyard-Attempts", "2"), ("X-Stockyard-Failover-From", "one/m")]),
    ],
)
def test_the_caller_is_told_of_tries_and_of_where_it_was_meant_to_go(
    tried: list[Target], told: list[tuple[str, str]]
) -> None:
    x = an_exchange()
    x.attempts = [Attempt(target=target, started_us=0) for target in tried]
    x.target = tried[-1]
    failover().on_head(x)
    assert x.told == told


async def test_the_third_target_answers_when_two_fail() -> None:
    provider, x = Provider(DOWN, DOWN, an_answer()), an_exchange()
    answer = await through(x, provider, failover(), choose=[ONE])
    assert isinstance(answer, Response)
    assert provider.asked == ["one/m", "two/m", "three/m"]
    assert x.target == THREE
    assert ("X-Stockyard-Attempts", "3") in x.told
    assert ("X-Stockyard-Failover-From", "one/m") in x.told
    assert [finding.detail for finding in x.findings] == [
        {"from": "one/m", "to": "two/m", "class": DOWN.kind},
        {"from": "two/m", "to": "three/m", "class": DOWN.kind},
    ]


@pytest.mark.parametrize(
    ("kind", "moves"),
    [
        ("unreachable", True),
        ("timeout", True),
        ("rate_limited", True),
        ("quota_exhausted", True),
        ("overloaded", True),
        ("provider_fault", True),
        ("bad_answer", True),
        ("interrupted", True),
        ("model_unknown", True),
        ("auth", True),
        ("no_credit", True),
        ("permission", True),
        ("bad_request", False),
        ("context_length", False),
        ("content_filtered", False),
        ("too_large", False),
    ],
)
async def test_moves_on_only_after_what_another_target_may_cure(
    kind: ErrorKind, moves: bool
) -> None:
    provider = Provider(UpstreamError(kind, "No."), an_answer())
    with nullcontext() if moves else pytest.raises(UpstreamError):
        await through(an_exchange(), provider, failover(), choose=[ONE])
    assert len(provider.asked) == (2 if moves else 1)


async def test_moves_on_after_a_content_policy_only_when_told_to() -> None:
    provider = Provider(UpstreamError("content_filtered", "No."), an_answer())
    await through(an_exchange(), provider, failover(on_content_policy=True), choose=[ONE])
    assert provider.asked == ["one/m", "two/m"]


@pytest.mark.parametrize("error", [a_refusal(), Abandoned()])
async def test_a_refusal_or_a_caller_that_left_ends_the_call(error: StockyardError) -> None:
    provider = Provider(error)
    with pytest.raises(type(error)):
        await through(an_exchange(), provider, failover(), choose=[ONE])
    assert provider.asked == ["one/m"]


async def test_a_caller_s_own_credential_stays_at_its_provider() -> None:
    own = Target("one", "m", Credential("c", "one", Secret("s"), own=True))
    provider = Provider(DOWN, an_answer())
    with pytest.raises(UpstreamError) as raised:
        await through(an_exchange(), provider, failover(), choose=[own])
    assert raised.value is DOWN
    assert provider.asked == ["one/m"]


async def test_an_error_of_a_caller_s_own_credential_is_the_caller_s() -> None:
    provider = Provider(UpstreamError("auth", "Bad key.", own_credential=False), an_answer())
    with pytest.raises(UpstreamError):
        await through(an_exchange(), provider, failover(), choose=[ONE])
    assert provider.asked == ["one/m"]


async def test_the_caller_can_switch_it_off() -> None:
    provider, x = Provider(DOWN), an_exchange(asked=Asked(fallback="off"))
    with pytest.raises(UpstreamError) as raised:
        await through(x, provider, failover(), choose=[ONE])
    assert raised.value is DOWN
    assert provider.asked == ["one/m"]


async def test_constraints_hold_for_every_target() -> None:
    provider, x = Provider(DOWN, an_answer()), an_exchange()
    x.constraints = Constraints(providers=("one", "three"))
    await through(x, provider, failover(), choose=[ONE])
    assert provider.asked == ["one/m", "three/m"]


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize(
    ("model", "headers", "status", "code"),
    [
        ("nobody-has-this", {}, 404, "model_not_found"),
        ("gpt-scripted", {"x-provider": "anthropic"}, 503, "no_target"),
    ],
)
async def test_where_no_target_is_the_call_is_refused_as_it_is_without_the_module(
    yard: Yard, enabled: bool, model: str, headers: dict[str, str], status: int, code: str
) -> None:
    yard.provider("openai").says("hello")
    if enabled:
        yard.enable("failover")
    heard = await yard.chat(model=model, headers=headers)
    assert heard.error is not None
    assert (heard.status, heard.error["stockyard"]["code"]) == (status, code)


async def test_several_that_fail_are_one_refusal_with_a_time() -> None:
    ports = some_ports()
    module = failover(ports, breaker_min_calls=1, breaker_open_seconds=40)
    provider, x = Provider(DOWN), an_exchange()
    with pytest.raises(Refused) as refused:
        await through(x, provider, module, choose=[ONE])
    assert (refused.value.code, refused.value.retry_after) == ("no_target", 40)
    assert refused.value.__cause__ is DOWN
    assert "exhausted" in notes(x)


async def test_no_more_targets_than_allowed_are_tried() -> None:
    provider = Provider(DOWN)
    with pytest.raises(Refused):
        await through(an_exchange(), provider, failover(max_targets=2), choose=[ONE])
    assert provider.asked == ["one/m", "two/m"]


async def test_a_row_names_other_models() -> None:
    row = Chain(models=("claude-*",), targets=(Step(provider="two", model="gpt-y"),))
    provider = Provider(DOWN, an_answer())
    x = an_exchange(model="claude-x")
    await through(x, provider, failover(chains=(row,)), choose=[Target("one", "claude-x")])
    assert provider.asked == ["one/claude-x", "two/gpt-y"]
    assert x.request.model == "gpt-y"
    assert x.received.model == "claude-x"


async def test_a_name_with_its_provider_in_front_is_the_same_model(yard: Yard) -> None:
    yard.provider("openai").fails(503)
    elsewhere = yard.provider("groq").says("hello")
    yard.enable("failover", chains=[{"models": ["gpt-*"], "targets": [{"provider": "groq"}]}])
    heard = await yard.chat(model="openai/gpt-4o")
    assert heard.text == "hello"
    assert elsewhere.last.fields["model"] == "gpt-4o"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("further", "status", "attempts"),
    [
        (["anthropic", "groq"], 200, ["openai 503", "anthropic None", "groq 200"]),
        (["anthropic"], 503, ["openai 503", "anthropic None"]),
    ],
    ids=["another_can", "nobody_can"],
)
async def test_a_fallback_that_cannot_be_told_the_call_does_not_make_it_the_callers_fault(
    yard: Yard, stream: bool, further: list[str], status: int, attempts: list[str]
) -> None:
    yard.set("translation.lossy", "strict")
    yard.provider("openai").fails(503, retry_after=3)
    for name in ("anthropic", "groq"):
        yard.provider(name).says("hello")
    yard.enable("failover", chains=[{"targets": [{"provider": name} for name in further]}])
    yard.enable("retrypilot", retries=0)

    heard = await yard.chat(model="gpt-4o", stream=stream, seed=7)

    assert heard.status == status
    assert await yard.quiet()
    assert yard.last.attempts == attempts
    assert "failover skipped_capability" in yard.last.findings


async def test_a_fallback_has_one_breaker_whoever_leads_to_it(yard: Yard) -> None:
    yard.provider("openai").fails(503)
    further = yard.provider("anthropic").fails(503, times=2).says("hello")
    step = {"provider": "anthropic", "model": "claude-sonnet-4-5"}
    yard.enable("failover", breaker_min_calls=2, chains=[{"models": ["gpt-*"], "targets": [step]}])
    for _ in range(2):
        await yard.chat(model="claude-sonnet-4-5")
    assert (await yard.chat(model="gpt-4o")).status == 503
    assert len(further.requests) == 2
    assert "failover skipped_open" in yard.last.findings


async def test_a_fallback_without_a_credential_is_passed_over(yard: Yard) -> None:
    yard.provider("openai").fails(503)
    yard.provider("groq").says("hello")
    further = [{"provider": name, "model": "m"} for name in ("anthropic", "groq")]
    yard.enable("failover", chains=[{"targets": further}])
    assert (await yard.chat(model="gpt-4o")).text == "hello"
    yard.enable("failover", chains=[{"targets": further[:1]}])
    heard = await yard.chat(model="gpt-4o")
    assert heard.error is not None
    assert heard.error["message"] == "This provider was told to fail."


async def test_what_no_target_can_be_told_is_refused_as_it_is_without_the_module(
    yard: Yard,
) -> None:
    yard.set("translation.lossy", "strict")
    for name in ("anthropic", "gemini"):
        yard.provider(name).says("hello")
    yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])
    heard = await yard.chat(model="claude-sonnet-4-5", logit_bias={"50": 1})
    assert heard.status == 400
    assert heard.error is not None
    assert heard.error["param"] == "logit_bias"
    assert "module" not in heard.error["stockyard"]


def test_a_row_with_an_unknown_provider_is_refused_with_its_place() -> None:
    row = Chain(targets=(Step(provider="one"), Step(provider="nowhere")))
    with pytest.raises(InvalidConfig) as refused:
        failover(chains=(row,))
    assert refused.value.path == "chains[0].targets[1].provider"


async def test_a_target_known_to_fail_is_skipped_until_its_time_is_up() -> None:
    clock = HandClock()
    module = failover(some_ports(clock), breaker_min_calls=2, breaker_open_seconds=10)
    for _ in range(2):
        await through(an_exchange(), Provider(DOWN, an_answer()), module, choose=[ONE])
    provider, x = Provider(an_answer()), an_exchange()
    await through(x, provider, module, choose=[ONE])
    assert provider.asked == ["two/m"]
    assert notes(x) == ["skipped_open"]
    clock.advance(10)
    provider = Provider(an_answer())
    await through(an_exchange(), provider, module, choose=[ONE])
    assert provider.asked == ["one/m"]


async def test_all_known_to_fail_is_told_without_a_try() -> None:
    module = failover(breaker_min_calls=1)
    with pytest.raises(Refused):
        await through(an_exchange(), Provider(DOWN), module, choose=[ONE])
    provider = Provider(an_answer())
    with pytest.raises(Refused) as refused:
        await through(an_exchange(), provider, module, choose=[ONE])
    assert provider.asked == []
    assert refused.value.retry_after == 15


async def test_opening_and_closing_are_noted() -> None:
    clock = HandClock()
    module = failover(some_ports(clock), breaker_min_calls=1)
    x = an_exchange()
    await through(x, Provider(DOWN, an_answer()), module, choose=[ONE])
    assert notes(x) == ["opened", "moved"]
    clock.advance(15)
    for _ in range(3):
        x = an_exchange()
        await through(x, Provider(an_answer()), module, choose=[ONE])
    assert notes(x) == ["closed"]


async def test_a_request_that_is_wrong_does_not_open_a_breaker() -> None:
    ports = some_ports()
    module = failover(ports, breaker_min_calls=1)
    with pytest.raises(UpstreamError):
        await through(
            an_exchange(), Provider(UpstreamError("bad_request", "No.")), module, choose=[ONE]
        )
    assert ports.health.allow(ONE)


async def test_a_provider_that_asks_for_time_gets_it() -> None:
    ports = some_ports()
    limit = UpstreamError("rate_limited", "Slow down.", status=429, retry_after=30)
    await through(an_exchange(), Provider(limit, an_answer()), failover(ports), choose=[ONE])
    assert ports.health.reopens_in(ONE) == 30


async def test_each_target_starts_from_the_request_as_it_came() -> None:
    seen = []

    async def spoiling(x: Exchange) -> Answer:
        x.attempts.append(Attempt(target=x.target or ONE, started_us=0))
        seen.append((x.request.model, x.untouched))
        x.request = x.request.with_model("spoiled")
        if len(seen) < 3:
            raise DOWN
        return an_answer()

    await through(an_exchange(), spoiling, failover(), choose=[ONE])
    assert seen == [("m", True)] * 3


async def test_a_stream_that_breaks_after_content_is_not_moved_but_counted() -> None:
    ports = some_ports()
    cut = UpstreamError("interrupted", "Cut.")
    provider = Provider(a_stream("hello", error=cut))
    module = failover(ports, breaker_min_calls=2)
    with pytest.raises(UpstreamError) as raised:
        await through(an_exchange(stream=True), provider, module, choose=[ONE])
    assert raised.value is cut
    assert provider.asked == ["one/m"]
    assert not ports.health.allow(ONE)
    assert ports.health.in_flight(ONE) == 0


async def test_a_stream_is_in_flight_until_it_ends() -> None:
    ports, sink = some_ports(), Taken()
    module = failover(ports)
    x = an_exchange(stream=True)
    x.targets = (ONE,)
    answer = await module.around(x, Provider(a_stream("hi")))
    assert ports.health.in_flight(ONE) == 1
    assert isinstance(answer, Stream)
    answer.start(sink)
    assert ports.health.in_flight(ONE) == 0
    assert [e.text for e in sink.taken if isinstance(e, TextDelta)] == ["hi"]


async def test_a_caller_that_leaves_a_stream_proves_nothing() -> None:
    ports = some_ports()
    module = failover(ports, breaker_min_calls=1)
    x = an_exchange(stream=True)
    x.targets = (ONE,)
    answer = await module.around(x, Provider(a_stream("hello")))
    assert isinstance(answer, Stream)
    answer.cancel()
    assert ports.health.in_flight(ONE) == 0
    assert ports.health.allow(ONE)


async def test_repeats_and_targets_together_keep_the_cap() -> None:
    ports = some_ports()
    pilot = RetryPilot(RetryConfig(retries=3, budget_min_per_second=1000), ports)
    provider, x = Provider(DOWN), an_exchange()
    with pytest.raises(UpstreamError):
        await through(x, provider, failover(ports), pilot, choose=[ONE])
    assert len(provider.asked) == 3


async def test_a_stream_tries_no_further_target_when_its_time_is_up() -> None:
    x = an_exchange(stream=True)
    x.started -= 2_000_000_000
    provider = Provider(DOWN)
    with pytest.raises(UpstreamError):
        await through(x, provider, failover(total_seconds=1), choose=[ONE])
    assert provider.asked == ["one/m"]


async def first_asked(module: Failover, times: int) -> Counter[str]:
    counted: Counter[str] = Counter()
    for _ in range(times):
        provider = Provider(an_answer())
        await through(an_exchange(), provider, module, choose=[ONE])
        counted[provider.asked[0]] += 1
    return counted


async def test_round_robin_takes_turns() -> None:
    counted = await first_asked(failover(strategy="round_robin"), 9)
    assert counted == {"one/m": 3, "two/m": 3, "three/m": 3}


async def test_weighted_keeps_the_shares_exactly() -> None:
    row = Chain(targets=(Step(provider="one", weight=100), Step(provider="two", weight=300)))
    counted = await first_asked(failover(chains=(row,), strategy="weighted"), 40)
    assert counted == {"one/m": 10, "two/m": 30}


async def test_least_busy_goes_where_little_runs() -> None:
    ports = some_ports()
    for target in (ONE, ONE, TWO):
        ports.health.allow(target)
    assert await first_asked(failover(ports, strategy="least_busy"), 1) == {"three/m": 1}


async def test_least_latency_takes_the_quicker_of_two() -> None:
    picks = iter([0.0, 0.0])  # the first and the second candidate
    ports = some_ports(random=lambda: next(picks))
    ports.health.report(ONE, ok=True, first_byte_us=9000)
    ports.health.report(TWO, ok=True, first_byte_us=1000)
    assert await first_asked(failover(ports, strategy="least_latency"), 1) == {"two/m": 1}


PICTURE = Message(role="user", parts=(Image(url="https://example.com/a.png"),))


def knowing(**offers: Offer) -> Ports:
    models = TableOfModels(m=["one", "two", "three"])
    models.offers = offers
    return some_ports(models=models)


async def test_the_cheapest_comes_first_and_what_has_no_price_last() -> None:
    ports = knowing(
        two=Offer(lines={"input": 3, "output": 3}), three=Offer(lines={"input": 1, "output": 9})
    )
    provider = Provider(DOWN)
    with pytest.raises(Refused):
        await through(
            an_exchange("x" * 5000), provider, failover(ports, strategy="cheapest"), choose=[ONE]
        )
    assert provider.asked == ["three/m", "two/m", "one/m"]


async def test_how_long_the_answer_may_be_decides_what_is_cheapest() -> None:
    ports = knowing(
        one=Offer(lines={"input": 3, "output": 3}), two=Offer(lines={"input": 1, "output": 9})
    )
    provider = Provider(an_answer())
    x = an_exchange(max_output=9000)
    await through(x, provider, failover(ports, strategy="cheapest"), choose=[ONE])
    assert provider.asked == ["one/m"]


@pytest.mark.parametrize(
    ("content", "offer", "lacks"),
    [
        ({"tools": (Tool(name="f"),)}, Offer(can=("vision",)), ["tools"]),
        ({"tools": (Tool(name="f"),)}, Offer(can=("tools",)), None),
        ({"tools": (Tool(name="f"),)}, Offer(), None),
        ({"messages": (PICTURE,)}, Offer(can=("tools",)), ["vision"]),
        ({"prompt": "x" * 99}, Offer(context=98), ["context"]),
    ],
)
async def test_nobody_is_moved_to_what_cannot_do_it(
    content: dict[str, Any], offer: Offer, lacks: list[str] | None
) -> None:
    provider, x = Provider(DOWN, an_answer()), an_exchange(**content)
    await through(x, provider, failover(knowing(two=offer)), choose=[ONE])
    assert provider.asked == ["one/m", "three/m" if lacks else "two/m"]
    found = [f.detail for f in x.findings if f.action == "skipped_capability"]
    assert found == ([{"target": "two/m", "lacks": lacks}] if lacks else [])


async def test_what_was_asked_for_is_tried_whatever_the_list_says() -> None:
    provider, x = Provider(an_answer()), an_exchange(tools=(Tool(name="f"),))
    await through(x, provider, failover(knowing(one=Offer(can=("vision",)))), choose=[ONE])
    assert provider.asked == ["one/m"]
