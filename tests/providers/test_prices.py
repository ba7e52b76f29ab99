"""The bundled price list, and how a model is found in it."""

import json
import time
from datetime import date

import pytest

from stockyard.core.money import Usage
from stockyard.core.price import DIMENSIONS, Rates
from stockyard.providers import catalog
from stockyard.providers.prices import KEPT, LONGEST_NAME, PriceList

DAY_MS = 1_795_219_200_123  # 21 November 2026

DOCUMENT = {
    "made": "2026-11-21",
    "since": "2026-11-01",
    "sources": {"somewhere": {"version": "1", "url": "https://example.com", "license": "MIT"}},
    "pages": ["https://example.com/prices"],
    "providers": {
        "acme": {
            "models": {
                "road-2": {
                    "lines": {"input": 2_000_000, "output": 8_000_000},
                    "output": 4_096,
                    "sources": ["somewhere"],
                    "page": 0,
                },
                "road-2-mini": {"lines": {"input": 1}, "since": "2026-11-20"},
                "road-3": {"context": 100},
            },
            "also": {"road-latest": "road-2"},
            "means": {"road-two": "road-2"},
            "snapshots": {"road-2": "road-2", "vendor.road-2": "road-2"},
        }
    },
}


@pytest.fixture
def prices() -> PriceList:
    return PriceList(json.dumps(DOCUMENT).encode())


@pytest.fixture(scope="module")
def bundled() -> PriceList:
    return PriceList.bundled()


@pytest.mark.parametrize(
    "name",
    [
        "road-2",
        "road-latest",
        "road-two",
        "road-2-2026-05-01",
        "road-2-20260501",
        "road-2@20260501",
        "road-2-0501",
        "road-2-latest",
        "vendor.road-2-v1:0",
        "vendor.road-2-20260501-v2:0",
    ],
)
def test_a_model_is_found_by_its_names_and_by_the_dates_of_its_versions(
    prices: PriceList, name: str
) -> None:
    assert prices.offer("acme", name) is prices.offer("acme", "road-2")


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("acme", "road"),
        ("acme", "road-2-max"),
        ("acme", "road-2-mini-2026-05-01"),  # nobody declared that dates may follow
        ("acme", "road-2-2026-05-01-max"),
        ("acme", "road-two-2026-05-01"),
        ("acme", "ROAD-2"),
        ("acme", ""),
        ("other", "road-2"),
    ],
)
def test_a_longer_name_is_another_model(prices: PriceList, provider: str, name: str) -> None:
    assert prices.offer(provider, name) is None
    cost = prices.cost(provider, name, Usage(in_fresh=1), at_ms=DAY_MS)
    assert (cost.state, cost.micros) == ("unpriced", None)


def test_exact_names_are_sold_and_dated_ones_are_only_priced(prices: PriceList) -> None:
    exact = ["road-2", "road-2-mini", "road-3", "road-latest"]
    assert prices.models("acme") == dict.fromkeys(exact, "chat")
    assert all(prices.sells("acme", name) for name in exact)
    assert not any(prices.sells("acme", name) for name in ("road-two", "road-2-2026-05-01"))
    assert prices.models("nobody") == {}


def test_a_known_model_without_a_price_is_unpriced(prices: PriceList) -> None:
    assert prices.cost("acme", "road-3", Usage(in_fresh=1), at_ms=DAY_MS).state == "unpriced"


@pytest.mark.parametrize(
    ("facts", "most"),
    [
        ({"context": 200_000, "output": 64_000}, 64_000),
        ({"context": 200_000, "output": 200_000}, 100_000),
        ({"output": 4_096}, 4_096),
        ({"context": 200_000}, None),
    ],
)
def test_the_longest_answer_leaves_room_for_a_prompt(
    facts: dict[str, int], most: int | None
) -> None:
    providers = {"acme": {"models": {"m": facts}}}
    prices = PriceList(json.dumps({**DOCUMENT, "providers": providers}).encode())
    assert prices.longest_answer("acme", "m") == most
    assert prices.longest_answer("acme", "unknown") is None


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("eagle-big-2", 64_000),
        ("eu.acme.eagle-big-2-v1:0", 64_000),
        ("acme/eagle-big-2@20261101", 64_000),
        ("eagle-big-9", 32_000),
        ("eagle-small-1", None),
        ("eagle", None),
        ("sparrow-big-2", None),
        ("eagle-big-" + "x" * LONGEST_NAME, None),  # reading it would take as long as a body is
    ],
)
def test_what_nobody_lists_surely_writes_as_much_as_its_relatives(
    model: str, most: int | None
) -> None:
    providers = {
        "acme": {"models": {"eagle-big-2-20260101": {"output": 64_000}, "eagle-big-3": {}}},
        "cloud": {"models": {"us.acme.eagle-big-1-v1:0": {"output": 32_000}}},
    }
    prices = PriceList(json.dumps({**DOCUMENT, "providers": providers}).encode())
    assert prices.likely_longest_answer(model) == most


