"""A provider with quirks, and what it is sent."""

from typing import Any

import msgspec

from stockyard.providers.catalog import load
from stockyard.providers.provider import Provider
from stockyard.providers.quirks import apply
from stockyard.providers.quirks.names import PLAIN, quirk

CHAT = "openai.chat"
MESSAGES = "anthropic.messages"
OLLAMA = "ollama.chat"
HI = [{"role": "user", "content": "hi"}]


def turn(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def a_provider(*quirks: str, **fields: Any) -> Provider:
    house = {"kind": CHAT, "base_url": "https://x.example", "quirks": list(quirks), **fields}
    provider = load({"house": house}).get("house")
    assert provider is not None
    return provider


def sent_by(
    provider: Provider, asked: dict[str, Any], format_: str = CHAT
) -> tuple[dict[str, Any], list[str]]:
    """What is sent besides what the test did not mention, and what was noted."""
    body = {"model": "m", "messages": HI} | asked
    changed = apply(provider, body["model"], format_, msgspec.json.encode(body))
    sent = msgspec.json.decode(changed.body)
    unmentioned = ("model", *(() if "messages" in asked else ("messages",)))
    return {k: v for k, v in sent.items() if k not in unmentioned}, list(changed.noted)


ALL = (
    *PLAIN,
    "drop:n",
    "clamp:temperature:0:1",
    "rename:seed>x",
    "reasoning_drops:stop",
    "thinking_switch:enable_thinking",
)


KEYS = sorted({key for name in ALL for key in getattr(quirk(name), "looks_at", ())})
