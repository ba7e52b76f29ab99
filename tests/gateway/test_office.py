"""Who is told when a call ends, and how often."""

from stockyard.core.signals import ExchangeFinished
from stockyard.gateway.declined import Declined
from stockyard.testing.yard import Yard


async def test_a_call_is_announced_once_even_if_it_is_ended_twice(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    await yard.open()
    announced: list[ExchangeFinished] = []
    yard.stockyard.signals.listen(ExchangeFinished, "test", announced.append)

    await yard.chat("hi", model="gpt-4o")
    (signal,) = announced
    calls = yard.stockyard.meters.calls
    yard.stockyard.office.finished(Declined(signal.exchange))

    assert len(announced) == 1
    assert yard.stockyard.meters.calls == calls
