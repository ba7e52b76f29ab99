"""What nobody confirmed is spoken to a provider when the operator says so, and not before."""

import pytest

from stockyard.errors import CannotStart
from stockyard.providers.catalog import load
from stockyard.providers.provider import Provider
from stockyard.testing.yard import Yard

FORMATS = {"openai.chat", "anthropic.messages"}


def moonshot(**given: object) -> Provider:
    provider = load({"moonshot": given}).get("moonshot")
    assert provider is not None
    return provider


def test_it_is_not_chosen_by_itself() -> None:
    assert moonshot().format_for("anthropic.messages", FORMATS) == "openai.chat"


def test_it_is_when_the_operator_names_it() -> None:
    both = moonshot(formats=["openai.chat", "anthropic.messages"])
    assert both.format_for("anthropic.messages", FORMATS) == "anthropic.messages"
    assert both.format_for("gemini", FORMATS) == "openai.chat"

    only = moonshot(formats=["anthropic.messages"])
    assert only.format_for("openai.chat", FORMATS) == "anthropic.messages"


def test_what_the_row_does_not_have_stops_the_start() -> None:
    with pytest.raises(CannotStart, match="formats"):
        moonshot(formats=["gemini"])


async def test_in_the_settings(yard: Yard) -> None:
    provider = yard.provider("moonshot", formats=["anthropic.messages"]).says("hello")
    assert (await yard.chat("hi", model="moonshot/kimi-next")).text == "hello"
    assert provider.last.path.endswith("/messages")
