"""The token counts that a recorded answer states, read without the gateway's readers.

It knows the spelling of every family and nothing of quirks: what a provider counts beside the
prompt and the completion shows in its total. Vercel's total does not show it, but its price does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Counts = tuple[int, int]
"""Prompt and completion, each with everything that belongs to it."""

_DATA = re.compile(rb"^(?:data: ?)?(\{.*\})\r?$", re.MULTILINE)


REASONING_BESIDE = frozenset({"vercel"})
"""Whose reasoning stands beside both completion and total: the `cost` in the same answers is that
of prompt, completion and reasoning at list prices."""


REASONING_IN_TOTAL = frozenset({"gemini"})
"""Whose compatible answers count thoughts in the total only."""


def stated(body: bytes, provider: str, *, streamed: bool) -> Counts | None:
    """What an answer says it cost; None when it says nothing."""
    found: dict[str, Any] = {}
    for said in _objects(body, streamed=streamed):
        for usage in _usages(said):
            # Later numbers replace earlier ones; a stream may tell them in two halves.
            found |= {name: value for name, value in usage.items() if value is not None}
    counts = _counts(found) if found else None
    if counts is not None and provider in REASONING_IN_TOTAL and "total_tokens" in found:
        return found["prompt_tokens"], found["total_tokens"] - found["prompt_tokens"]
    if counts is None or provider not in REASONING_BESIDE:
        return counts
    return counts[0], counts[1] + _reasoning(found)


def _objects(body: bytes, *, streamed: bool) -> Iterator[Any]:
    texts = [found[1] for found in _DATA.finditer(body)] if streamed else [body]
    for text in texts:
        try:
            yield json.loads(text)
        except ValueError:
            continue


def _usages(said: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(said, dict):
        return
    inside = (
        said,
        said.get("message"),
        said.get("response"),
        said.get("delta"),
        said.get("x_groq"),
    )
    for place in inside:
        if not isinstance(place, dict):
            continue
        for name in ("usage", "usageMetadata"):
            if isinstance(place.get(name), dict):
                yield place[name]
    if "eval_count" in said:
        yield {name: said.get(name) for name in ("prompt_eval_count", "eval_count")}


def _counts(usage: Mapping[str, Any]) -> Counts | None:
    def count(name: str) -> int:
        return int(usage.get(name) or 0)

    if "prompt_tokens" in usage:
        prompt, completion = count("prompt_tokens"), count("completion_tokens")
        beside = max(0, count("total_tokens") - prompt - completion)
        if beside == _reasoning(usage):
            return prompt, completion + beside
        return prompt + beside, completion
    if "promptTokenCount" in usage:
        prompt = count("promptTokenCount") + count("toolUsePromptTokenCount")
        return prompt, count("candidatesTokenCount") + count("thoughtsTokenCount")
    if "inputTokens" in usage:
        cached = count("cacheReadInputTokens") + count("cacheWriteInputTokens")
        return count("inputTokens") + cached, count("outputTokens")
    if "input_tokens" in usage:
        return _messages_or_responses(usage)
    if "eval_count" in usage:
        return count("prompt_eval_count"), count("eval_count")
    tokens = usage.get("tokens")
    if isinstance(tokens, dict):
        prompt = int(tokens.get("input_tokens") or 0) + int(tokens.get("image_tokens") or 0)
        return prompt, int(tokens.get("output_tokens") or 0)
    return None


def _messages_or_responses(usage: Mapping[str, Any]) -> Counts:
    passes = usage.get("iterations") or [usage]
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    prompt = sum(int(one.get(name) or 0) for one in passes for name in names)
    return prompt, sum(int(one.get("output_tokens") or 0) for one in passes)


def _reasoning(usage: Mapping[str, Any]) -> int:
    return int((usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0)
