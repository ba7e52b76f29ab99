"""Prepared replies, delays and faults in a provider's place."""

from typing import Any

import pytest

from stockyard.core.caller import Caller
from stockyard.core.events import TextDelta
from stockyard.core.fixture import Fixture, MockCall, MockUsage
from stockyard.core.folding import fold
from stockyard.core.messages import Image, Message, Text, ToolCall
from stockyard.core.request import OutputForm
from stockyard.core.response import Response
from stockyard.core.stream import Stream
from stockyard.errors import InvalidConfig, Refused, UpstreamError
from stockyard.modules.caching.cache import Cache
from stockyard.modules.caching.cache import Config as CacheConfig
from stockyard.modules.forge.mockllm import Config, Faults, MockLlm, Pace
from stockyard.modules.reliability.retrypilot import Config as RetryConfig
from stockyard.modules.reliability.retrypilot import RetryPilot
from stockyard.testing.yard import Yard
from tests.builders import (
    HandClock,
    Provider,
    Taken,
    an_answer,
    an_exchange,
    notes,
    some_ports,
    through,
)
from tests.modules.forge.mocks import said

IMAGE = Message(role="user", parts=(Image(url="https://example.com/a.png"),))
AT_ONCE = Pace(first_event_ms=0, tokens_per_second=0)


def mock(*fixtures: Fixture, clock: HandClock | None = None, **config: Any) -> MockLlm:
    config.setdefault("pace", AT_ONCE)
    return MockLlm(Config(fixtures=fixtures, **config), some_ports(clock))


def a_fixture(reply: str = "hello", **fields: Any) -> Fixture:
    return Fixture(**{"name": "f", "reply": reply, **fields})


@pytest.mark.parametrize(
    ("fields", "prompt", "matches"),
    [
        ({}, "anything", True),
        ({"match": "exact", "text": "hi"}, "hi", True),
        ({"match": "exact", "text": "hi"}, "hi you", False),
        ({"match": "contains", "text": "hi"}, "oh hi you", True),
        ({"match": "contains", "text": "hi"}, "hello", False),
        ({"match": "regex", "text": r"^h.+o$"}, "hello", True),
        ({"match": "regex", "text": r"^h.+o$"}, "hi", False),
        ({"model": "m*"}, "hi", True),
        ({"model": "gpt-*"}, "hi", False),
        ({"when": "key == 'dev' and 'x' in text"}, "x", True),
        ({"when": "key == 'dev' and 'x' in text"}, "y", False),
        ({"when": "nothing.of.this > 3"}, "y", False),
    ],
)
async def test_the_first_fixture_that_matches_answers(
    fields: dict[str, Any], prompt: str, matches: bool
) -> None:
    module = mock(a_fixture("mocked", **fields), unmatched="pass")
    x = an_exchange(prompt)
    assert await said(module, x) == ("mocked" if matches else "the provider")
    assert x.simulated == ("f" if matches else "")
    assert (("X-Stockyard-Simulated", "f") in x.told) is matches


async def test_a_condition_that_fails_is_noted() -> None:
    x = an_exchange()
    await said(mock(a_fixture(when="nothing.of.this > 3"), unmatched="echo"), x)
    assert notes(x) == ["expr_error", "answered"]


@pytest.mark.parametrize(
    ("unmatched", "text"), [("echo", "my words"), ("pass", "the provider"), ("refuse", None)]
)
async def test_a_call_without_a_fixture(unmatched: str, text: str | None) -> None:
    module, x = mock(unmatched=unmatched), an_exchange("my words")
    if text is not None:
        assert await said(module, x) == text
        return
    with pytest.raises(Refused) as refused:
        await said(module, x)
    assert (refused.value.status, refused.value.code) == (404, "mock_no_match")


async def test_only_the_named_keys_are_mocked() -> None:
    module = mock(a_fixture("mocked"), keys=("dev",))
    dev, prod = (an_exchange(caller=Caller(key_id=n, key_name=n)) for n in ("dev", "prod"))
    assert await said(module, dev) == "mocked"
    assert await said(module, prod) == "the provider"


async def test_a_fixture_is_used_up() -> None:
    module = mock(a_fixture("first", times=2), a_fixture("then", name="g"))
    assert [await said(module, an_exchange()) for _ in range(3)] == ["first", "first", "then"]


async def test_a_reply_is_filled_in() -> None:
    module = mock(a_fixture("{{ key }} said {{ text|upper }}, {{ {'b': [1], 'a': none} }}"))
    assert await said(module, an_exchange("hi")) == 'dev said HI, {"a":null,"b":[1]}'


