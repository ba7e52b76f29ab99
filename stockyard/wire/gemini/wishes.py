"""Thinking and output format settings of a request, both ways."""

from typing import Any

from stockyard.core.request import OutputForm, ReasoningWish
from stockyard.wire.codec import Traits
from stockyard.wire.drops import Drops
from stockyard.wire.efforts import BUDGETS
from stockyard.wire.fields import Fields
from stockyard.wire.gemini.names import FORMAT, THINKING, inside
from stockyard.wire.gemini.schemas import decode_schema, encode_schema, fitted
from stockyard.wire.layout import has_word, layout_of, own_fields, with_layout

LEVELS_TRAIT = "thinking_level"
"""The model takes a level of thinking where older ones take a budget. It cannot be switched off."""
ALWAYS_TRAIT = "always_thinks"
"""The model takes a budget of thinking, but no less than this."""
_LEAST_BUDGET = 128

# Levels that every such model takes, by effort.
_LEVELS = {
    "none": "LOW",
    "minimal": "LOW",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}

# Layout words of a reasoning or output wish.
_OWN = "own"
"""The wish was said in this format."""
_DYNAMIC = "dynamic"
"""A budget of -1: the model decides."""
_TYPELESS = "typeless"
"""Word of a layout: a schema without a type of the answer."""

_JSON, _PLAIN = "application/json", "text/plain"
_SCHEMA, _OWN_SCHEMA = "responseJsonSchema", "responseSchema"


def decode_thinking(config: Fields) -> ReasoningWish | None:
    thinking = inside(config, "thinkingConfig", THINKING)
    if thinking is None:
        return None
    visible, level = thinking.flag("includeThoughts"), thinking.text("thinkingLevel")
    budget = thinking.integer("thinkingBudget")
    effort = level.lower() if level is not None else None
    layout = _OWN
    if budget == -1:
        budget, layout = None, f"{_OWN} {_DYNAMIC}"
    elif budget == 0 and effort is None:
        effort = "none"
    extra = with_layout(thinking.left(FORMAT), FORMAT, layout)
    return ReasoningWish(effort=effort, budget=budget, visible=visible, extra=extra)


def encode_thinking(wish: ReasoningWish, drops: Drops, traits: Traits) -> dict[str, Any]:
    drops.foreign(wish.extra, "reasoning")
    own = has_word(layout_of(wish.extra, FORMAT), _OWN)
    said = _own_thinking(wish) if own else _wished_thinking(wish, drops, traits)
    return own_fields(wish.extra, FORMAT) | said


def _own_thinking(wish: ReasoningWish) -> dict[str, Any]:
    """The wish of a client of this format, as it came."""
    said: dict[str, Any] = {}
    if wish.visible is not None:
        said["includeThoughts"] = wish.visible
    if wish.budget is not None or has_word(layout_of(wish.extra, FORMAT), _DYNAMIC):
        said["thinkingBudget"] = -1 if wish.budget is None else wish.budget
    if wish.effort is not None and wish.budget != 0:
        said["thinkingLevel"] = wish.effort.upper()
    return said


def _wished_thinking(wish: ReasoningWish, drops: Drops, traits: Traits) -> dict[str, Any]:
    """A wish of other formats' clients: an effort, sent as a level or a budget."""
    effort = "none" if wish.mode == "disabled" else wish.effort
    said: dict[str, Any] = {}
    if wish.visible is not False and effort != "none":
        said["includeThoughts"] = True
    if LEVELS_TRAIT in traits and effort in _LEVELS:
        said["thinkingLevel"] = _LEVELS[effort]
        if effort == "none":
            drops.add("reasoning_effort")
    elif effort == "none" and ALWAYS_TRAIT in traits:
        said["thinkingBudget"] = _LEAST_BUDGET
        drops.add("reasoning_effort")
    elif effort == "none":
        said["thinkingBudget"] = 0
    elif (budget := wish.budget or BUDGETS.get(effort or "")) is not None:
        said["thinkingBudget"] = budget
    return said


def decode_output(config: Fields) -> OutputForm | None:
    """The form of the answer. A type that only this format knows stays among the own fields."""
    kind = config.rest.get("responseMimeType")
    if kind not in (_JSON, _PLAIN, None):
        return None
    schema, own_schema = config.rest.get(_SCHEMA), config.rest.get(_OWN_SCHEMA)
    if kind is None and schema is None and own_schema is None:
        return None
    for name in ("responseMimeType", _SCHEMA, _OWN_SCHEMA):
        config.any(name)
    if schema is not None:
        return OutputForm(kind="json_schema", schema=schema, extra=_typed(kind, _SCHEMA))
    if own_schema is not None:
        schema, extra = decode_schema(own_schema, {}, _OWN_SCHEMA)
        layout = layout_of(extra, FORMAT)
        return OutputForm(kind="json_schema", schema=schema, extra=_typed(kind, layout))
    return OutputForm(kind="json_object" if kind == _JSON else "text", extra=_typed(kind, ""))


def encode_output(form: OutputForm, drops: Drops) -> dict[str, Any]:
    drops.foreign(form.extra, "response_format")
    said: dict[str, Any] = {}
    layout = layout_of(form.extra, FORMAT)
    if not has_word(layout, _TYPELESS):
        said["responseMimeType"] = _PLAIN if form.kind == "text" else _JSON
    if form.kind == "json_schema" and form.schema is not None:
        schema = form.schema if layout else fitted(form.schema)
        field, schema = encode_schema(schema, form.extra, _SCHEMA, _OWN_SCHEMA)
        said[field] = schema
    if form.strict:
        drops.add("response_format.json_schema.strict")
    return said


def _typed(kind: Any, layout: str) -> dict[str, dict[str, Any]]:
    said = f"{layout} {_TYPELESS}" if kind is None else layout
    return with_layout({}, FORMAT, said.strip())
