"""Targets that keep failing are avoided until their time is up."""

import pytest

from stockyard.core.events import TextDelta
from stockyard.core.stream import Stream
from stockyard.errors import Refused, UpstreamError
from tests.builders import (
    HandClock,
    Provider,
    Taken,
    a_stream,
    an_answer,
    an_exchange,
    notes,
    some_ports,
    through,
)
from tests.modules.routing.failovers import DOWN, ONE, failover


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
