"""Fields of a chat request that an operator leaves out or renames, whoever sends them."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import Extra
from stockyard.core.request import Content

_NEUTRAL: Mapping[str, Any] = {
    "temperature": None,
    "top_p": None,
    "top_k": None,
    "min_p": None,
    "stop": None,
    "seed": None,
    "n": None,
    "presence_penalty": None,
    "frequency_penalty": None,
    "logit_bias": None,
    "logprobs": None,
    "top_logprobs": None,
    "service_tier": None,
    "metadata": None,
    "modalities": None,
    "store": None,
    "max_tokens": None,
    "tools": (),
    "tool_choice": None,
    "parallel_tool_calls": None,
    "response_format": None,
    "reasoning_effort": None,
    "prompt_cache_key": None,
    "user": None,
}
"""Fields that every format has, as most clients call them, and what stands for each when it is
absent."""

_SPELLED = {
    "max_tokens": "max_output",
    "parallel_tool_calls": "parallel_tools",
    "response_format": "output",
    "reasoning_effort": "reasoning",
    "prompt_cache_key": "cache_key",
    "user": "end_user",
}


def left_out(content: Content, names: Iterable[str]) -> Content:
    """The content without these fields. Of fields that only one format has, its own name counts."""
    names = tuple(names)
    changes = {_SPELLED.get(name, name): _NEUTRAL[name] for name in names if name in _NEUTRAL}
    changes = {name: value for name, value in changes.items() if getattr(content, name) != value}
    extra = {
        format_: {key: value for key, value in fields.items() if key not in names}
        for format_, fields in content.extra.items()
    }
    return _changed(content, changes, extra)


def renamed(content: Content, names: Mapping[str, str]) -> Content:
    """The content with fields that only one format has under other names."""
    extra = {
        format_: {names.get(key, key): value for key, value in fields.items()}
        for format_, fields in content.extra.items()
    }
    return _changed(content, {}, extra)


def _changed(content: Content, changes: dict[str, Any], extra: Extra) -> Content:
    """The very same content when nothing changed."""
    if extra != content.extra:
        changes["extra"] = extra
    return replace(content, **changes) if changes else content
