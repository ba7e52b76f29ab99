"""Quirks of servers whose context size is set per request."""

from typing import Any

from msgspec import json

from stockyard.core.estimate import JSON_BYTES, tokens_in
from stockyard.providers.quirks.quirk import Body, Change, ModelTraits, without

USUAL = 4_096
"""Context size in tokens unless the request needs more."""
MOST = 131_072
ANSWER = 1_024
"""Tokens kept free for an answer whose length is not limited."""


def num_ctx_from_prompt(body: Body, model: ModelTraits) -> Change:
    """Ollama: what does not fit is cut off without a word, so room is asked for.

    In powers of two, because each other size loads the model anew.
    """
    options = body.get("options") or {}
    if "num_ctx" in options:
        return Change(body)
    answer = options.get("num_predict")
    wanted = _prompt(body) + (answer if isinstance(answer, int) and answer > 0 else ANSWER)
    if wanted <= USUAL:
        return Change(body)
    room = min(1 << (wanted - 1).bit_length(), MOST)
    return Change(body | {"options": {**options, "num_ctx": room}})


def _prompt(body: Body) -> int:
    messages: list[dict[str, Any]] = body.get("messages") or []
    said = [message.get("content") for message in messages]
    others = [without(message, "content", "images") for message in messages]
    beside = json.encode([others, body.get("tools"), body.get("format")])
    return tokens_in("".join(s for s in said if isinstance(s, str))) + len(beside) // JSON_BYTES
