"""Which failures move a call to which target, and what its caller sees."""

from contextlib import nullcontext

import pytest

from stockyard.core.exchange import Constraints, Exchange
from stockyard.core.inbound import ControlHeaders
from stockyard.core.response import Response
from stockyard.core.stream import Answer
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
from stockyard.modules.routing.failover import Chain, Step
from stockyard.testing.yard import Yard
from tests.builders import Provider, an_answer, an_exchange, notes, some_ports, through
from tests.modules.routing.failovers import DOWN, ONE, THREE, TWO, failover


def a_refusal() -> Refused:
    """Of some module nearer to the provider."""
    refused = Refused(403, "policy_blocked", "No.")
    refused.module = "guard"
    return refused


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
    provider, x = Provider(DOWN), an_exchange(asked=ControlHeaders(fallback="off"))
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
