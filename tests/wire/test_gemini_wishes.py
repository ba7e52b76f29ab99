"""Thinking, seeds, schemas and the form of the answer in requests of `gemini`."""

import json
from typing import Any

import pytest

from tests.wire.gemini_requests import NONE, body_of, from_chat, written


@pytest.mark.parametrize(
    ("effort", "config"),
    [
        ("low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("high", {"includeThoughts": True, "thinkingBudget": 4096}),
        ("none", {"thinkingBudget": 0}),
    ],
)
def test_an_effort_becomes_a_budget(effort: str, config: Any) -> None:
    body, _ = from_chat(reasoning_effort=effort)

    assert body["generationConfig"]["thinkingConfig"] == config


@pytest.mark.parametrize(
    ("effort", "config", "lost"),
    [
        ("low", {"includeThoughts": True, "thinkingLevel": "LOW"}, ()),
        ("xhigh", {"includeThoughts": True, "thinkingLevel": "HIGH"}, ()),
        ("none", {"thinkingLevel": "LOW"}, ("reasoning_effort",)),
    ],
)
def test_an_effort_becomes_a_level_where_the_model_takes_those(
    effort: str, config: Any, lost: tuple[str, ...]
) -> None:
    body, dropped = from_chat(frozenset({"thinking_level"}), reasoning_effort=effort)

    assert body["generationConfig"]["thinkingConfig"] == config
    assert dropped == lost


def test_a_model_that_always_thinks_is_asked_for_the_least() -> None:
    """`wire.md` 5.5: Pro models of 2.5 take no budget below 128."""
    body, dropped = from_chat(frozenset({"always_thinks"}), reasoning_effort="none")

    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 128}
    assert dropped == ("reasoning_effort",)


@pytest.mark.parametrize(("seed", "said"), [(7, 7), (-7, -7), (2**40 + 5, 5), (-(2**31), 0)])
def test_seeds_have_32_bits(seed: int, said: int) -> None:
    body, _ = from_chat(seed=seed)

    assert body["generationConfig"] == {"seed": said}


@pytest.mark.parametrize(
    ("traits", "tools", "kept"),
    [
        (NONE, True, True),
        (frozenset({"json_or_tools"}), False, True),
        (frozenset({"json_or_tools"}), True, False),
    ],
)
def test_older_models_have_tools_or_a_form_of_answer(
    traits: frozenset[str], tools: bool, kept: bool
) -> None:
    """`wire.md` 5.5: response_format together with tools fails before Gemini 3."""
    declared = {"tools": [{"type": "function", "function": {"name": "f"}}]} if tools else {}

    body, dropped = from_chat(traits, response_format={"type": "json_object"}, **declared)

    assert ("generationConfig" in body) is kept
    assert dropped == (() if kept else ("response_format",))


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({"thinkingBudget": 0}, "none"),
        ({"thinkingBudget": -1}, None),
        ({"thinkingBudget": 2048}, "medium"),
        ({"thinkingLevel": "HIGH"}, "high"),
        ({"includeThoughts": True}, None),
    ],
)
def test_thinking_is_told_to_chat_as_an_effort(thinking: Any, effort: str | None) -> None:
    chat = written(body_of(generationConfig={"thinkingConfig": thinking}), to="openai.chat")

    assert json.loads(chat.body).get("reasoning_effort") == effort


def test_types_in_capitals_are_json_schema_for_others() -> None:
    schema = {"type": "OBJECT", "properties": {"type": {"type": "STRING", "enum": ["A"]}}}
    tools = [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]

    chat = json.loads(written(body_of(tools=tools), to="openai.chat").body)

    assert chat["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"type": {"type": "string", "enum": ["A"]}},
    }


OWN_SCHEMA = {
    "type": "OBJECT",
    "properties": {
        "unit": {"type": "STRING", "format": "enum", "enum": ["C", "F"], "nullable": True},
        "days": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1", "max_items": 7},
        "either": {"any_of": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": True},
    },
    "propertyOrdering": ["unit", "days", "either"],
}


def test_its_own_dialect_of_schemas_is_json_schema_for_others() -> None:
    """`wire.md` 4.5: `nullable`, counts that are strings, and both spellings."""
    tools = [{"functionDeclarations": [{"name": "f", "parameters": OWN_SCHEMA}]}]
    config = {"responseMimeType": "application/json", "responseSchema": OWN_SCHEMA}

    chat = json.loads(written(body_of(tools=tools, generationConfig=config), to="openai.chat").body)

    said = chat["tools"][0]["function"]["parameters"]
    assert said == chat["response_format"]["json_schema"]["schema"]
    assert said["properties"] == {
        "unit": {"type": ["string", "null"], "format": "enum", "enum": ["C", "F", None]},
        "days": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 7},
        "either": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
    }


