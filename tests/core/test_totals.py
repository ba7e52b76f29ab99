"""What a call came to in the end."""

import pytest

from stockyard.core.money import Usage
from stockyard.core.target import Attempt, Target
from stockyard.core.totals import gateway_us, totals, waited_us
from tests.builders import an_exchange

T = Target("one", "m-1")


def test_the_totals_say_what_is_known() -> None:
    x = an_exchange()
    assert set(totals(x)) == {"trace_id", "latency_ms"}
    x.target, x.usage, x.cache_state = T, Usage(in_fresh=2, out_text=3), "miss"
    x.attempts += [Attempt(target=T, started_us=0, ended_us=1) for _ in range(2)]
    figures = totals(x)
    figures.pop("latency_ms")
    assert figures == {
        "trace_id": "tr_1",
        "provider": "one",
        "model": "m-1",
        "tokens_in": 2,
        "tokens_out": 3,
        "cache": "miss",
        "attempts": 2,
    }


def test_the_time_of_providers_is_not_ours() -> None:
    x = an_exchange()
    x.attempts.append(Attempt(target=T, started_us=100, ended_us=400))
    x.attempts.append(Attempt(target=T, started_us=500, first_content_us=900))
    assert gateway_us(x, 1000) == 300
    x.attempts.append(Attempt(target=T, started_us=950))
    assert gateway_us(x, 1000) == 250


@pytest.mark.parametrize(
    ("spans", "waited"),
    [
        ([], 0),
        ([(10, 30)], 20),
        ([(10, 30), (40, 50)], 30),
        ([(10, 30), (20, 50)], 40),
        ([(10, 50), (20, 30)], 40),
        ([(10, None)], 90),
        ([(10, None), (20, 50)], 90),
    ],
)
def test_overlapping_attempts_are_not_waited_for_twice(
    spans: list[tuple[int, int | None]], waited: int
) -> None:
    attempts = [Attempt(T, begun, ended_us=ended) for begun, ended in spans]
    assert waited_us(attempts, 100) == waited