def test_every_entry_says_where_it_is_from_and_since_when(prices: PriceList) -> None:
    old, new = prices.offer("acme", "road-2"), prices.offer("acme", "road-2-mini")
    assert old is not None
    assert new is not None
    assert (prices.since(old), prices.since(new)) == (date(2026, 11, 1), date(2026, 11, 20))
    assert (prices.page(old), prices.page(new)) == ("https://example.com/prices", "")


@pytest.mark.parametrize(
    ("provider", "model", "usage", "tier", "micros"),
    [
        ("openai", "gpt-4o", Usage(in_fresh=1_000, in_cached=1_000, out_text=100), "", 4_750),
        ("openai", "gpt-4o", Usage(in_fresh=1_000, out_text=100), "batch", 1_750),
        ("openai", "text-embedding-3-small", Usage(in_fresh=1_000), "", 20),
        ("openai", "whisper-1", Usage(units={"second": 60}), "", 6_000),
        (
            "openai",
            "gpt-image-1",
            Usage(in_fresh=50, out_text=4_160, units={"image": 1}),
            "",
            166_650,
        ),
        ("anthropic", "claude-sonnet-4-5-20250929", Usage(in_written_1h=1_000), "", 6_000),
        ("anthropic", "claude-sonnet-4-5", Usage(server_tools={"web_search": 2}), "", 20_000),
        ("gemini", "gemini-2.5-pro", Usage(in_fresh=200_001, out_reasoning=10), "", 500_152),
        ("cohere", "rerank-v3.5", Usage(units={"rerank_unit": 1}), "", 2_000),
    ],
)
def test_well_known_prices_come_out_as_their_providers_print_them(
    bundled: PriceList, provider: str, model: str, usage: Usage, tier: str, micros: int
) -> None:
    cost = bundled.cost(provider, model, usage, at_ms=DAY_MS, tier=tier)
    assert (cost.state, cost.micros) == ("priced", micros)


def test_the_bundled_list_knows_only_providers_of_the_catalog(bundled: PriceList) -> None:
    known = {provider.name for provider in catalog.load()}
    assert set(bundled.providers) <= known
    assert len(bundled.providers) > 50


def test_the_bundled_list_is_whole(bundled: PriceList) -> None:
    for provider in bundled.providers:
        for name in bundled.models(provider):
            where, offer = f"{provider}/{name}", bundled.offer(provider, name)
            assert offer is not None, where
            assert offer.sources, where
            assert set(offer.sources) <= bundled.sources.keys(), where
            bundled.page(offer)
            for rates in (offer, *offer.tiers.values(), *offer.times):
                check_rates(where, rates)


def check_rates(where: str, rates: Rates) -> None:
    for lines in (rates.lines, *rates.above.values()):
        assert lines.keys() <= DIMENSIONS, where
        assert all(rate >= 0 for rate in lines.values()), where


def test_what_stays_decoded_has_a_bound(bundled: PriceList) -> None:
    models = [(p, model) for p in bundled.providers for model in bundled.models(p)]
    assert len(models) > KEPT
    for provider, model in models:
        assert bundled.offer(provider, model)
    assert len(bundled._offers) <= KEPT


def test_no_number_of_the_file_is_a_fraction() -> None:
    from importlib.resources import files

    def refuse(text: str) -> float:
        raise AssertionError(text)

    document = files("stockyard.providers").joinpath("prices.json").read_text()
    assert json.loads(document, parse_float=refuse)["providers"]


@pytest.mark.parametrize("part", ["x", "x-", "x.", "-"])
def test_a_name_as_long_as_a_body_takes_no_time(part: str) -> None:
    """Whoever may call chooses it, and everybody else waits meanwhile."""
    prices = PriceList.bundled()
    began = time.thread_time()
    for length in (200, 2_000_000):
        prices.likely_longest_answer(f"gpt-5-{part * (length // len(part))}")
    assert time.thread_time() - began < 2
