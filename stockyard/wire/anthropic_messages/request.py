"""Messages requests, both ways.

Not preserved when a request is re-encoded (`wire.md` 1, law 6): explicit nulls of known fields,
`stream: false`, and empty text blocks, which the provider refuses.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from stockyard.core.request import Content, OutputForm, ReasoningWish, Request
from stockyard.wire import strict
from stockyard.wire.anthropic_messages.blocks import (
    FORMAT,
    cites_all,
    is_blank,
    take_cache,
    with_cache,
)
from stockyard.wire.anthropic_messages.schemas import closed_schema
from stockyard.wire.anthropic_messages.threads import FIELD as THREAD
from stockyard.wire.anthropic_messages.threads import TIE
from stockyard.wire.anthropic_messages.tools import (
    add_inert_tool,
    add_tools,
    decode_tool,
    take_choice,
)
from stockyard.wire.anthropic_messages.turns import (
    TURN,
    decode_system,
    decode_turns,
    encode_system,
    encode_turns,
)
from stockyard.wire.codec import Dropped, Traits
from stockyard.wire.drops import FILENAME, Drops, Unsayable
from stockyard.wire.efforts import BUDGETS
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, layout_of, own_fields, with_layout, words
from stockyard.wire.turns import leading_system, with_json_wish
from stockyard.wire.user_names import without_address

DEFAULT_MAX_TOKENS = 4_096
"""Where the model's own maximum is not known; the field is required."""

SMALLEST_BUDGET = 1_024

EFFORT = "effort"
"""Layout of a reasoning wish whose effort came in this format."""

OWN_SCHEMA = "own"
"""Layout of a form whose schema was written for this format."""

USER = "user_id"
"""Shape of a request that named its user in this format."""

WHILE_THINKING: Mapping[str, Callable[[float], bool]] = {
    "temperature": lambda value: value == 1,
    "top_p": lambda value: value >= 0.95,
    "top_k": lambda value: False,
}
"""Sampling settings, and which of their values a model accepts while thinking
(https://platform.claude.com/docs/en/build-with-claude/extended-thinking)."""

_TIERS = {"auto": "auto", "standard_only": "default"}
_TIERS_OUT = {tier: said for said, tier in _TIERS.items()}
_DISABLED = {"type": "disabled"}

_UNSAYABLE = Unsayable(
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "min_p",
    "cache_key",
    "modalities",
    "store",
    "previous",
    "n",
)
"""Neutral fields that this format cannot express."""


def decode_request(body: bytes) -> Content:
    return _decode(Fields(strict.parse(body)))


