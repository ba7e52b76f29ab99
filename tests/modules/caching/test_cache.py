"""Answering from the cache: what is kept, for how long, and what callers see."""

from typing import Any

import pytest
from msgspec.structs import replace

from stockyard.core.events import Event
from stockyard.core.exchange import Exchange
from stockyard.core.folding import fold, unfold
from stockyard.core.inbound import ControlHeaders
from stockyard.core.messages import Finish
from stockyard.core.money import Usage
from stockyard.core.offer import Offer
from stockyard.core.replay import Replay
from stockyard.core.request import Tool
from stockyard.core.response import Raw, Response
from stockyard.core.stream import Answer, Stream
from stockyard.core.target import Target
from stockyard.errors import Abandoned, Refused, UpstreamError
from stockyard.modules.caching.cache import TtlRow
from stockyard.testing.yard import Yard
from tests.builders import (
    HandClock,
    Provider,
    TableOfModels,
    Taken,
    an_answer,
    an_exchange,
    notes,
    some_ports,
    through,
)
from tests.modules.caching.caches import a_cache, asked_twice


async def test_the_same_question_is_answered_from_store() -> None:
    clock = HandClock()
    module, provider = a_cache(some_ports(clock)), Provider(an_answer("four"))
    first, second = an_exchange("2+2"), an_exchange("2+2", id="req_2")
    await through(first, provider, module)
    clock.advance(7)
    answer = await through(second, provider, module)
    assert isinstance(answer, Response)
    assert answer.text == "four"
    assert provider.asked == ["one/m"]
    assert (first.cache_state, second.cache_state) == ("miss", "hit")
    assert second.told == [("Age", "7")]
    assert (notes(first), notes(second)) == (["stored"], ["hit"])
    assert second.usage is None
    assert second.stored_usage == answer.usage


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        (
            Offer(lines={"input": 2_000_000, "output": 10_000_000}),
            [("X-Stockyard-Saved-Micros", "70")],
        ),
        (Offer(), []),
        (None, []),
    ],
)
async def test_a_hit_tells_what_it_saved_at_the_price_of_today(
    offer: Offer | None, told: list[tuple[str, str]]
) -> None:
    models = TableOfModels(m=["one"])
    if offer is not None:
        models.offers["one"] = offer
    module = a_cache(some_ports(models=models))
    usage = Usage(in_fresh=10, out_text=5)
    first, second = an_exchange(), an_exchange()
    first.target = Target("one", "m")
    await through(first, Provider(Response(an_answer().output, usage=usage)), module)
    await through(second, Provider(an_answer()), module)
    assert second.told[1:] == told
    assert second.findings[-1].detail == {
        "age": 0,
        "saved_micros": int(told[0][1]) if told else None,
    }


async def test_a_hit_tells_who_gave_the_answer(yard: Yard) -> None:
    yard.provider("openai").fails(503)
    yard.provider("anthropic").says("hello")
    steps = [{"provider": "anthropic", "model": "claude-sonnet-4-5"}]
    yard.enable("failover", chains=[{"targets": steps}])
    yard.enable("cache")
    for stream in (False, False, True):
        heard = await yard.chat(model="gpt-4o", stream=stream)
        assert heard.text == "hello"
        assert heard.headers["x-stockyard-provider"] == "anthropic"
        assert heard.headers["x-stockyard-model"] == "claude-sonnet-4-5"
    assert heard.events[0].json["model"] == "claude-sonnet-4-5"


async def test_each_hit_is_a_new_object() -> None:
    module, provider = a_cache(), Provider(an_answer())
    answers = [await through(an_exchange(), provider, module) for _ in range(3)]
    outputs = [answer.output for answer in answers if isinstance(answer, Response)]
    assert outputs[1] == outputs[2] == outputs[0]
    assert outputs[1] is not outputs[2]


@pytest.mark.parametrize("stored_as_stream", [False, True])
@pytest.mark.parametrize("asked_as_stream", [False, True])
async def test_streams_and_whole_answers_are_one(
    stored_as_stream: bool, asked_as_stream: bool
) -> None:
    whole = an_answer("hello there")
    given = Replay(unfold(whole.output, whole.usage)) if stored_as_stream else whole
    module = a_cache()
    await through(an_exchange(stream=stored_as_stream), Provider(given), module)
    hit = module.on_request(an_exchange(stream=asked_as_stream))
    assert isinstance(hit, Stream) is asked_as_stream
    if isinstance(hit, Stream):
        sink = Taken()
        hit.start(sink)
        assert sink.ended == "done"
        assert fold(sink.taken) == (whole.output, whole.usage)
    else:
        assert hit is not None
        assert (hit.output, hit.usage) == (whole.output, whole.usage)


