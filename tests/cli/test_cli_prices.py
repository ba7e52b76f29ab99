"""Models and prices on the command line, of a server with two providers."""

from collections.abc import Callable
from typing import Any

import pytest

from stockyard.cli.money import dollars


@pytest.fixture(scope="module")
def served(new_program: Callable[[], Any]) -> Any:
    program = new_program()
    program.server = program.start(OPENAI_API_KEY="sk-0123456789", DEEPSEEK_API_KEY="sk-9876543210")
    return program


def test_models_are_listed_with_what_they_can_and_cost(served: Any) -> None:
    lines = served.run("models", "gpt-4o-mini").stdout.splitlines()
    assert " ".join(lines[0].split()) == "MODEL PROVIDER KIND READS WRITES INPUT OUTPUT CAN"
    (line,) = (line for line in lines if line.startswith("gpt-4o-mini "))
    assert line.split()[1:8] == ["openai", "chat", "128,000", "16,384", "$0.15", "$0.60", "tools"]


@pytest.mark.parametrize(
    ("arguments", "there", "not_there"),
    [
        ((), {"gpt-4o", "deepseek-chat", "mock"}, {"claude-sonnet-4-5"}),
        (("--provider", "deepseek"), {"deepseek-chat"}, {"gpt-4o", "mock"}),
        (("--kind", "embeddings"), {"text-embedding-3-small"}, {"gpt-4o"}),
        (("--can", "vision", "--can", "tools"), {"gpt-4o"}, {"deepseek-chat", "mock"}),
        (("GPT-4O",), {"gpt-4o"}, {"deepseek-chat"}),
        (("no-such-model",), set(), {"gpt-4o"}),
    ],
)
def test_models_are_chosen(
    served: Any, arguments: tuple[str, ...], there: set[str], not_there: set[str]
) -> None:
    found = {model["id"] for model in served.ask("models", *arguments)["models"]}
    assert there <= found
    assert not not_there & found


def test_prices_of_the_providers_that_are_set_up_are_listed(served: Any) -> None:
    document = served.ask("prices", "list")
    assert {price["provider"] for price in document["prices"]} == {"openai", "deepseek"}
    lines = served.run("prices", "list").stdout.splitlines()
    assert lines[0].split() == ["MODEL", "PROVIDER", "INPUT", "CACHED", "OUTPUT", "SINCE", "SOURCE"]
    (line,) = (line for line in lines if line.startswith("gpt-4o "))
    assert line.split()[1:5] == ["openai", "$2.50", "$1.25", "$10.00"]


def test_prices_of_another_provider_are_listed_when_it_is_named(served: Any) -> None:
    found = served.ask("prices", "list", "--provider", "anthropic")["prices"]
    assert {price["provider"] for price in found} == {"anthropic"}


def test_a_price_is_shown_with_all_that_it_depends_on(served: Any) -> None:
    shown = served.run("prices", "show", "gemini-2.5-pro", "--provider", "gemini").stdout
    assert "genai-prices" in shown
    assert "https://" in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "input $1.25 for 1,000,000" in rows
    assert "input $2.50 for 1,000,000 prompts above 200,000 tokens" in rows
    assert "input $0.625 for 1,000,000 batch" in rows
    timed = served.run("prices", "show", "deepseek-v4-pro", "--provider", "deepseek").stdout
    assert "01:00-04:00 UTC" in timed


@pytest.mark.parametrize(
    "arguments",
    [("no-such-model",), ("--provider", "no-such"), ("--kind", "no-such"), ("--can", "no-such")],
)
def test_no_model_at_all_is_told(served: Any, arguments: tuple[str, ...]) -> None:
    done = served.run("models", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_price_of_another_time_can_be_asked_for(served: Any) -> None:
    model = ("prices", "show", "deepseek-v4-pro", "--provider", "deepseek", "--at")
    cheap, dear = (
        served.ask(*model, f"2026-11-21T{hour}:00:00")["prices"][0]["lines"][0]["price_micros"]
        for hour in ("00", "02")
    )
    assert cheap * 2 == dear


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "no-such-model"), 1, "unpriced"),
        (("show", "gpt-4o", "--at", "yesterday"), 2, '"at"'),
        (("list", "--provider", "nobody"), 1, "nobody"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(
    served: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = served.run("prices", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr


@pytest.mark.parametrize(
    ("micros", "per", "text"),
    [
        (0, 1, "$0.00"),
        (1, 1, "$0.000001"),
        (100_000, 1, "$0.10"),
        (2_500_000, 1, "$2.50"),
        (1_234_567_891, 1, "$1,234.567891"),
        (100_000_000, 1_000_000, "$0.0001"),
        (11_111_111, 1_000_000, "$0.000011111111"),
    ],
)
def test_amounts_are_written_in_full(micros: int, per: int, text: str) -> None:
    assert dollars(micros, per) == text
