"""What a call costs: every part of its usage once, in integers, and never a guess."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from stockyard.core.money import Usage
from stockyard.core.price import (
    DIMENSIONS,
    KIND_OF,
    PER_TOKEN,
    Cost,
    Price,
    Rates,
    TimedRates,
    rate_of,
    tokens_of,
)

NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1000)
SIMPLE = Price(lines={"input": 150_000, "output": 600_000})

ADDING = [
    "in_fresh",
    "in_cached",
    "in_written_5m",
    "in_written_30m",
    "in_written_1h",
    "in_written_12h",
    "in_written_other",
    "in_tool",
    "out_text",
    "out_reasoning",
]
REFINING = [
    *("in_audio", "in_image", "out_audio", "out_image"),
    *("in_cached_audio", "in_cached_image"),
]
OTHER_MEASURES = ["billed_in", "billed_out", "server_tools", "units"]
NOT_PAID_FOR = ["provider_cost_micros", "source", "flags"]

counts = st.integers(0, 2_000_000)


@st.composite
def parts_of(draw: Any, whole: int) -> tuple[int, int]:
    """How many of so many tokens are sound, and how many are pictures."""
    heard = draw(st.integers(0, whole))
    return heard, draw(st.integers(0, whole - heard))


@st.composite
def usages(draw: Any) -> Usage:
    said = {name: draw(counts) for name in ADDING}
    heard, seen = draw(parts_of(said["in_fresh"]))
    before = draw(parts_of(said["in_cached"]))
    said["in_cached_audio"], said["in_cached_image"] = before
    said["in_audio"], said["in_image"] = heard + before[0], seen + before[1]
    said["out_audio"] = draw(st.integers(0, said["out_text"]))
    said["out_image"] = draw(st.integers(0, said["out_text"] - said["out_audio"]))
    return Usage(**said)


rates = st.integers(0, 10**12)
prices = st.builds(
    lambda usual, special: Price(lines={**special, **usual}),
    st.fixed_dictionaries({"input": rates, "output": rates}),
    st.dictionaries(st.sampled_from(sorted(PER_TOKEN)), rates),
)


def cost_of(price: Price, usage: Usage, **more: Any) -> Cost:
    return price.cost(usage, **{"at_ms": NOON, **more})


def test_the_example_of_the_specification_comes_out_to_the_last_millionth() -> None:
    cost = cost_of(SIMPLE, Usage(in_fresh=1_234, out_text=456))
    assert (cost.micros, cost.rem, cost.state) == (458, 700_000, "priced")


def test_a_million_calls_of_a_tenth_of_a_micro_dollar_make_a_hundred_thousand() -> None:
    tenth = cost_of(Price(lines={"input": 100_000}), Usage(in_fresh=1))
    assert (tenth.micros, tenth.rem) == (0, 100_000)
    assert tenth.picodollars is not None
    assert tenth.picodollars * 1_000_000 == 100_000 * 1_000_000


@pytest.mark.parametrize(
    ("usage", "lines", "parts"),
    [
        (Usage(in_cached=10), {"input": 5}, {"cache_read": 50}),
        (Usage(in_cached=10), {"input": 5, "cache_read": 1}, {"cache_read": 10}),
        (Usage(in_written_5m=10), {"input": 5, "cache_write_5m": 6}, {"cache_write_5m": 60}),
        (Usage(in_written_30m=10), {"input": 5, "cache_write_5m": 6}, {"cache_write_5m": 60}),
        (Usage(in_written_other=10), {"input": 5, "cache_write_5m": 6}, {"cache_write_5m": 60}),
        (Usage(in_written_1h=10), {"input": 5, "cache_write_1h": 9}, {"cache_write_1h": 90}),
        (Usage(in_written_12h=10), {"input": 5, "cache_write_5m": 6}, {"cache_write_1h": 60}),
        (Usage(in_tool=10), {"input": 5}, {"input": 50}),
        (Usage(out_reasoning=10), {"output": 7}, {"reasoning": 70}),
        (Usage(out_reasoning=10), {"output": 7, "reasoning": 9}, {"reasoning": 90}),
        (
            Usage(in_fresh=10, in_audio=4, in_image=1),
            {"input": 1, "audio_in": 20, "image_in": 300},
            {"input": 5, "audio_in": 80, "image_in": 300},
        ),
        (
            Usage(in_fresh=2, in_cached=10, in_audio=6),
            {"input": 1, "cache_read": 1, "audio_in": 20, "audio_cache_read": 8},
            {"audio_in": 40, "cache_read": 6, "audio_cache_read": 32},
        ),
        (
            Usage(in_fresh=20, in_cached=10, in_audio=16, in_cached_audio=6),
            {"input": 1, "cache_read": 1, "audio_in": 20, "audio_cache_read": 8},
            {"input": 10, "audio_in": 200, "cache_read": 4, "audio_cache_read": 48},
        ),
        (
            Usage(in_fresh=20, in_cached=10, in_image=12, in_cached_image=10, in_audio=4),
            {"input": 1, "cache_read": 1, "image_in": 5, "audio_in": 20, "image_cache_read": 2},
            {"input": 14, "audio_in": 80, "image_in": 10, "image_cache_read": 20},
        ),
        (
            Usage(in_fresh=2, in_cached=10, in_audio=8, in_cached_audio=90, in_cached_image=90),
            {"input": 1, "cache_read": 1, "audio_in": 20, "audio_cache_read": 8},
            {"input": 2, "cache_read": 2, "audio_cache_read": 64},
        ),
        (
            Usage(out_text=10, out_audio=3, out_image=2),
            {"output": 1, "audio_out": 50, "image_out": 600},
            {"output": 5, "audio_out": 150, "image_out": 1_200},
        ),
        (Usage(in_fresh=502, in_cached=448, billed_in=7), {"input": 5}, {"input": 35}),
        (Usage(out_text=9, out_reasoning=9, billed_out=2), {"output": 5}, {"output": 10}),
        (Usage(server_tools={"web_search": 3}), {"search": 10}, {"search": 30}),
        (Usage(server_tools={"code": 3}), {"tool_call": 10}, {"tool_call": 30}),
        (Usage(in_fresh=1), {"input": 5, "request": 100}, {"input": 5, "request": 100}),
        (Usage(units={"rerank_unit": 2}), {"rerank_unit": 9}, {"rerank_unit": 18}),
    ],
)
def test_each_part_has_its_own_rate_or_that_of_a_more_general_part(
    usage: Usage, lines: dict[str, int], parts: dict[str, int]
) -> None:
    cost = cost_of(Price(lines=lines), usage)
    assert {part.dimension: part.quantity * part.rate for part in cost.parts} == parts
    assert cost.picodollars == sum(parts.values())


@pytest.mark.parametrize(
    ("usage", "lines", "missing"),
    [
        (Usage(in_fresh=1), {}, ("input",)),
        (Usage(), {}, ()),
        (Usage(in_fresh=1, out_text=1), {"input": 5}, ("output",)),
        (Usage(in_fresh=1, server_tools={"code": 1}), {"input": 5}, ("tool_call",)),
        (Usage(units={"second": 3}), {"input": 5}, ("second",)),
    ],
)
def test_what_has_no_rate_leaves_the_call_unpriced_and_is_never_zero(
    usage: Usage, lines: dict[str, int], missing: tuple[str, ...]
) -> None:
    cost = cost_of(Price(lines=lines), usage)
    assert (cost.state, cost.picodollars, cost.micros, cost.rem) == ("unpriced", None, None, None)
    assert cost.missing == missing


def test_free_is_a_declared_zero() -> None:
    cost = cost_of(Price(lines={"input": 0, "output": 0}), Usage(in_fresh=9, out_text=9))
    assert (cost.state, cost.micros) == ("free", 0)


def test_estimated_quantities_make_an_estimated_cost() -> None:
    for source in ("estimated", "mixed"):
        assert cost_of(SIMPLE, Usage(in_fresh=1, source=source)).state == "estimated"


@pytest.mark.parametrize(
    ("lines", "picodollars"),
    [
        ({"input": 5, "output": 7}, 5 * 10 + 7 * 20),  # sold by tokens
        ({"image": 1_000}, 3_000),  # sold by images, whatever tokens it took
        ({"input": 5, "output": 7, "image": 1_000}, 5 * 10 + 7 * 20 + 3_000),  # by both
    ],
)
def test_a_call_that_is_measured_twice_is_paid_for_as_it_is_sold(
    lines: dict[str, int], picodollars: int
) -> None:
    usage = Usage(in_fresh=10, out_text=20, units={"image": 3})
    assert cost_of(Price(lines=lines), usage).picodollars == picodollars


@pytest.mark.parametrize(
    ("prompt", "rate"), [(200_000, 1), (200_001, 2), (272_001, 3), (1_000_000, 3)]
)
def test_a_long_prompt_makes_the_whole_call_dearer(prompt: int, rate: int) -> None:
    price = Price(
        lines={"input": 1, "output": 1, "cache_read": 0},
        above={272_000: {"input": 3}, 200_000: {"input": 2, "output": 10}},
    )
    usage = Usage(in_fresh=prompt - 1_000, in_cached=1_000, out_text=1)
    dearer = 10 if prompt > 200_000 else 1
    assert cost_of(price, usage).picodollars == (prompt - 1_000) * rate + dearer


def test_a_service_tier_has_its_own_rates_and_an_unknown_one_no_price() -> None:
    price = Price(
        lines={"input": 10, "output": 20},
        above={100: {"input": 100}},
        tiers={"batch": Rates(lines={"input": 5}, above={100: {"input": 50}})},
    )
    usage = Usage(in_fresh=100, out_text=1)
    assert cost_of(price, usage).picodollars == 1_020
    assert cost_of(price, usage, tier="batch").picodollars == 520
    assert cost_of(price, replace(usage, in_fresh=101), tier="batch").picodollars == 5_070
    assert cost_of(price, usage, tier="priority").state == "unpriced"


@pytest.mark.parametrize(
    ("moment", "rate"),
    [
        ("2026-11-21 00:59", 1),
        ("2026-11-21 01:00", 2),
        ("2026-11-21 03:59", 2),
        ("2026-11-21 04:00", 1),
        ("2026-11-21 22:00", 3),
        ("2026-11-22 00:29", 3),
        ("2026-11-22 00:30", 1),
        ("2026-12-31 23:59", 3),
        ("2027-01-01 00:00", 4),
        ("2027-01-01 02:00", 4),
    ],
)
def test_a_price_may_change_on_a_day_and_at_hours_of_every_day(moment: str, rate: int) -> None:
    price = Price(
        lines={"input": 1},
        times=(
            TimedRates(lines={"input": 2}, minutes=(60, 240)),
            TimedRates(lines={"input": 3}, minutes=(22 * 60, 30)),
            TimedRates(lines={"input": 4}, since=date(2027, 1, 1)),
        ),
    )
    at_ms = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)
    assert cost_of(price, Usage(in_fresh=1), at_ms=at_ms).picodollars == rate


def test_whoever_adds_a_count_to_usage_must_say_what_it_costs() -> None:
    known = {*ADDING, *REFINING, *OTHER_MEASURES, *NOT_PAID_FOR}
    assert known == set(Usage.__struct_fields__)


def test_every_part_has_a_rate_where_input_and_output_have_one() -> None:
    assert set(KIND_OF) | set(KIND_OF.values()) <= DIMENSIONS
    assert all(rate_of(dimension, {"input": 1, "output": 1}) for dimension in PER_TOKEN)


@given(usages())
def test_every_token_is_paid_for_exactly_once(usage: Usage) -> None:
    assert sum(tokens_of(usage).values()) == usage.total
    assert all(quantity > 0 for quantity in tokens_of(usage).values())


@given(st.builds(Usage, **dict.fromkeys((*ADDING, *REFINING), counts)))
def test_splits_that_cannot_be_true_neither_add_nor_lose_a_token(usage: Usage) -> None:
    assert sum(tokens_of(usage).values()) == usage.total
    assert all(quantity > 0 for quantity in tokens_of(usage).values())


@given(prices, usages(), usages())
def test_two_calls_cost_what_they_cost_together(price: Price, one: Usage, other: Usage) -> None:
    both = Usage(
        **{name: getattr(one, name) + getattr(other, name) for name in (*ADDING, *REFINING)}
    )
    costs = [cost_of(price, usage).picodollars for usage in (one, other, both)]
    assert costs[0] is not None
    assert costs[1] is not None
    assert costs[0] + costs[1] == costs[2]


@given(prices, usages(), st.sampled_from(ADDING), counts)
def test_more_tokens_never_cost_less(price: Price, usage: Usage, name: str, more: int) -> None:
    larger = replace(usage, **{name: getattr(usage, name) + more})
    before, after = cost_of(price, usage).picodollars, cost_of(price, larger).picodollars
    assert before is not None
    assert after is not None
    assert before <= after


@given(prices, usages())
def test_no_float_comes_near_money(price: Price, usage: Usage) -> None:
    cost = cost_of(price, usage)
    for value in (
        *asdict(cost).values(),
        cost.micros,
        cost.rem,
        *(n for p in cost.parts for n in p),
    ):
        assert not isinstance(value, float)
    assert cost.micros is not None
    assert cost.rem is not None
    assert cost.micros * 1_000_000 + cost.rem == cost.picodollars
    assert 0 <= cost.rem < 1_000_000
