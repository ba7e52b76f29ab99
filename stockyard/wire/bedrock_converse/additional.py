"""Model-specific fields in `additionalModelRequestFields`.

Their names follow the model's own format, which its traits tell.
"""

from typing import Any, NamedTuple

from stockyard.core.request import Content, ReasoningWish
from stockyard.wire.anthropic_messages.request import thinking_of
from stockyard.wire.codec import Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.layout import has_word

MESSAGES_FIELDS = "messages_fields"
"""The model takes fields of `anthropic.messages`."""
NESTED_TOP_K = "nested_top_k"
"""The model takes `topK` among its own settings."""
REASONING_CONFIG = "reasoning_config"
"""The model takes `reasoningConfig`."""
ADAPTIVE = "adaptive_thinking"

ADDITIONAL = "additionalModelRequestFields"
_DISABLED = {"type": "disabled"}
_NO_LIMIT = 1 << 30
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_HIGHEST = "high"

_Object = dict[str, Any]


class Wishes(NamedTuple):
    """Neutral wishes that a request expressed in these fields."""

    top_k: int | None = None
    reasoning: ReasoningWish | None = None
    shape: str | None = None
    """Traits that a model must have for which they were said so."""


def take_wishes(fields: Fields) -> Wishes:
    """Take the wishes out of the request. Anything not fully understood stays."""
    said = fields.rest.get(ADDITIONAL)
    if not isinstance(said, dict):
        return Wishes()
    rest, traits, top_k = dict(said), list[str](), None
    if type(rest.get("top_k")) is int:
        top_k = rest.pop("top_k")
        traits.append(MESSAGES_FIELDS)
    elif type(nested := _alone(rest.get("inferenceConfig"), "topK")) is int:
        top_k = nested
        del rest["inferenceConfig"]
        traits.append(NESTED_TOP_K)
    reasoning = _thinking(rest.get("thinking"))
    if reasoning is not None:
        del rest["thinking"]
        traits.append(MESSAGES_FIELDS)
    elif (reasoning := _reasoning_config(rest.get("reasoningConfig"))) is not None:
        del rest["reasoningConfig"]
        traits.append(REASONING_CONFIG)
    if traits:
        fields.any(ADDITIONAL)
        if rest:
            fields.rest[ADDITIONAL] = rest
    return Wishes(top_k, reasoning, " ".join(dict.fromkeys(traits)) or None)


def with_spelling(traits: Traits, shape: str | None) -> Traits:
    """The model's traits, plus those that a request in this format implied."""
    spelled = (MESSAGES_FIELDS, NESTED_TOP_K, REASONING_CONFIG)
    return traits | {trait for trait in spelled if has_word(shape, trait)}


def additional_fields(content: Content, drops: Drops, traits: Traits, *, forced: bool) -> _Object:
    """The fields for this model. `forced`: the request demands that a tool is called."""
    fields: _Object = {}
    if content.top_k is not None:
        if MESSAGES_FIELDS in traits:
            fields["top_k"] = content.top_k
        elif NESTED_TOP_K in traits:
            fields["inferenceConfig"] = {"topK": content.top_k}
        else:
            drops.add("top_k")
    if content.parallel_tools is False and content.tools:
        if MESSAGES_FIELDS in traits:
            kind = {"type": "any" if forced else "auto", "disable_parallel_tool_use": True}
            fields["tool_choice"] = kind
        else:
            drops.add("parallel_tool_calls")
    if content.reasoning is not None:
        fields |= _reasoning(content.reasoning, content, drops, traits, forced=forced)
        if fields.get("thinking", _DISABLED) != _DISABLED and fields.pop("top_k", None) is not None:
            # A model that thinks takes it no more than another temperature.
            drops.add("top_k")
    return fields


def _reasoning(
    wish: ReasoningWish, content: Content, drops: Drops, traits: Traits, *, forced: bool
) -> _Object:
    drops.foreign(wish.extra, "reasoning")
    if MESSAGES_FIELDS in traits:
        limit = content.max_output or _NO_LIMIT
        thinking = thinking_of(wish, limit, adaptive=ADAPTIVE in traits)
        if thinking is None:
            return {}
        if forced and thinking["type"] != "disabled" and wish.mode is None:
            # Forced tools and thinking exclude each other; the forced tool takes precedence.
            drops.add("reasoning_effort")
            return {}
        return {"thinking": thinking}
    effort = "none" if wish.mode == "disabled" else wish.effort
    if effort == "none" or (effort is None and wish.budget is None and wish.mode is None):
        return {}
    if REASONING_CONFIG in traits:
        level = _EFFORTS.get(effort or "medium", _HIGHEST)
        return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}
    drops.add("reasoning_effort")
    return {}


def _alone(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) and len(value) == 1 else None


def _thinking(value: Any) -> ReasoningWish | None:
    """As `anthropic.messages` says it."""
    if not isinstance(value, dict) or not value.keys() <= {"type", "budget_tokens"}:
        return None
    mode, budget = value.get("type"), value.get("budget_tokens")
    if not isinstance(mode, str) or not (budget is None or type(budget) is int):
        return None
    return ReasoningWish(mode=mode, budget=budget)


def _reasoning_config(value: Any) -> ReasoningWish | None:
    if not isinstance(value, dict) or value.keys() != {"type", "maxReasoningEffort"}:
        return None
    effort = value["maxReasoningEffort"]
    known = value["type"] == "enabled" and effort in ("low", "medium", "high")
    return ReasoningWish(effort=effort) if known else None
