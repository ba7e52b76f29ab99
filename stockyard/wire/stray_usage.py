"""Find usage in an answer that no codec parses.

Native routes relay what they cannot parse, and it is billed all the same. Nearly every provider
ends its answer or stream with a `usage` object, and the names in it tell what its numbers mean.
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.bedrock_converse.usage import read_usage as read_converse_usage
from stockyard.wire.codec import Fields
from stockyard.wire.cohere_chat.usage import read_usage as read_cohere_usage
from stockyard.wire.cohere_embed.meta import read_meta
from stockyard.wire.gemini.interaction_usage import TOLD_BY, read_interaction_usage
from stockyard.wire.gemini.usage import read_usage as read_gemini_usage
from stockyard.wire.media_usage import read_media_usage
from stockyard.wire.usage import Counts, read_chat_usage

TAIL_BYTES = 64 * 1024
"""How much of the end of an answer is enough to hold its usage."""

_decode = json.JSONDecoder().raw_decode
_OF_MEDIA = frozenset({"input_tokens_details", "input_token_details", "total_tokens", "seconds"})
"""What the counts of Responses, images and sound have, and those of Messages have not."""
_SEALED = re.compile(rb'"bytes": ?"([A-Za-z0-9+/]+=*)"')
"""An event in a frame of an AWS event stream."""
_LAST_EVENTS = 8

_COUNTED = {
    b"x-amzn-bedrock-input-token-count": "in_fresh",
    b"x-amzn-bedrock-cache-read-input-token-count": "in_cached",
    b"x-amzn-bedrock-cache-write-input-token-count": "in_written_5m",
    b"x-amzn-bedrock-output-token-count": "out_text",
    b"x-prompt-tokens": "in_fresh",
    b"x-generated-tokens": "out_text",
}
"""Header fields that count tokens."""
_COUNT = re.compile(rb"[0-9]{1,9}")


def _count_of(*names: str) -> re.Pattern[str]:
    return re.compile(f'"(?:{"|".join(names)})": ?([0-9]{{1,9}})\\b')


_ASKED = _count_of(
    *("input_token_count", "prompt_token_count", "prompt_eval_count", "num_tokens_prompt_total")
)
_ANSWERED = _count_of(
    *("generated_token_count", "generation_token_count", "output_token_count", "eval_count"),
    "num_tokens_generated",
)
"""Counts that stand among the results. Each event of a stream counts what was generated so far,
and only the first one what was asked."""


def usage_in_fields(fields: Fields) -> Usage | None:
    """Usage that the head of an answer tells; None when it tells none."""
    counts: dict[str, Any] = {
        _COUNTED[name]: int(value)
        for name, value in fields
        if name in _COUNTED and _COUNT.fullmatch(value)
    }
    return Usage(**counts) if any(counts.values()) else None


def stray_usage(tail: bytes) -> Usage | None:
    """The last usage object in the end of an answer; None when there is none that counts."""
    # In frames, the events are base64 text.
    sealed = [b64decode(event + b"==") for event in _SEALED.findall(tail)[-_LAST_EVENTS:]]
    text = b"\n".join([tail, *sealed]).decode("utf-8", "replace")
    for key, read in _READERS:
        at = text.rfind(key)
        while at >= 0:
            value = _object_after(text, at + len(key))
            usage = read(value) if value else None
            if usage is not None and (usage.total or usage.units):
                return usage
            at = text.rfind(key, 0, at)
    return _among_results(text)


def _object_after(text: str, start: int) -> dict[str, Any] | None:
    colon = text.find(":", start)
    brace = text.find("{", start)
    if colon < 0 or brace < colon or text[start:brace].strip(" \t\r\n:"):
        return None
    try:
        value = _decode(text, brace)[0]
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _among_results(text: str) -> Usage | None:
    asked, answered = (
        max(map(int, pattern.findall(text)), default=0) for pattern in (_ASKED, _ANSWERED)
    )
    return Usage(in_fresh=asked, out_text=answered) if asked or answered else None


def _by_names(said: Mapping[str, Any]) -> Usage | None:
    if "prompt_tokens" in said:
        return read_chat_usage(said)
    if "inputTokens" in said:
        return read_converse_usage(said)
    if TOLD_BY in said:
        return read_interaction_usage(said)
    if "billed_units" in said:
        return read_cohere_usage(said)
    if not _OF_MEDIA.isdisjoint(said):
        # Who tells a total and nothing else embeds or compares: all of it was asked.
        return read_media_usage(said) or Usage(in_fresh=Counts(said).count("total_tokens"))
    counts = Counts(said)
    return Usage(
        in_fresh=counts.count("input_tokens"),
        in_cached=counts.count("cache_read_input_tokens"),
        in_written_5m=counts.count("cache_creation_input_tokens"),
        out_text=counts.count("output_tokens"),
        flags=counts.flags,
    )


def _metadata(said: Mapping[str, Any]) -> Usage | None:
    """What an answer counts; what is kept for later calls (`cachedContents`) has nothing but a
    total, which was written then."""
    usage = read_gemini_usage(said)
    if usage is None or usage.total:
        return usage
    return Usage(in_written_other=Counts(said).count("totalTokenCount"))


def _meta(said: Mapping[str, Any]) -> Usage | None:
    """What the first version of Cohere's API counts; embeddings have no answer to count."""
    billed = said.get("billed_units")
    answers = "tokens" in said or (isinstance(billed, Mapping) and "output_tokens" in billed)
    return read_cohere_usage(said) if answers else read_meta(said)


def _metrics(said: Mapping[str, Any]) -> Usage:
    counts = Counts(said)
    return Usage(
        in_fresh=counts.count("inputTokenCount"),
        in_cached=counts.count("cacheReadInputTokenCount"),
        in_written_5m=counts.count("cacheWriteInputTokenCount"),
        out_text=counts.count("outputTokenCount"),
        flags=counts.flags,
    )


_READERS = (
    ('"usageMetadata"', _metadata),
    ('"usage"', _by_names),
    ('"amazon-bedrock-invocationMetrics"', _metrics),
    ('"meta"', _meta),
)