async def test_a_reply_can_be_a_value_or_tool_calls() -> None:
    assert await said(mock(a_fixture(reply_json={"a": 1})), an_exchange()) == '{"a":1}'
    calls = (MockCall(name="look", arguments={"at": "it"}), MockCall(name="wait"))
    answer = await through(an_exchange(), Provider(an_answer()), mock(a_fixture(tool_calls=calls)))
    assert isinstance(answer, Response)
    choice = answer.output.choices[0]
    made = [part for part in choice.message.parts if isinstance(part, ToolCall)]
    assert [(c.name, c.arguments) for c in made] == [("look", '{"at":"it"}'), ("wait", "{}")]
    assert len({c.id for c in made}) == 2
    assert choice.finish == "tool_calls"


async def test_usage_is_what_the_fixture_says_or_counted() -> None:
    used = []
    for usage in (MockUsage(prompt=7, completion=9), None):
        module = mock(a_fixture("hello", usage=usage))
        answer = await through(an_exchange("hi"), Provider(an_answer()), module)
        assert isinstance(answer, Response)
        assert answer.usage is not None
        used.append((answer.usage.prompt, answer.usage.completion, answer.usage.source))
    assert used == [(7, 9, "reported"), (2, 5, "estimated")]


async def test_a_stream_says_the_same_as_a_whole_answer_piece_by_piece() -> None:
    module = mock(a_fixture("a longer reply, in pieces"))
    x = an_exchange(stream=True)
    answer = await module.around(x, Provider(an_answer()))
    assert isinstance(answer, Stream)
    sink = Taken()
    answer.start(sink)
    assert len([e for e in sink.taken if isinstance(e, TextDelta)]) == 7
    whole = await module.around(an_exchange(), Provider(an_answer()))
    assert isinstance(whole, Response)
    output, usage = fold(sink.taken)
    assert output.choices == whole.output.choices
    assert usage == whole.usage


async def test_answers_come_at_the_pace_that_is_set() -> None:
    clock = HandClock()
    pace = Pace(first_event_ms=200, tokens_per_second=10, jitter_ratio=0)
    module = mock(a_fixture("12345678"), clock=clock, pace=pace)
    answer = await module.around(an_exchange(stream=True), Provider(an_answer()))
    assert clock.slept == [0.2]
    assert isinstance(answer, Stream)
    sink = Taken()
    answer.start(sink)
    for waited in range(1, 30):
        assert len(sink.taken) == waited
        clock.advance(0.11)
        if sink.ended:
            break
    assert sink.ended == "done"


