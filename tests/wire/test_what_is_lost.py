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
THOUGHT = {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0, "id": "r1"}


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
def test_the_number_of_a_call_says_no_more_than_its_place(target: str) -> None:
    """Clients that join a stream send calls back with the numbers that they had there."""
    call = {"id": "c1", "index": 0, "type": "function", "function": {"name": "f"}}
    turn = {"role": "assistant", "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "42"}
    assert lost(target, messages=[turn, result]) == ()


@pytest.mark.parametrize("target", ["openai.chat", *OTHERS[:4], *OTHERS[5:]])
def test_so_it_is_with_the_numbers_of_ollama(target: str) -> None:
    call = {"id": "c1", "function": {"index": 0, "name": "f", "arguments": {}}}
    turn = {"role": "assistant", "content": "", "tool_calls": [call]}
    result = {"role": "tool", "tool_name": "f", "tool_call_id": "c1", "content": "42"}
    assert lost(target, "ollama.chat", messages=[turn, result]) == ()


@pytest.mark.parametrize("target", OTHERS)
def test_thinking_is_told_as_one_thing(target: str) -> None:
    """Not by what its pieces say of their kind and place."""
    turn = {"role": "assistant", "content": "yes", "reasoning_details": [THOUGHT]}
    user = {"role": "user", "content": "hi"}
    told = lost(target, messages=[user, turn, user])
    assert {name.rpartition(".")[2] for name in told} <= {"thinking", "reasoning"}


@pytest.mark.parametrize("target", ["openai.chat", *OTHERS[:1], *OTHERS[2:]])
def test_what_a_client_of_responses_asks_to_be_included_is_no_loss(target: str) -> None:
    asked: dict[str, Any] = {"input": "hi", "messages": None}
    asked["include"] = ["reasoning.encrypted_content"]
    assert lost(target, "openai.responses", **asked) == ()
    assert lost(target, "openai.responses", **asked | {"include": []}) == ()


DETAIL = "messages.content.detail"
PDF = "data:application/pdf;base64,JVBERi0="
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def told_of(target: str, *parts: dict[str, Any]) -> set[str]:
    said = [{"type": "text", "text": "hi"}, *parts]
    return set(lost(target, messages=[{"role": "user", "content": said}]))


@pytest.mark.parametrize("target", OTHERS)
def test_how_closely_to_look_at_a_picture_is_told_where_it_cannot_be_said(target: str) -> None:
    picture = {"url": PICTURE, "detail": "low"}
    told = told_of(target, {"type": "image_url", "image_url": picture})
    assert told == (set() if target in ("openai.responses", "cohere.chat") else {DETAIL})
    assert (
        told_of(target, {"type": "image_url", "image_url": picture | {"detail": "auto"}}) == set()
    )


@pytest.mark.parametrize("target", ["gemini", *OTHERS[:2], "bedrock.converse"])
def test_the_name_of_a_file_is_told_where_it_cannot_be_said(target: str) -> None:
    file = {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}
    assert told_of(target, file) == ({"messages.content.filename"} if target == "gemini" else set())


@pytest.mark.parametrize("target", ["openai.chat", *OTHERS[1:]])
def test_citations_of_an_earlier_answer_are_told_where_they_cannot_be_said(target: str) -> None:
    place = {"type": "char_location", "cited_text": "a", "document_index": 0}
    turn = {"role": "assistant", "content": [{"type": "text", "text": "x", "citations": [place]}]}
    user = {"role": "user", "content": "hi"}
    told = lost(target, "anthropic.messages", max_tokens=9, messages=[user, turn, user])
    assert told == ("messages.content.citations",)


def test_what_a_document_says_of_itself_is_told_where_it_stands_beside_the_messages() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "D"}
    document = {"type": "document", "source": source, "title": "T", "context": "C"}
    turn = {"role": "user", "content": [document, {"type": "text", "text": "hi"}]}
    told = lost("cohere.chat", "anthropic.messages", max_tokens=9, messages=[turn])
    assert told == ("messages.content.context",)


def test_what_only_one_format_says_of_the_choice_of_tools_is_told_to_responses() -> None:
    tool = {"functionDeclarations": [{"name": "f"}]}
    config = {"functionCallingConfig": {"mode": "AUTO", "streamFunctionCallArguments": True}}
    content = {"role": "user", "parts": [{"text": "hi"}]}
    told = lost("openai.responses", "gemini", contents=[content], tools=[tool], toolConfig=config)
    assert "tool_choice.streamFunctionCallArguments" in told


@pytest.mark.parametrize("target", ["openai.completions", "ollama.generate"])
def test_of_a_conversation_a_prompt_has_the_words_and_tells_the_rest(target: str) -> None:
    cached = {"type": "text", "text": "Hi.", "cache_control": {"type": "ephemeral"}}
    turn = [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
    ]
    found = [{"type": "tool_result", "tool_use_id": "c1", "content": "42"}]
    asked = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": [cached]},
            {"role": "assistant", "content": turn},
            {"role": "user", "content": found},
            {"role": "user", "content": "So?"},
        ],
    }
    content = FORMATS["anthropic.messages"].decode_request(json.dumps(asked).encode())
    written = FORMATS[target].encode_request(
        Request(model="m", content=content), features=NONE, traits=NONE
    )
    assert json.loads(written.body)["prompt"] == "Hi.\n\nLet me see.\n\nSo?"
    kinds = ("reasoning", "tool_call", "tool_result")
    assert {*written.dropped} == {"cache_control", *(f"messages.content.{kind}" for kind in kinds)}
