"""Prices over the API."""

from typing import Any

import pytest

from tests.control_plane import PRICES, Plane

PATH = "/api/billing/prices"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asked(plane: Plane, query: str = "") -> Any:
    async with plane.as_admin as client:
        answer = await client.get(PATH + query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def lines_of(price: dict[str, Any], **wanted: Any) -> dict[str, tuple[int, int]]:
    wanted = {"tier_from": 0, "service_tier": "", **wanted}
    return {
        line["dimension"]: (line["price_micros"], line["per"])
        for line in price["lines"]
        if wanted.items() <= line.items()
    }


async def test_one_model_at_one_provider_with_source_and_date(shared: Plane) -> None:
    answer = await asked(shared, "?provider=openai&model=gpt-4o")
    (price,) = answer["prices"]
    assert (price["provider"], price["model"], price["kind"]) == ("openai", "gpt-4o", "chat")
    assert price["price_state"] == "priced"
    assert lines_of(price) == {
        "input": (2_500_000, 1_000_000),
        "cache_read": (1_250_000, 1_000_000),
        "output": (10_000_000, 1_000_000),
        "search": (10_000, 1),
    }
    assert lines_of(price, service_tier="batch") == {
        "input": (1_250_000, 1_000_000),
        "output": (5_000_000, 1_000_000),
    }
    assert set(price["sources"]) <= set(answer["sources"])
    assert price["source_url"].startswith("https://")
    assert price["since"] <= answer["made"]


@pytest.mark.parametrize(
    ("model", "places"),
    [
        ("claude-sonnet-4-5-20250929", {("anthropic", "claude-sonnet-4-5-20250929")}),
        ("anthropic/claude-sonnet-4-5", {("anthropic", "claude-sonnet-4-5")}),
        ("gpt-5.6-sol-2026-07-09", {("openai", "gpt-5.6-sol-2026-07-09")}),
        ("openai/gpt-oss-120b", {("openai", "gpt-oss-120b"), ("groq", "openai/gpt-oss-120b")}),
        ("no-such-model", set()),
    ],
)
async def test_a_model_is_found_as_calls_name_it(
    shared: Plane, model: str, places: set[tuple[str, str]]
) -> None:
    answer = await asked(shared, f"?model={model}")
    found = {(price["provider"], price["model"]) for price in answer["prices"]}
    assert places <= found
    assert bool(places) == bool(found)


async def test_long_prompts_are_lines_of_their_own(shared: Plane) -> None:
    (price,) = (await asked(shared, "?provider=gemini&model=gemini-2.5-pro"))["prices"]
    assert lines_of(price)["input"] == (1_250_000, 1_000_000)
    assert lines_of(price, tier_from=200_000)["input"] == (2_500_000, 1_000_000)


async def test_a_price_is_that_of_the_time_that_is_asked_about(shared: Plane) -> None:
    model = "?provider=deepseek&model=deepseek-v4-pro"
    (night,) = (await asked(shared, model + "&at=2026-11-21T00:00:00"))["prices"]
    (day,) = (await asked(shared, model + "&at=2026-11-21T02:00:00"))["prices"]
    assert lines_of(night)["input"][0] * 2 == lines_of(day)["input"][0]
    assert [time["hours_utc"] for time in night["times"]] == ["01:00-04:00", "06:00-10:00"]


async def test_pages_lead_through_the_whole_list_once(shared: Plane) -> None:
    seen: list[tuple[str, str]] = []
    cursor = ""
    while True:
        answer = await asked(shared, f"?limit=1000{cursor}")
        seen += [(price["provider"], price["model"]) for price in answer["prices"]]
        assert answer["count"] == len(answer["prices"])
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert len(seen) == len(set(seen)) == sum(len(PRICES.models(p)) for p in PRICES.providers)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?limit=0", "invalid"),
        ("?limit=1001", "invalid"),
        ("?at=yesterday", "invalid"),
        ("?cursor=abc", "cursor_invalid"),
        (f"?model={'x' * 301}", "invalid"),
    ],
)
async def test_bad_questions_are_refused(shared: Plane, query: str, code: str) -> None:
    async with shared.as_admin as client:
        answer = await client.get(PATH + query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_nobody_sees_prices_without_an_identity(shared: Plane) -> None:
    async with shared.client("sk-sy-nobody") as client:
        assert (await client.get(PATH)).status_code == 401


async def test_no_number_of_the_answer_is_a_fraction(shared: Plane) -> None:
    async with shared.as_admin as client:
        text = (await client.get(PATH + "?provider=openai&limit=1000")).text
    assert '"price_micros":' in text
    for piece in text.split('"price_micros":')[1:]:
        assert piece.split(",")[0].isdigit()