def _decode(fields: Fields) -> Content:
    fields.any("model")
    fields.any("stream")
    turns = fields.items("messages")
    if turns is None:
        raise FieldError("messages", "an array")
    output, older = _take_output(fields)
    choice, parallel = take_choice(fields)
    user = _take_user(fields)
    return Content(
        messages=(*decode_system(fields.any("system")), *decode_turns(turns)),
        max_output=fields.integer("max_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        stop=fields.texts("stop_sequences"),
        tools=tuple(decode_tool(t, i) for i, t in enumerate(fields.items("tools") or ())),
        tool_choice=choice,
        parallel_tools=parallel,
        output=output,
        reasoning=_take_reasoning(fields),
        service_tier=_take_tier(fields),
        end_user=user,
        cache=take_cache(fields),
        tie=TIE if fields.rest.get(THREAD) is not None else None,
        extra=fields.left(FORMAT),
        shape=words("output_format" if older else None, USER if user is not None else None),
    )


def encode_request(request: Request, *, features: Traits, max_output: int | None) -> Dropped:
    body, dropped = encode_fields(request, features=features, max_output=max_output)
    return Dropped(msgspec.json.encode(body), dropped)


def encode_fields(
    request: Request, *, features: Traits, max_output: int | None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields of a request, and the names of those that could not be said."""
    content, drops = request.content, Drops(FORMAT)
    drops.foreign(content.extra)
    drops.beside(content.messages, keeps=(FILENAME,), cites=cites_all)
    drops.unsayable(content, _UNSAYABLE)
    head, rest = leading_system(content.messages, own_turn=TURN)
    body: dict[str, Any] = {"model": request.model}
    system = encode_system(with_json_wish(head, content), drops)
    if system is not None:
        body["system"] = system
    body["messages"] = encode_turns(rest, drops, system_role="system_messages" in features)
    limit = content.max_output
    body["max_tokens"] = (max_output or DEFAULT_MAX_TOKENS) if limit is None else limit
    _add_sampling(body, content, drops)
    add_tools(body, content, drops)
    add_inert_tool(body, features)
    wish = content.reasoning
    if wish is not None:
        _add_reasoning(body, wish, drops, adaptive="adaptive_thinking" in features)
        if wish.mode is None:
            # A client that asked for thinking in this format knows its constraints.
            drops.add(*_without_sampling(body))
    _add_output(body, content, drops)
    _add_caller(body, content, drops)
    own = own_fields(content.extra, FORMAT)
    if "cache_control" not in own:
        body = with_cache(body, content.cache)
    if request.stream:
        body["stream"] = True
    return _over(own, body), drops.names


def _take_output(fields: Fields) -> tuple[OutputForm | None, bool]:
    """The output format. Some clients still send its older field name."""
    config = fields.rest.get("output_config")
    wish = config.get("format") if isinstance(config, dict) else None
    older = wish is None and isinstance(fields.rest.get("output_format"), dict)
    if older:
        wish = fields.any("output_format")
    if wish is None:
        return None, False
    form = Fields(wish, "output_config.format")
    if not older and isinstance(config, dict):
        fields.rest["output_config"] = {k: v for k, v in config.items() if k != "format"}
    kind = form.required_text("type")
    if kind != "json_schema":
        raise FieldError(form.at("type"), "json_schema")
    schema = form.any("schema")
    extra = with_layout(form.left(FORMAT), FORMAT, OWN_SCHEMA)
    return OutputForm(kind="json_schema", schema=schema, extra=extra), older


def _take_tier(fields: Fields) -> str | None:
    """A service tier that other formats share; any other stays in the format's own fields."""
    said = fields.rest.get("service_tier")
    tier = _TIERS.get(said) if isinstance(said, str) else None
    if tier is not None:
        fields.any("service_tier")
    return tier


def _take_user(fields: Fields) -> str | None:
    metadata = fields.rest.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("user_id"), str):
        return None
    others = {key: value for key, value in metadata.items() if key != "user_id"}
    if others:
        fields.rest["metadata"] = others
    else:
        del fields.rest["metadata"]
    user: str = metadata["user_id"]
    return user


def _take_reasoning(fields: Fields) -> ReasoningWish | None:
    thinking = fields.inside("thinking")
    config = fields.inside("output_config")
    effort = config.text("effort") if config is not None else None
    if config is not None and config.rest:
        fields.rest["output_config"] = config.rest
    layout = EFFORT if effort is not None else ""
    if thinking is None:
        own = with_layout({}, FORMAT, layout)
        return None if effort is None else ReasoningWish(effort=effort, extra=own)
    mode, budget, display = (
        thinking.text("type"),
        thinking.integer("budget_tokens"),
        thinking.any("display"),
    )
    if display is not None and display != "omitted":
        thinking.rest["display"] = display
    return ReasoningWish(
        effort=effort,
        budget=budget,
        mode=mode,
        visible=False if display == "omitted" else None,
        extra=with_layout(thinking.left(FORMAT), FORMAT, layout),
    )


def _add_sampling(body: dict[str, Any], content: Content, drops: Drops) -> None:
    if content.temperature is not None:
        body["temperature"] = min(content.temperature, 1)
        if content.temperature > 1:
            drops.add("temperature")
    if content.top_p is not None:
        body["top_p"] = content.top_p
    if content.top_k is not None:
        body["top_k"] = content.top_k
    if content.stop is None:
        return
    # One that is only blanks is refused.
    stops = [stop for stop in content.stop if not is_blank(stop)]
    if stops or (content.stop == () and FORMAT in content.extra):
        body["stop_sequences"] = stops
    if len(stops) < len(content.stop):
        drops.add("stop")


def _add_reasoning(
    body: dict[str, Any], wish: ReasoningWish, drops: Drops, *, adaptive: bool
) -> None:
    drops.foreign(wish.extra, "reasoning")
    thinking = thinking_of(wish, body["max_tokens"], adaptive=adaptive)
    said_here = layout_of(wish.extra, FORMAT) == EFFORT
    if said_here or (adaptive and wish.effort in BUDGETS):
        body["output_config"] = {"effort": "low" if wish.effort == "minimal" else wish.effort}
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
    if thinking not in (None, _DISABLED) and forced and wish.mode is None:
        # Forced tools and thinking exclude each other; the forced tool takes precedence.
        drops.add("reasoning_effort")
        return
    if thinking is not None:
        body["thinking"] = thinking
    elif "output_config" not in body and (wish.budget or wish.effort in BUDGETS):
        # The answer may not become as long as the shortest thinking.
        drops.add("reasoning_effort")


def thinking_of(wish: ReasoningWish, limit: int, *, adaptive: bool) -> dict[str, Any] | None:
    own = own_fields(wish.extra, FORMAT)
    display = {"display": "omitted"} if wish.visible is False else {}
    if wish.mode is not None:
        budget = {} if wish.budget is None else {"budget_tokens": wish.budget}
        return {**own, "type": wish.mode, **budget, **display}
    if wish.effort == "none":
        return _DISABLED
    if layout_of(wish.extra, FORMAT) == EFFORT:
        return None
    if adaptive and wish.effort is not None:
        return {"type": "adaptive", **display}
    budget_tokens = wish.budget or BUDGETS.get(wish.effort or "")
    if budget_tokens is None:
        return None
    budget_tokens = min(budget_tokens, limit - 1)
    if budget_tokens < SMALLEST_BUDGET:
        return None
    return {"type": "enabled", "budget_tokens": budget_tokens, **display}


def _without_sampling(body: dict[str, Any]) -> list[str]:
    """Remove the sampling settings that a model refuses while thinking, and name them."""
    if body.get("thinking", _DISABLED) == _DISABLED:
        return []
    refused = [
        name for name, fits in WHILE_THINKING.items() if name in body and not fits(body[name])
    ]
    for name in refused:
        del body[name]
    return refused


def _add_output(body: dict[str, Any], content: Content, drops: Drops) -> None:
    form = content.output
    if form is None or form.schema is None:
        return
    drops.foreign(form.extra, "response_format")
    own = layout_of(form.extra, FORMAT) == OWN_SCHEMA
    schema = form.schema if own else closed_schema(form.schema, drops)
    said = {**own_fields(form.extra, FORMAT), "type": "json_schema", "schema": schema}
    if has_word(content.shape, "output_format"):
        body["output_format"] = said
    else:
        body["output_config"] = {**body.get("output_config", {}), "format": said}


def _add_caller(body: dict[str, Any], content: Content, drops: Drops) -> None:
    if content.end_user is not None:
        # This format asks for no personal data here.
        own = has_word(content.shape, USER)
        user = content.end_user if own else without_address(content.end_user)
        body["metadata"] = {"user_id": user}
    if content.metadata:
        drops.add("metadata")
    if content.service_tier is not None:
        tier = _TIERS_OUT.get(content.service_tier)
        if tier is not None:
            body["service_tier"] = tier
        else:
            drops.add("service_tier")


def _over(own: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Merge the fields we wrote over the carried unknown ones. Objects merge one level deep."""
    for key, value in own.items():
        mine = body.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            body[key] = {**value, **mine}
        elif mine is None:
            body[key] = value
    return body
