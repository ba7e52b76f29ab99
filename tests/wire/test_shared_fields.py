"""What chat and Responses both have, for whoever defined both."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.providers.row import shipped_rows
from stockyard.testing.yard import Yard
from stockyard.wire.formats import FORMATS

CHAT, RESPONSES = "openai.chat", "openai.responses"
HOUSE = frozenset({"shared_fields"})
NONE: frozenset[str] = frozenset()
SAID: dict[str, Any] = {
    "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
    "safety_identifier": "ada",
    "moderation": {"model": "omni-moderation-latest"},
}
IN_CHAT = {"messages": [{"role": "user", "content": "hi"}], "verbosity": "low", **SAID}
IN_RESPONSES = {"input": "hi", "text": {"verbosity": "low"}, **SAID}


def crossed(
    body: dict[str, Any], source: str, target: str, traits: frozenset[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    content = FORMATS[source].decode_request(json.dumps({"model": "m", **body}).encode())
    request = Request(model="m", content=content)
    written = FORMATS[target].encode_request(request, features=NONE, traits=traits)
    read: dict[str, Any] = json.loads(written.body)
    return read, written.dropped


@pytest.mark.parametrize(
    ("body", "source", "target", "verbosity"),
    [
        (IN_CHAT, CHAT, RESPONSES, {"text": {"verbosity": "low"}}),
        (IN_RESPONSES, RESPONSES, CHAT, {"verbosity": "low"}),
    ],
)
def test_they_go_over_to_the_house_that_defined_both(
    body: dict[str, Any], source: str, target: str, verbosity: dict[str, Any]
) -> None:
    read, dropped = crossed(body, source, target, HOUSE)
    assert dropped == ()
    assert {name: read[name] for name in SAID} == SAID
    assert {name: read[name] for name in verbosity} == verbosity
    assert "user" not in read


@pytest.mark.parametrize(
    ("body", "source", "target"), [(IN_CHAT, CHAT, RESPONSES), (IN_RESPONSES, RESPONSES, CHAT)]
)
def test_nobody_else_gets_them(body: dict[str, Any], source: str, target: str) -> None:
    read, dropped = crossed(body, source, target, NONE)
    assert set(SAID) <= set(dropped)
    assert not set(SAID) & set(read)


def test_what_stands_beside_the_verbosity_is_kept_apart() -> None:
    form = {"type": "json_object"}
    text = {"verbosity": "low", "format": form, "a_field_from_next_year": 1}
    read, dropped = crossed({"input": "hi", "text": text}, RESPONSES, CHAT, HOUSE)
    assert (read["verbosity"], read["response_format"]) == ("low", form)
    assert dropped == ("text",)
    asked = {"messages": IN_CHAT["messages"], "verbosity": "low", "response_format": form}
    read, dropped = crossed(asked, CHAT, RESPONSES, HOUSE)
    assert read["text"] == {"verbosity": "low", "format": form}
    assert dropped == ()


@pytest.mark.parametrize("body", [{"messages": IN_CHAT["messages"]}, IN_CHAT])
def test_in_its_own_format_a_request_stays_as_it_is(body: dict[str, Any]) -> None:
    read, dropped = crossed(body, CHAT, CHAT, HOUSE)
    assert (read, dropped) == ({"model": "m", **body}, ())


def test_only_two_providers_defined_both() -> None:
    rows = shipped_rows().items()
    said = {n for n, row in rows for traits in row.model_traits.values() if HOUSE & {*traits}}
    assert said == {"openai", "azure"}


async def test_a_detour_through_responses_keeps_them(yard: Yard) -> None:
    """`wire.md` 4.1: tools with an effort go through Responses for some models."""
    openai = yard.provider("openai").says("hello")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    fields: dict[str, Any] = {"tools": tools, "reasoning_effort": "low", "verbosity": "low"}
    answer = await yard.chat("hi", model="gpt-5.4-mini", **fields)
    assert openai.last.path == "/v1/responses"
    assert openai.last.fields["text"] == {"verbosity": "low"}
    assert "x-stockyard-dropped" not in answer.headers