async def test_a_whole_answer_keeps_its_bytes_and_only_its_content_type() -> None:
    whole = an_answer()
    fields = [(b"content-type", b"application/json"), (b"set-cookie", b"secret")]
    raw = Raw("openai_chat", 200, fields, b'{"odd":  1}')
    module = a_cache()
    await through(an_exchange(), Provider(Response(whole.output, usage=None, raw=raw)), module)
    hit = module.on_request(an_exchange())
    assert isinstance(hit, Response)
    assert hit.raw == Raw(
        "openai_chat", 200, [(b"content-type", b"application/json")], b'{"odd":  1}'
    )


@pytest.mark.parametrize(
    ("finish", "tools", "kept"),
    [
        ("stop", False, True),
        ("length", False, False),
        ("content_filter", False, False),
        ("tool_calls", False, False),
        ("tool_calls", True, True),
    ],
)
async def test_keeps_only_what_ended_well(finish: Finish, tools: bool, kept: bool) -> None:
    module = a_cache(tools=tools)
    answer = an_answer(finish=finish)
    assert await asked_twice(module, an_exchange(), an_exchange(), answer) is kept


@pytest.mark.parametrize(
    ("config", "fields", "reason"),
    [
        ({"max_temperature": 0.5}, {"temperature": 0.6}, "temperature"),
        ({"max_temperature": 0.5}, {}, "temperature"),
        ({}, {"tools": (Tool(name="a"),)}, "tools"),
        ({"max_entry_bytes": 10}, {}, "size"),
    ],
)
async def test_what_is_not_kept_says_why(
    config: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    module = a_cache(**config)
    x = an_exchange(**fields)
    assert not await asked_twice(module, x, an_exchange(**fields))
    assert x.findings[-1].detail == {"reason": reason}


async def test_mocked_answers_and_errors_are_not_kept() -> None:
    module = a_cache()

    async def mocked(x: Exchange) -> Answer:
        x.simulated = "fixture"
        return an_answer()

    await through(an_exchange(), mocked, module)
    with pytest.raises(UpstreamError):
        await through(an_exchange(), Provider(UpstreamError("overloaded", "Busy.")), module)
    assert module.on_request(an_exchange()) is None


async def test_a_stream_that_broke_is_not_kept() -> None:
    module, whole = a_cache(), an_answer()
    events: list[Event] = unfold(whole.output, whole.usage)
    cut = Replay(events, error=UpstreamError("interrupted", "Cut."))
    with pytest.raises(UpstreamError):
        await through(an_exchange(stream=True), Provider(cut), module)
    assert module.on_request(an_exchange()) is None


async def test_an_answer_is_served_until_its_time_is_up() -> None:
    clock = HandClock()
    rows = (TtlRow(glob="short-*", seconds=10),)
    module = a_cache(some_ports(clock), ttl_seconds=100, ttl_by_model=rows)
    for model in ("m", "short-1"):
        await through(an_exchange(model=model), Provider(an_answer()), module)
    states = []
    for seconds in (9, 1, 89, 1):
        clock.advance(seconds)
        hits = [module.on_request(an_exchange(model=m)) is not None for m in ("m", "short-1")]
        states.append(hits)
    assert states == [[True, True], [True, False], [True, False], [False, False]]


@pytest.mark.parametrize(
    ("asked", "reads", "writes"),
    [
        (ControlHeaders(), True, True),
        (ControlHeaders(cache="exact"), True, True),
        (ControlHeaders(cache="off"), False, False),
        (ControlHeaders(cache="refresh"), False, True),
        (ControlHeaders(cache_control="no-store"), False, False),
        (ControlHeaders(cache_control="No-Cache"), False, True),
        (ControlHeaders(cache_control="max-age=10"), True, True),
        (ControlHeaders(cache_control="max-age=5"), False, True),
        (ControlHeaders(cache_control="max-age=0"), False, True),
    ],
)
async def test_the_caller_s_wishes_are_obeyed(
    asked: ControlHeaders, reads: bool, writes: bool
) -> None:
    clock = HandClock()
    module = a_cache(some_ports(clock))
    await through(an_exchange(), Provider(an_answer("old")), module)
    clock.advance(6)
    x = an_exchange(asked=asked)
    await through(x, Provider(an_answer("new")), module)
    assert (x.cache_state == "hit") is reads
    if not reads:
        kept = module.on_request(an_exchange())
        assert isinstance(kept, Response)
        assert (kept.text == "new") is writes


async def test_the_caller_s_wishes_can_be_switched_off() -> None:
    module = a_cache(caller_control=False)
    x = an_exchange(asked=ControlHeaders(cache="off", cache_control="no-store"))
    assert await asked_twice(module, an_exchange(), x)


async def test_only_if_cached_refuses_a_miss_and_takes_a_hit() -> None:
    module, provider = a_cache(), Provider(an_answer())
    only = ControlHeaders(cache_control="only-if-cached")
    with pytest.raises(Refused) as refused:
        await through(an_exchange(asked=only), provider, module)
    assert (refused.value.status, refused.value.code) == (404, "cache_miss")
    assert provider.asked == []
    await through(an_exchange(), provider, module)
    x = an_exchange(asked=only)
    await through(x, provider, module)
    assert x.cache_state == "hit"


async def test_a_full_cache_keeps_what_is_new() -> None:
    module, provider = a_cache(max_entries=3), Provider(an_answer())
    for prompt in "abcd":
        await through(an_exchange(prompt), provider, module)
    hits = [module.on_request(an_exchange(prompt)) is not None for prompt in "abcd"]
    assert hits == [False, True, True, True]


async def test_a_provider_that_gave_several_choices_is_kept_only_if_all_ended_well() -> None:
    two = an_answer()
    first = two.output.choices[0]
    cut = replace(first, index=1, finish="length")
    answer = Response(replace(two.output, choices=(first, cut)), usage=two.usage)
    assert not await asked_twice(a_cache(), an_exchange(), an_exchange(), answer)


async def test_a_stale_answer_is_served_while_one_call_asks_for_a_new_one() -> None:
    clock = HandClock()
    module, provider = (
        a_cache(some_ports(clock), ttl_seconds=10, stale_seconds=60),
        Provider(an_answer("old"), an_answer("new")),
    )
    await through(an_exchange(), provider, module)
    clock.advance(11)
    refreshing = an_exchange(id="req_2")
    assert module.on_request(refreshing) is None
    others = [an_exchange(id=f"req_{n}") for n in (3, 4)]
    answers = [await through(x, provider, module) for x in others]
    assert [answer.text for answer in answers if isinstance(answer, Response)] == ["old", "old"]
    assert [x.cache_state for x in others] == ["stale", "stale"]
    refreshing.response = an_answer("new")
    module.on_response(refreshing)
    last = an_exchange(id="req_5")
    answer = await through(last, provider, module)
    assert isinstance(answer, Response)
    assert (answer.text, last.cache_state) == ("new", "hit")
    assert len(provider.asked) == 1


async def test_a_stale_answer_stands_in_for_a_new_one_that_does_not_come() -> None:
    clock = HandClock()
    module = a_cache(some_ports(clock), ttl_seconds=10, stale_seconds=60)
    provider = Provider(an_answer("old"), UpstreamError("overloaded", "Busy."), an_answer("new"))
    await through(an_exchange(), provider, module)
    clock.advance(11)
    failed = an_exchange(id="req_2")
    answer = await through(failed, provider, module)
    assert isinstance(answer, Response)
    assert (answer.text, failed.cache_state) == ("old", "stale")
    again = an_exchange(id="req_3")
    answer = await through(again, provider, module)
    assert isinstance(answer, Response)
    assert answer.text == "new"


async def test_nothing_is_served_beyond_the_stale_time() -> None:
    clock = HandClock()
    module = a_cache(some_ports(clock), ttl_seconds=10, stale_seconds=60)
    provider = Provider(an_answer("old"), UpstreamError("overloaded", "Busy."))
    await through(an_exchange(), provider, module)
    clock.advance(71)
    with pytest.raises(UpstreamError):
        await through(an_exchange(id="req_2"), provider, module)


async def test_a_caller_that_leaves_ends_its_asking_for_a_new_answer() -> None:
    clock = HandClock()
    module = a_cache(some_ports(clock), ttl_seconds=10, stale_seconds=60)
    await through(an_exchange(), Provider(an_answer("old")), module)
    clock.advance(11)
    left = an_exchange(id="req_2")
    module.on_request(left)
    assert module.on_error(left, Abandoned()) is None
    next_one = an_exchange(id="req_3")
    assert module.on_request(next_one) is None
    assert next_one.cache_state == "miss"


@pytest.mark.parametrize(
    "asked", [ControlHeaders(cache="off"), ControlHeaders(cache_control="no-store")]
)
async def test_a_caller_who_wants_no_part_in_it_is_noted(asked: ControlHeaders) -> None:
    x = an_exchange(asked=asked)
    await through(x, Provider(an_answer()), a_cache())
    assert [(finding.action, finding.detail) for finding in x.findings] == [
        ("skipped", {"reason": "asked"})
    ]
    assert x.cache_state == "off"


@pytest.mark.parametrize(("back", "served"), [(1, True), (59, True), (61, False), (3600, False)])
async def test_an_answer_from_the_future_is_not_served_when_the_clock_was_set_back(
    back: float, *, served: bool
) -> None:
    clock = HandClock()
    module, provider = a_cache(some_ports(clock)), Provider(an_answer("four"))
    await through(an_exchange("2+2"), provider, module)
    clock.seconds -= back
    second, third = an_exchange("2+2", id="req_2"), an_exchange("2+2", id="req_3")
    await through(second, provider, module)
    await through(third, provider, module)

    assert (second.cache_state == "hit") is served
    assert third.cache_state == "hit"
