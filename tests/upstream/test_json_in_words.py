"""OpenAI hears in words that JSON is wanted where it takes no field for that."""

import json
from typing import Any

import pytest

from stockyard.testing.yard import Yard

GENERATE = "/v1beta/models/gpt-4o:generateContent"
LIST = {"type": "ARRAY", "items": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
OBJECT = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}
SYSTEM = {"parts": [{"text": "Speak JSON."}]}


def asking(prompt: str, config: dict[str, Any], **more: Any) -> dict[str, Any]:
    contents = [{"role": "user", "parts": [{"text": prompt}]}]
    wished = {"responseMimeType": "application/json", **config}
    return {"contents": contents, "generationConfig": wished, **more}


async def told(yard: Yard, body: dict[str, Any]) -> tuple[list[Any], Any, str]:
    """The messages and the form that the provider is told, and what the client hears is not."""
    provider = yard.provider("openai").says("[]")
    heard = await yard.call(GENERATE, body)
    asked, left_out = provider.last.json, heard.headers.get("x-stockyard-dropped", "")
    return asked["messages"], asked.get("response_format"), left_out


async def test_a_wish_for_any_object_is_spoken_of(yard: Yard) -> None:
    messages, form, left_out = await told(
        yard, asking("Some cities?", {}, systemInstruction=SYSTEM)
    )
    assert form == {"type": "json_object"}
    assert [message["role"] for message in messages] == ["system", "user", "system"]
    assert "JSON" in messages[-1]["content"]
    assert not left_out


async def test_a_prompt_that_speaks_of_json_is_not_changed(yard: Yard) -> None:
    messages, form, left_out = await told(yard, asking("Some cities, as json?", {}))
    assert form == {"type": "json_object"}
    assert messages == [{"role": "user", "content": "Some cities, as json?"}]
    assert not left_out


async def test_a_schema_of_a_list_is_told(yard: Yard) -> None:
    messages, form, left_out = await told(yard, asking("Some cities?", {"responseSchema": LIST}))
    assert form is None
    assert [message["role"] for message in messages] == ["user", "system"]
    assert json.loads(messages[-1]["content"].partition("schema: ")[2])["type"] == "array"
    assert left_out == "response_format.json_schema"


@pytest.mark.parametrize("schema", [OBJECT, {"anyOf": [OBJECT]}])
async def test_a_schema_of_an_object_needs_no_words(yard: Yard, schema: dict[str, Any]) -> None:
    messages, form, left_out = await told(yard, asking("A city?", {"responseSchema": schema}))
    assert form["type"] == "json_schema"
    assert (len(messages), left_out) == (1, "")


async def test_clients_of_its_own_format_know_the_rule(yard: Yard) -> None:
    provider = yard.provider("openai").says("{}")
    await yard.chat("A city?", response_format={"type": "json_object"})
    assert len(provider.last.json["messages"]) == 1
