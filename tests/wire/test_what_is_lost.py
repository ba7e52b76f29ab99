"""What is told as lost on the way to another format, and what is not (`wire.md` 1.5)."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
OTHERS = (
    "anthropic.messages",
    "openai.responses",
    "gemini",
    "cohere.chat",
    "ollama.chat",
    "bedrock.converse",
)
DETAIL = {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0, "id": "r1"}


def lost(target: str, source: str = "openai.chat", **more: Any) -> tuple[str, ...]:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    content = FORMATS[source].decode_request(json.dumps(asked).encode())
    request = Request(model="m", content=content)
    return FORMATS[target].encode_request(request, features=NONE, traits=NONE).dropped


@pytest.mark.parametrize("target", OTHERS)
def test_a_field_that_only_one_format_has_is_told_by_its_name(target: str) -> None:
    assert lost(target, a_field_from_next_year=1) == ("a_field_from_next_year",)


@pytest.mark.parametrize("target", OTHERS)
@pytest.mark.parametrize("nothing", [None, [], {}])
def test_a_field_that_says_nothing_is_not_lost(target: str, nothing: Any) -> None:
    silent = {"role": "user", "content": "hi", "annotations": nothing}
    assert lost(target, a_field_from_next_year=nothing, messages=[silent]) == ()


@pytest.mark.parametrize("target", OTHERS)
def test_a_field_that_says_no_is_told(target: str) -> None:
    assert lost(target, a_field_from_next_year=False) == ("a_field_from_next_year",)


@pytest.mark.parametrize("target", OTHERS)
def test_thinking_is_told_as_one_thing(target: str) -> None:
    """Not by what its pieces say of their kind and place."""
    turn = {"role": "assistant", "content": "yes", "reasoning_details": [DETAIL]}
    user = {"role": "user", "content": "hi"}
    told = lost(target, messages=[user, turn, user])
    assert {name.rpartition(".")[2] for name in told} <= {"thinking", "reasoning"}


@pytest.mark.parametrize("target", ["openai.chat", *OTHERS[:1], *OTHERS[2:]])
def test_what_a_client_of_responses_asks_to_be_included_is_no_loss(target: str) -> None:
    asked: dict[str, Any] = {"input": "hi", "messages": None}
    asked["include"] = ["reasoning.encrypted_content"]
    assert lost(target, "openai.responses", **asked) == ()
    assert lost(target, "openai.responses", **asked | {"include": []}) == ()
