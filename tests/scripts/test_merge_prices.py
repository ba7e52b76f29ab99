"""How the price list is made of two collections."""

from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from scripts.prices import genai, litellm
from scripts.prices.merge import Shelf, merged
from scripts.prices.told import Report, Told, rate
from stockyard.core.offer import Offer
from stockyard.core.price import Rates, TimedRates, rate_of

DAY = date(2026, 11, 21)


def told(*names: str, provider: str = "openai", snapshots: Any = (), **offer: Any) -> Told:
    return Told(provider=provider, names=names, snapshots=snapshots, offer=Offer(**offer))


def shelf_of(winner: list[Told], filler: list[Told]) -> tuple[Shelf, Report]:
    report = Report()
    return merged(winner, filler, report)["openai"], report


def test_the_first_collection_wins_and_the_difference_is_told() -> None:
    shelf, report = shelf_of(
        [told("m", lines={"input": 2_500_000, "output": 5})],
        [told("m", lines={"input": 3_000_000, "output": 5, "cache_read": 1}, output=64)],
    )
    assert shelf.models["m"] == Offer(lines={"input": 2_500_000, "output": 5}, output=64)
    assert report.differences == ["openai m input: $2.5, not $3"]


def test_the_second_fills_in_what_the_first_does_not_say_where_they_agree() -> None:
    shelf, _ = shelf_of(
        [told("m", lines={"input": 2}, sources=("one",))],
        [
            told(
                "m",
                lines={"input": 2, "cache_read": 1},
                tiers={"batch": Rates(lines={"input": 1})},
                sources=("two",),
            )
        ],
    )
    assert shelf.models["m"] == Offer(
        lines={"input": 2, "cache_read": 1},
        tiers={"batch": Rates(lines={"input": 1})},
        sources=("one", "two"),
    )


def test_models_of_one_collection_alone_are_kept() -> None:
    shelf, _ = shelf_of([told("a", lines={"input": 1})], [told("b", lines={"input": 2})])
    assert {name: offer.lines["input"] for name, offer in shelf.models.items()} == {"a": 1, "b": 2}


def test_the_spelling_that_a_provider_takes_is_kept() -> None:
    shelf, _ = shelf_of(
        [told("vendor/road-7b", lines={"input": 1})], [told("vendor/Road-7B", lines={"input": 1})]
    )
    assert list(shelf.models) == ["vendor/Road-7B"]
    assert shelf.tables() == {}


def test_names_that_only_the_first_has_mean_the_model_but_are_not_listed() -> None:
    shelf, _ = shelf_of([told("m-high", "m", lines={"input": 1})], [told("m", lines={"input": 1})])
    assert (list(shelf.models), shelf.tables()) == (["m"], {"means": {"m-high": "m"}})


def test_dated_names_have_the_price_of_the_declared_one_and_facts_of_their_own() -> None:
    shelf, _ = shelf_of(
        [told("m", lines={"input": 1}, snapshots=("m",))],
        [
            told("m", lines={"input": 1}, output=8),
            told("m-2026-05-01", lines={"input": 9}, output=8),
            told("m-2026-09-01", lines={"input": 9}, output=16),
            told("m-max", lines={"input": 7}),
        ],
    )
    assert shelf.tables() == {"also": {"m-2026-05-01": "m"}, "snapshots": {"m": "m"}}
    assert shelf.models["m-2026-09-01"] == Offer(lines={"input": 1}, output=16)
    assert shelf.models["m-max"].lines == {"input": 7}


@pytest.mark.parametrize(
    ("tier", "rates", "kept"),
    [
        ("batch", Rates(lines={"input": 1}, above={100: {"input": 2}}), True),
        ("batch", Rates(lines={"input": 1}), False),  # a long prompt would cost too little
        ("priority", Rates(lines={"input": 9}, above={100: {"input": 10}}), False),  # and output?
        ("priority", Rates(lines={"input": 9, "output": 9}, above={100: {"input": 10}}), True),
    ],
)
def test_a_service_tier_that_would_be_guessed_in_part_is_left_out(
    tier: str, rates: Rates, kept: bool
) -> None:
    offer = told(
        "m", lines={"input": 2, "output": 2}, above={100: {"input": 4}}, tiers={tier: rates}
    )
    shelf, report = shelf_of([offer], [])
    assert (tier in shelf.models["m"].tiers) is kept
    assert report.left_out.total() == (0 if kept else 1)


def test_a_rate_that_only_repeats_another_changes_with_it() -> None:
    usual = {"input": 2, "image_in": 2, "output": 8, "reasoning": 8, "audio_out": 16}
    tiers = {
        "batch": Rates(lines={"input": 1, "output": 4}, above={100: {"input": 2, "output": 8}})
    }
    night = (TimedRates(lines={"output": 4, "reasoning": 4}, minutes=(0, 60)),)
    above = {100: {"input": 4, "output": 16}}
    shelf, _ = shelf_of([told("m", lines=usual, above=above, tiers=tiers, times=night)], [])
    price = shelf.models["m"]
    assert price.lines == {"input": 2, "output": 8, "audio_out": 16}
    assert price.times[0].lines == {"output": 4}
    thought = replace(price, times=()).rates
    assert rate_of("reasoning", thought(10, at_ms=0, tier="batch")) == 4
    assert rate_of("image_in", thought(101, at_ms=0)) == 4
    assert rate_of("audio_out", thought(101, at_ms=0)) == 16


