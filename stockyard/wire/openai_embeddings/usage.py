"""Usage of calls that read and write no text: what was read is all there is."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.usage import read_chat_usage


def read_usage(said: Any) -> Usage | None:
    """Usage from `prompt_tokens`; from `total_tokens`, where a provider has no more to say."""
    if not isinstance(said, Mapping):
        return None
    prompt = said.get("prompt_tokens")
    if prompt is None:
        prompt = said.get("total_tokens")
    if prompt is None:
        return None
    return read_chat_usage({"completion_tokens": 0, **said, "prompt_tokens": prompt})


def write_usage(usage: Usage | None) -> dict[str, int]:
    prompt = 0 if usage is None else usage.prompt
    return {"prompt_tokens": prompt, "total_tokens": prompt}
