"""Messages to models that are picky: schemas without bounds, and efforts where others budget."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.wire.anthropic_messages.schemas import closed_schema
from stockyard.wire.drops import Drops
from stockyard.wire.formats import FORMATS

MESSAGES = FORMATS["anthropic.messages"]


def sent(format_name: str, traits: frozenset[str] = frozenset(), **fields: Any) -> Any:
    """A call in some format as it is sent in this one, and what was dropped."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    content = FORMATS[format_name].decode_request(json.dumps(body).encode())
    request = Request(model="m", content=content)
    encoded = MESSAGES.encode_request(request, features=frozenset(), traits=traits)
    return json.loads(encoded.body), encoded.dropped


def closed(schema: Any) -> tuple[Any, tuple[str, ...]]:
    drops = Drops("anthropic.messages")
    return closed_schema(schema, drops), drops.names


@pytest.mark.parametrize(
    ("schema", "told", "dropped"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 9}, {"type": "integer"}, 2),
        ({"type": "string", "maxLength": 9}, {"type": "string"}, 1),
        ({"type": "array", "minItems": 1}, {"type": "array", "minItems": 1}, 0),
        ({"type": "array", "minItems": 2}, {"type": "array"}, 1),
        ({"type": "object"}, {"type": "object", "additionalProperties": False}, 0),
        (
            {"anyOf": [{"type": "number", "minimum": 1}, {"type": "null"}]},
            {"anyOf": [{"type": "number"}, {"type": "null"}]},
            1,
        ),
        (
            {"type": "object", "properties": {"minimum": {"type": "number"}}},
            {
                "type": "object",
                "properties": {"minimum": {"type": "number"}},
                "additionalProperties": False,
            },
            0,
        ),
        (True, True, 0),
    ],
)
def test_what_a_schema_may_not_say_is_left_out_and_told(
    schema: Any, told: Any, dropped: int
) -> None:
    changed, names = closed(schema)
    assert changed == told
    assert len(names) == dropped


def test_a_schema_of_another_format_is_closed_on_its_way() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    body, dropped = sent("openai.chat", response_format=form)
    written = body["output_config"]["format"]["schema"]
    assert written["additionalProperties"] is False
    assert written["properties"] == {"n": {"type": "integer"}}
    assert dropped == ("schema.minimum",)


def test_one_of_this_format_is_the_callers() -> None:
    form = {"type": "json_schema", "schema": {"type": "integer", "minimum": 1}}
    body, dropped = sent("anthropic.messages", max_tokens=9, output_config={"format": form})
    assert body["output_config"]["format"] == form
    assert dropped == ()


@pytest.mark.parametrize(
    ("effort", "adaptive", "said"),
    [
        ("high", True, ({"type": "adaptive"}, {"effort": "high"})),
        ("minimal", True, ({"type": "adaptive"}, {"effort": "low"})),
        ("none", True, ({"type": "disabled"}, None)),
        ("high", False, ({"type": "enabled", "budget_tokens": 4095}, None)),
    ],
)
def test_models_that_decide_themselves_are_told_the_effort(
    effort: str, adaptive: bool, said: tuple[Any, Any]
) -> None:
    traits = frozenset({"adaptive_thinking"} if adaptive else ())
    body, _ = sent("openai.chat", traits, reasoning_effort=effort)
    assert (body["thinking"], body.get("output_config")) == said
