"""Fields that only chat and Responses have in common.

OpenAI accepts them in both. Other providers that speak one of the two did not define these fields,
so they are not sent to them (`wire.md` 1.5).
"""

from typing import Any

from stockyard.core.messages import Extra
from stockyard.core.request import Request
from stockyard.wire.codec import Traits

CHAT, RESPONSES = "openai.chat", "openai.responses"
_BOTH = {CHAT: RESPONSES, RESPONSES: CHAT}
TRAIT = "shared_fields"
"""Trait of the models that accept the fields of both formats."""
_SHARED = frozenset(
    {"prompt_cache_options", "prompt_cache_retention", "safety_identifier", "moderation"}
)
_VERBOSITY = "verbosity"
"""In Responses it is part of `text`."""


def with_shared(request: Request, target: str, traits: Traits) -> Request:
    """The request with what the other of the two formats said as fields of `target`."""
    if TRAIT not in traits:
        return request
    extra = request.content.extra
    theirs = extra.get(_BOTH[target])
    if theirs is None:
        return request
    moved = {name: theirs[name] for name in theirs.keys() & _SHARED}
    left = {name: value for name, value in theirs.items() if name not in _SHARED}
    if target == RESPONSES and _VERBOSITY in left:
        moved["text"] = {_VERBOSITY: left.pop(_VERBOSITY)}
    elif target == CHAT and isinstance(text := left.get("text"), dict) and _VERBOSITY in text:
        moved[_VERBOSITY] = text[_VERBOSITY]
        left |= _without_verbosity(left.pop("text"))
    if not moved:
        return request
    changed: Extra = {**extra, target: {**extra.get(target, {}), **moved}}
    changed[_BOTH[target]] = left
    return request.replace(extra=changed)


def _without_verbosity(text: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in text.items() if name != _VERBOSITY}
    return {"text": rest} if rest else {}
