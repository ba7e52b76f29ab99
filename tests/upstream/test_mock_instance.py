"""The smallest JSON that satisfies a schema."""

from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.upstream.mock.instance import smallest_instance, smallest_object


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({}, None),
        (True, None),
        ({"type": "string"}, ""),
        ({"type": "string", "minLength": 3}, "xxx"),
        ({"type": "string", "format": "date"}, "2000-01-01"),
        ({"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-000000000000"),
        ({"type": "string", "format": "email"}, "a@b.example"),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMaximum": -3}, -4),
        ({"type": "integer", "minimum": 2.5}, 3),
        ({"type": "integer", "minimum": 5, "multipleOf": 4}, 8),
        ({"type": "integer", "maximum": -5, "multipleOf": 4}, -8),
        ({"type": "integer", "exclusiveMinimum": 8, "multipleOf": 4}, 12),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "minimum": 0.25}, 0.25),
        ({"type": ["null", "integer"]}, 0),
        ({"type": ["string", "null"]}, ""),
        ({"const": {"a": [1]}}, {"a": [1]}),
        ({"enum": ["long", "no", "maybe"]}, "no"),
        ({"type": "array"}, []),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["", ""]),
        (
            {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}, "minItems": 2},
            ["", 0],
        ),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
        ({"properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": ""}),
        ({"type": "object", "required": ["unheard of"]}, {"unheard of": None}),
        ({"properties": {"a": {"type": "string"}}, "minProperties": 1}, {"a": ""}),
        ({"additionalProperties": {"type": "integer"}, "minProperties": 1}, {"p0": 0}),
        ({"anyOf": [{"type": "string", "minLength": 9}, {"type": "integer"}]}, 0),
        ({"oneOf": [{"type": "object"}, {"const": "a long constant"}]}, {}),
        (
            {
                "allOf": [
                    {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
                    {"properties": {"b": {"type": "string"}}, "required": ["b"]},
                ]
            },
            {"a": 0, "b": ""},
        ),
        (
            {
                "type": "object",
                "properties": {"where": {"$ref": "#/$defs/pl~1ce"}},
                "required": ["where"],
                "$defs": {
                    "pl/ce": {"properties": {"x": {"type": "number"}}, "required": ["x"]},
                },
            },
            {"where": {"x": 0}},
        ),
    ],
)
def test_an_instance_has_nothing_that_need_not_be_there(schema: Any, instance: Any) -> None:
    made = smallest_instance(schema)

    assert made == instance
    assert jsonschema_rs.is_valid(schema, made)


@pytest.mark.parametrize("schema", [None, {}, {"type": "string"}, [], "x", {"type": "object"}])
def test_arguments_of_a_tool_are_always_an_object(schema: Any) -> None:
    assert smallest_object(schema) == {}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/nothing"},
        {"$ref": "https://example.com/schema"},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {
            "$defs": {
                f"d{n}": {
                    "properties": {
                        "a": {"$ref": f"#/$defs/d{n + 1}"},
                        "b": {"$ref": f"#/$defs/d{n + 1}"},
                    },
                    "required": ["a", "b"],
                }
                for n in range(60)
            },
            "$ref": "#/$defs/d0",
        },
        {"type": "array", "minItems": 10**12},
        {"type": "string", "minLength": 10**12},
        {"type": "object", "minProperties": 10**12},
        {"type": "array", "minItems": 9999, "items": {"type": "array", "minItems": 9999}},
    ],
)
def test_a_schema_without_end_has_an_end_here(schema: Any) -> None:
    assert len(msgspec.json.encode(smallest_instance(schema))) < 1_000_000


KEYWORDS = (
    "additionalProperties allOf anyOf const enum exclusiveMaximum format items minItems minLength "
    "minProperties minimum multipleOf prefixItems properties required type $ref"
)
WORDS = [*KEYWORDS.split(), "object", "array", "string", "integer"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=400)
@given(st.dictionaries(st.sampled_from(WORDS), JSON, max_size=5))
def test_any_json_may_be_given_for_a_schema(schema: dict[str, Any]) -> None:
    assert msgspec.json.encode(smallest_instance(schema))
