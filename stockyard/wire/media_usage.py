"""Usage of speech, transcriptions and images, in tokens, seconds, characters or images."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from msgspec.structs import replace

from stockyard.core.money import Usage
from stockyard.wire.codec import Traits
from stockyard.wire.usage import ABSURD, read_chat_usage, read_cost

# These calls tell what Responses tell, and transcriptions spell the details in the singular.
_NAMES = {
    "input_tokens": "prompt_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "input_token_details": "prompt_tokens_details",
    "output_tokens": "completion_tokens",
    "output_tokens_details": "completion_tokens_details",
    "output_token_details": "completion_tokens_details",
}
_SECONDS = ("seconds", "prompt_audio_seconds")


def read_media_usage(said: Any, traits: Traits = frozenset(), **units: int) -> Usage | None:
    """What a usage object says, with `units` that the answer shows; None when nothing is known."""
    told: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    renamed = {_NAMES.get(name, name): value for name, value in told.items()}
    for name in _SECONDS:
        seconds = whole_seconds(told.get(name))
        if seconds:
            units["second"] = seconds
    counted = {name: amount for name, amount in units.items() if amount}
    usage = read_chat_usage(renamed, traits)
    if usage is None:
        cost = read_cost(told)
        if not counted and cost is None:
            return None
        usage = Usage(provider_cost_micros=cost)
    return replace(usage, units=counted) if counted else usage


def write_media_usage(usage: Usage | None) -> dict[str, Any] | None:
    """The usage object of an answer: what is counted in tokens, else in seconds."""
    if usage is None:
        return None
    if not usage.total:
        seconds = usage.units.get("second")
        return {"type": "duration", "seconds": seconds} if seconds else None
    heard = {"audio_tokens": usage.in_audio, "image_tokens": usage.in_image}
    details = {name: count for name, count in heard.items() if count}
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"text_tokens": usage.prompt - sum(heard.values()), **details},
        "output_tokens": usage.completion,
        "total_tokens": usage.total,
    }


def whole_seconds(value: Any) -> int:
    """A duration as it is paid for: begun seconds count. 0 for what is no duration."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return 0
    return ceil(seconds) if 0 < seconds <= ABSURD else 0