def test_what_writes_images_alone_sells_all_that_it_writes_as_such() -> None:
    shelf, _ = shelf_of([told("m", lines={"input": 2, "image_out": 9})], [])
    assert shelf.models["m"].lines == {"input": 2, "output": 9}
    shelf, _ = shelf_of([told("m", lines={"output": 3, "image_out": 9})], [])
    assert shelf.models["m"].lines == {"output": 3, "image_out": 9}


def test_what_is_read_from_the_cache_at_the_price_of_the_rest_keeps_its_own() -> None:
    shelf, _ = shelf_of([told("m", lines={"input": 2, "cache_read": 2})], [])
    assert shelf.models["m"].lines == {"input": 2, "cache_read": 2}


def test_what_is_no_whole_picodollar_is_rounded_half_up_and_told() -> None:
    report = Report()
    assert rate(Decimal("0.04"), 3_600, "whisper second", report) == 11_111_111
    assert rate(Decimal("2.5"), 1_000_000, "m input", report) == 2_500_000
    assert report.rounded == [
        "whisper second: 11111111.11111111111111111111 -> 11111111 picodollars"
    ]


# What litellm's file says.


def said(**more: Any) -> dict[str, Any]:
    return {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 100, **more}


def offer_in(more: dict[str, Any]) -> Offer:
    (only,) = litellm.told({"m": said(**more)}, Report())
    return only.offer


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ({"input_cost_per_token": Decimal("2.5e-06")}, {"input": 2_500_000}),
        (
            {"cache_creation_input_token_cost_above_1hr": Decimal("6e-06")},
            {"cache_write_1h": 6_000_000},
        ),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0}, {}),
        ({"input_cost_per_token": Decimal("0.0032")}, {}),  # it was that for a thousand
        (
            {"input_cost_per_token": Decimal("1e-06"), "output_cost_per_token": 0},
            {"input": 1_000_000},
        ),
        (
            {"mode": "audio_transcription", "input_cost_per_second": Decimal("0.0001")},
            {"second": 100_000_000},
        ),
        (
            {
                "mode": "image_generation",
                "output_cost_per_image": Decimal("0.04"),
                "output_cost_per_image_token": Decimal("0.00004"),
            },
            {"image_out": 40_000_000},
        ),
        (
            {"mode": "image_generation", "output_cost_per_image": Decimal("0.04")},
            {"image": 4 * 10**10},
        ),
        (
            {
                "input_cost_per_token": Decimal("1e-06"),
                "search_context_cost_per_query": {"low": Decimal("0.01"), "high": Decimal("0.01")},
            },
            {"input": 1_000_000, "search": 10**10},
        ),
        (
            {
                "input_cost_per_token": Decimal("1e-06"),
                "search_context_cost_per_query": {"low": Decimal("0.01"), "high": Decimal("0.02")},
            },
            {"input": 1_000_000},
        ),
    ],
)
def test_litellm_rates_are_read(more: dict[str, Any], lines: dict[str, int]) -> None:
    assert offer_in(more).lines == lines


def test_litellm_steps_and_tiers_are_read() -> None:
    offer = offer_in(
        {
            "input_cost_per_token": Decimal("2e-06"),
            "input_cost_per_token_above_200k_tokens": Decimal("4e-06"),
            "input_cost_per_token_batches": Decimal("1e-06"),
            "input_cost_per_token_above_200k_tokens_batches": Decimal("2e-06"),
        }
    )
    assert offer.above == {200_000: {"input": 4_000_000}}
    assert offer.tiers == {
        "batch": Rates(lines={"input": 1_000_000}, above={200_000: {"input": 2_000_000}})
    }


def test_litellm_facts_are_read() -> None:
    offer = offer_in(
        {
            "max_output_tokens": 64_000,
            "supports_vision": True,
            "supports_reasoning": False,
            "deprecation_date": "2027-01-01",
        }
    )
    assert (offer.context, offer.output, offer.can, offer.ends) == (
        100,
        64_000,
        ("vision",),
        date(2027, 1, 1),
    )