@pytest.mark.parametrize(
    ("fields", "kind", "status"),
    [
        ({"status": 500}, "provider_fault", 500),
        ({"status": 502}, "provider_fault", 502),
        ({"status": 503}, "overloaded", 503),
        ({"status": 529}, "overloaded", 529),
        ({"status": 429}, "rate_limited", 429),
        ({"status": 401}, "auth", 401),
        ({"status": 404}, "model_unknown", 404),
        ({"status": 400}, "bad_request", 400),
        ({"fail_at": "connect"}, "unreachable", None),
        ({"fail_at": "first_byte"}, "timeout", None),
        ({"fail_at": "after_events", "after_events": 1}, "interrupted", None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_faults_are_typed_as_a_provider_s(
    fields: dict[str, Any], kind: str, status: int | None, stream: bool
) -> None:
    x = an_exchange(stream=stream)
    with pytest.raises(UpstreamError) as raised:
        await said(mock(a_fixture(**fields)), x)
    assert (raised.value.kind, raised.value.status) == (kind, status)
    (attempt,) = x.attempts
    assert (attempt.outcome, attempt.error, attempt.status) == ("failed", kind, status)
    assert notes(x) == ["fault"]


async def test_a_stream_breaks_off_after_so_many_events() -> None:
    module = mock(a_fixture("a longer reply", fail_at="after_events", after_events=5))
    answer = await module.around(an_exchange(stream=True), Provider(an_answer()))
    assert isinstance(answer, Stream)
    sink = Taken()
    answer.start(sink)
    assert len(sink.taken) == 5
    assert isinstance(sink.ended, UpstreamError)


async def test_a_failing_fixture_and_repeats_end_well() -> None:
    module = mock(a_fixture(status=500, times=2), a_fixture("at last", name="g"))
    ports = some_ports()
    pilot = RetryPilot(RetryConfig(), ports)
    x = an_exchange()
    answer = await through(x, Provider(an_answer()), pilot, module)
    assert isinstance(answer, Response)
    assert answer.text == "at last"
    assert [a.status for a in x.attempts] == [500, 500, 200]


async def test_a_mocked_answer_is_not_kept() -> None:
    module, cache = mock(a_fixture()), Cache(CacheConfig(), some_ports())
    x = an_exchange()
    await through(x, Provider(an_answer()), cache, module)
    assert cache.on_request(an_exchange()) is None
    assert x.findings[-1].detail == {"reason": "simulated"}


async def fates(seed: int) -> list[str]:
    faults = Faults(error_ratio=0.3, status=503, cut_ratio=0.3)
    module = mock(a_fixture(), faults=faults, seed=seed)
    fates = []
    for _ in range(60):
        try:
            fates.append(await said(module, an_exchange()))
        except UpstreamError as error:
            fates.append(error.kind)
    return fates


async def test_the_same_seed_gives_the_same_faults() -> None:
    assert await fates(7) == await fates(7)
    assert await fates(7) != await fates(8)
    assert set(await fates(7)) == {"hello", "overloaded", "interrupted"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"when": "1 +"}, "fixtures[1]"),
        ({"when": "range(9)"}, "fixtures[1]"),
        ({"reply": "{% for x in y %}"}, "fixtures[1]"),
        ({"match": "regex", "text": "("}, "fixtures[1].text"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        mock(a_fixture(), a_fixture(**fields))
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("when", "content", "matches"),
    [
        ("has_images", {"messages": (IMAGE,)}, True),
        ("has_images", {}, False),
        ("has_schema", {"output": OutputForm(kind="json_schema")}, True),
        ("has_schema", {"output": OutputForm(kind="json_object")}, False),
        ("tokens == 2 and turns == 1", {}, True),
        ("hour == 13 and weekday == 0", {}, True),
        ("user == 'ann'", {"end_user": "ann"}, True),
    ],
)
async def test_conditions_see_what_a_call_is(
    when: str, content: dict[str, Any], matches: bool
) -> None:
    module = mock(a_fixture("mocked", when=when), unmatched="pass")
    assert await said(module, an_exchange(**content)) == ("mocked" if matches else "the provider")


async def test_as_many_choices_come_as_were_asked_for() -> None:
    answer = await through(an_exchange(n=3), Provider(an_answer()), mock(a_fixture()))
    assert isinstance(answer, Response)
    assert [choice.message.text for choice in answer.output.choices] == ["hello"] * 3
    assert [choice.index for choice in answer.output.choices] == [0, 1, 2]


async def test_every_prompt_of_a_completion_is_answered() -> None:
    prompts = tuple(Message(role="user", parts=(Text(text=text),)) for text in "ab")
    x = an_exchange(messages=prompts, apart=True, n=2, kind="completions")
    answer = await through(x, Provider(an_answer()), mock(a_fixture()))
    assert isinstance(answer, Response)
    assert len(answer.output.choices) == 4


async def test_how_long_somebody_listens_does_not_move_the_faults() -> None:
    async def fate(listens: bool) -> list[bool]:
        clock = HandClock()
        paced = Pace(first_event_ms=1, tokens_per_second=10, jitter_ratio=0.5)
        faults = Faults(error_ratio=0.5)
        module = mock(a_fixture("hello you"), clock=clock, pace=paced, faults=faults, seed=7)
        failed = []
        for _ in range(12):
            try:
                stream = await module.around(an_exchange(stream=True), Provider(an_answer()))
            except UpstreamError:
                failed.append(True)
                continue
            failed.append(False)
            assert isinstance(stream, Stream)
            stream.start(Taken())
            if listens:
                clock.advance(60)
            stream.cancel()
        return failed

    assert await fate(listens=True) == await fate(listens=False)
    assert len(set(await fate(listens=True))) == 2


async def test_a_fixture_is_for_a_model_whatever_stands_in_front_of_its_name(yard: Yard) -> None:
    yard.provider("openai").says("the provider")
    yard.enable("mockllm", fixtures=[{"name": "f", "model": "gpt-*", "reply": "mocked"}])
    for name in ("gpt-4o", "openai/gpt-4o"):
        assert (await yard.chat("hi", model=name)).text == "mocked"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_reply_that_cannot_be_filled_in_is_an_error_and_reaches_no_provider(
    yard: Yard, stream: bool
) -> None:
    provider = yard.provider("openai").says("the provider")
    yard.enable("mockllm", fixtures=[{"name": "f", "reply": "{{ nobody.name.first }}"}])
    heard = await yard.chat("hi", model="gpt-4o", stream=stream)
    assert heard.status == 502
    assert await yard.quiet()
    assert yard.last.findings == ["mockllm expr_error", "mockllm fault"]
    assert not provider.requests


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_a_provider_answers_after_a_mocked_fault_is_real(
    yard: Yard, stream: bool
) -> None:
    yard.provider("openai").says("hello").counts(9, 12)
    fault = {"name": "chaos", "status": 503, "times": 1}
    yard.enable("mockllm", unmatched="pass", fixtures=[fault], pace={"first_event_ms": 0})
    yard.enable("retrypilot", base_ms=1, budget_ratio=1)
    yard.enable("ratelimit", limits=[{"by": "key", "tokens": 100}])
    yard.enable("cache")
    heard = await yard.chat("hi", model="gpt-4o", stream=stream)
    assert heard.text == "hello"
    assert "x-stockyard-simulated" not in heard.headers
    assert await yard.quiet()
    assert yard.last.exchange.simulated == ""
    assert "cache stored" in yard.last.findings
    told = (await yard.chat("ho", model="gpt-4o")).headers
    assert int(told["x-ratelimit-remaining-tokens"]) < 100 - 21
