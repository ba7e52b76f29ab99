"""Drop or rename fields of chat requests, as an operator's rules say."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import Extra
from stockyard.core.request import Content
from stockyard.core.usual_names import USUAL_NAMES

_COMMON = frozenset(
    {
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "stop",
        "seed",
        "n",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "service_tier",
        "metadata",
        "modalities",
        "store",
        "max_tokens",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
        "prompt_cache_key",
        "user",
        "tools",
    }
)
"""Fields that every format has, as most clients call them."""
_OWN_NAMES = {usual: name for name, usual in USUAL_NAMES.items()}
_SILENT = Content()
"""The default of each field, which means that the client did not set it."""


def left_out(content: Content, names: Iterable[str]) -> Content:
    """The content without these fields, by their usual names. Fields that only one format has go by
    the name they have there."""
    names = tuple(names)
    said = (_OWN_NAMES.get(name, name) for name in names if name in _COMMON)
    changes = {
        field: getattr(_SILENT, field)
        for field in said
        if getattr(content, field) != getattr(_SILENT, field)
    }
    extra = {
        format_: {key: value for key, value in fields.items() if key not in names}
        for format_, fields in content.extra.items()
    }
    return _changed(content, changes, extra)


def renamed(content: Content, names: Mapping[str, str]) -> Content:
    """The content with some format-specific fields renamed."""
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