@pytest.mark.parametrize(
    ("more", "efforts"),
    [
        ({}, ""),
        ({"reasoning_effort_levels": ["high", "none"]}, "none high"),
        ({"reasoning_effort_levels": []}, ""),
        (
            {"supports_none_reasoning_effort": False, "supports_xhigh_reasoning_effort": True},
            "minimal low medium high xhigh",
        ),
        ({"supports_max_reasoning_effort": True}, "none minimal low medium high max"),
        ({"supports_minimal_reasoning_effort": False}, "none low medium high xhigh max"),
        (
            {
                "supports_max_reasoning_effort": True,
                "supports_xhigh_reasoning_effort": True,
                "bedrock_output_config_effort_ceiling": "high",
            },
            "none minimal low medium high",
        ),
        ({"supports_max_reasoning_effort": True, "supports_xhigh_reasoning_effort": True}, ""),
    ],
)
def test_litellm_efforts_are_read(more: dict[str, Any], efforts: str) -> None:
    """Nothing is told of a model that takes them all."""
    assert offer_in(more).efforts == tuple(efforts.split())


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("m", {"litellm_provider": "nobody"}),
        ("m", {"mode": "video_generation"}),
        ("ft:m", {}),
        ("1024-x-1024/m", {}),
        ("m", {"max_input_tokens": None}),
    ],
)
def test_litellm_entries_that_nobody_can_call_are_left_out_and_counted(
    key: str, more: dict[str, Any]
) -> None:
    report = Report()
    assert list(litellm.told({key: said(**more)}, report)) == []
    assert report.left_out.total() >= 1


# What genai-prices' classes say. These have the fields of its own.


@dataclass
class ClauseEquals:
    equals: str


@dataclass
class ClauseStartsWith:
    starts_with: str


@dataclass
class ClauseRegex:
    regex: str


@dataclass
class ClauseContains:
    contains: str


@dataclass
class ClauseOr:
    or_: list[Any]


class Prices:
    def __init__(self, **prices: Any) -> None:
        self.__dict__.update(prices)


@dataclass
class Step:
    start: int
    price: Decimal


@dataclass
class Steps:
    base: Decimal
    tiers: list[Step]


@dataclass
class Since:
    start_date: date


@dataclass
class Hours:
    start_time: time
    end_time: time


@dataclass
class Conditional:
    constraint: Any
    prices: Prices


@dataclass
class Variant:
    when: dict[str, str]
    prices: Prices
    constraint: Any = None


@dataclass
class Model:
    id: str
    match: Any
    prices: Any
    context_window: int | None = None
    price_variants: list[Variant] = field(default_factory=list)


@dataclass
class Provider:
    id: str
    models: list[Model]
    pricing_urls: list[str] | None = None


def genai_told(model: Model, provider: str = "openai") -> Told:
    (only,) = genai.told([Provider(provider, [model])], DAY, Report())
    return only


def dollars(**prices: str) -> Prices:
    return Prices(**{key: Decimal(value) for key, value in prices.items()})


def test_genai_names_and_declared_beginnings_are_read_and_guesses_are_not() -> None:
    match = ClauseOr(
        [
            ClauseEquals("gpt-x"),
            ClauseEquals("gpt-x-preview"),
            ClauseStartsWith("gpt-x-mini-"),
            ClauseRegex(r"^gpt-x\.1-\d{4}-\d{2}-\d{2}$"),
            ClauseRegex(r"^gpt-x-\d"),
            ClauseContains("gpt-x"),
        ]
    )
    found = genai_told(Model("gpt-x", match, dollars(input_mtok="2.5")))
    assert found.names == ("gpt-x", "gpt-x-preview")
    assert found.snapshots == ("gpt-x-mini", "gpt-x.1")
    assert found.offer.lines == {"input": 2_500_000}


def test_genai_prices_of_now_later_and_of_some_hours_are_read() -> None:
    prices = [
        Conditional(None, dollars(input_mtok="9")),
        Conditional(Since(date(2026, 1, 1)), dollars(input_mtok="1")),
        Conditional(Hours(time(1), time(4, 30)), dollars(input_mtok="2")),
        Conditional(Since(date(2027, 1, 1)), dollars(input_mtok="3")),
    ]
    offer = genai_told(Model("m", ClauseEquals("m"), prices)).offer
    assert offer.lines == {"input": 1_000_000}
    assert [(t.lines["input"], t.minutes, t.since) for t in offer.times] == [
        (2_000_000, (60, 270), None),
        (3_000_000, None, date(2027, 1, 1)),
    ]


def test_genai_steps_and_service_tiers_are_read() -> None:
    model = Model(
        "m",
        ClauseEquals("m"),
        Prices(input_mtok=Steps(Decimal(2), [Step(200_000, Decimal(4))])),
        price_variants=[
            Variant({"processing": "batch"}, dollars(input_mtok="1"), Since(date(2026, 1, 1))),
            Variant({"service_tier": "flex"}, dollars(input_mtok="1"), Since(date(2027, 1, 1))),
            Variant({"service_tier": "default"}, Prices()),
            Variant({"route": "eu"}, dollars(input_mtok="5")),
        ],
    )
    offer = genai_told(model).offer
    assert (offer.lines, offer.above) == ({"input": 2_000_000}, {200_000: {"input": 4_000_000}})
    assert offer.tiers == {"batch": Rates(lines={"input": 1_000_000})}


def test_genai_empty_prices_are_believed_of_free_models_only() -> None:
    free = genai_told(Model("v/m:free", ClauseEquals("v/m:free"), Prices()), "openrouter")
    assert free.offer.lines == {"input": 0, "output": 0}
    assert genai_told(Model("m", ClauseEquals("m"), Prices())).offer.lines == {}
