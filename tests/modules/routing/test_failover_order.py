"""In which order targets are tried, and which are skipped because they cannot do it."""

from collections import Counter
from typing import Any

import pytest

from stockyard.core.messages import Image, Message
from stockyard.core.offer import Offer
from stockyard.core.ports import Ports
from stockyard.core.request import Tool
from stockyard.errors import Refused
from stockyard.modules.routing.failover import Chain, Failover, Step
from tests.builders import Provider, TableOfModels, an_answer, an_exchange, some_ports, through
from tests.modules.routing.failovers import DOWN, ONE, TWO, failover


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
