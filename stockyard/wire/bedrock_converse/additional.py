"""Fields that only some models take, in `additionalModelRequestFields`.

Their names are those of the model's own format; which it is, traits tell.
"""

from typing import Any

from stockyard.core.request import Content, ReasoningWish
from stockyard.wire.anthropic_messages.request import thinking_of
from stockyard.wire.codec import Traits
from stockyard.wire.layout import Drops

MESSAGES_FIELDS = "messages_fields"
"""The model takes fields of `anthropic.messages`."""
NESTED_TOP_K = "nested_top_k"
"""The model takes `topK` among its own settings."""
REASONING_CONFIG = "reasoning_config"
"""The model takes `reasoningConfig`."""
ADAPTIVE = "adaptive_thinking"

_NO_LIMIT = 1 << 30
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_HIGHEST = "high"

_Object = dict[str, Any]


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
        if forced and thinking["type"] != "disabled":
            # Forced tools and thinking exclude each other; the forced tool is the stronger wish.
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