@pytest.mark.parametrize("spell", [str.upper, str.lower])
def test_its_own_dialect_is_kept_in_its_own_field(spell: Any) -> None:
    schema = json.loads(json.dumps(OWN_SCHEMA).replace('"1"', "1").replace("max_items", "maxItems"))
    schema = json.loads(json.dumps(schema).replace("any_of", "anyOf"))
    for word in ("OBJECT", "STRING", "ARRAY", "INTEGER", "NUMBER"):
        schema = json.loads(
            json.dumps(schema).replace(f'"type": "{word}"', f'"type": "{spell(word)}"')
        )
    tools = [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]

    again = json.loads(written(body_of(tools=tools)).body)

    assert again["tools"] == tools


def test_tools_of_others_keep_their_whole_schema() -> None:
    """`wire.md` 4.5: `parametersJsonSchema` takes real JSON Schema."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/node"}, "kind": {"const": "a"}},
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "additionalProperties": False,
    }

    body, _ = from_chat(
        tools=[{"type": "function", "function": {"name": "f", "parameters": schema}}]
    )

    assert body["tools"] == [
        {"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}
    ]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"type": "integer", "const": 1}, {"type": "integer", "enum": [1]}),
        ({"const": True}, {"type": "boolean"}),
        ({"$ref": "#/$defs/a", "description": "d"}, {"$ref": "#/$defs/a"}),
        (
            {"$ref": "#/definitions/a", "definitions": {"a": {"const": None}}},
            {"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}},
        ),
        (
            {"allOf": [{"type": "string", "description": "x"}], "description": "y"},
            {"type": "string", "description": "y"},
        ),
        (
            {"$schema": "s", "properties": {"const": {"$ref": "#/definitions/b", "title": "B"}}},
            {"properties": {"const": {"$ref": "#/$defs/b"}}},
        ),
        (
            {"type": ["string", "null"], "any_of": 1, "oneOf": [{"type": "string"}]},
            {"type": ["string", "null"], "any_of": 1, "oneOf": [{"type": "string"}]},
        ),
    ],
)
def test_what_answers_must_look_like_is_said_in_words_the_format_knows(
    schema: Any, said: Any
) -> None:
    """`wire.md` 4.5, `responseJsonSchema`: no `const`, and nothing beside a reference."""
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}

    body, _ = from_chat(response_format=form)

    assert body["generationConfig"]["responseJsonSchema"] == said


def test_what_the_format_cannot_say_is_named() -> None:
    _, dropped = from_chat(
        logit_bias={"1": 2}, user="u", parallel_tool_calls=False, prompt_cache_key="k", store=True
    )

    assert set(dropped) == {
        "logit_bias",
        "user",
        "parallel_tool_calls",
        "prompt_cache_key",
        "store",
    }


LABELS = frozenset({"labels"})


def test_metadata_are_labels_where_the_provider_takes_them() -> None:
    """`wire.md` 5.1: on Vertex AI only, and of letters that labels may have."""
    said = {"team": "red", "Team": "red", "note": "two words", "empty": ""}
    body, dropped = from_chat(LABELS, metadata=said)
    assert (body["labels"], dropped) == ({"team": "red", "empty": ""}, ("metadata",))
    assert from_chat(LABELS, metadata={"team": "red"})[1] == ()
    assert from_chat(NONE, metadata={"team": "red"}) == (from_chat(NONE)[0], ("metadata",))


def test_no_more_labels_are_sent_than_a_request_may_have() -> None:
    body, dropped = from_chat(LABELS, metadata={f"k{number}": "v" for number in range(65)})
    assert (len(body["labels"]), dropped) == (64, ("metadata",))


@pytest.mark.parametrize("labels", [{}, {"Odd Key": "Odd value"}, {"number": 1}, "odd"])
def test_labels_of_its_own_clients_stay_as_they_are(labels: Any) -> None:
    assert json.loads(written(body_of(labels=labels)).body)["labels"] == labels


def test_labels_are_metadata_elsewhere() -> None:
    sent = written(body_of(labels={"team": "red"}), to="openai.chat")
    assert (json.loads(sent.body)["metadata"], sent.dropped) == ({"team": "red"}, ())
