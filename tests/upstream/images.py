"""Chats that name images, and the web where these are fetched."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
OLLAMA = "ollama/llava"


@pytest.fixture
async def web() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as web:
        yield web


def opened(
    yard: Yard, web: ScriptedProvider, body: bytes = PNG, status: int = 200
) -> ScriptedProvider:
    """Users may call this one address, though it is our own machine's."""
    yard.set("egress.allow_private", [web.url.removeprefix("http://")])
    fields = {"content-type": "image/png", "location": f"{web.url}/b"}
    return web.sends(status, fields, body)


def a_chat(*urls: str, model: str = OLLAMA, **more: Any) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content = [{"type": "text", "text": "What is this?"}, *parts]
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


async def chat(yard: Yard, *urls: str, **more: Any) -> Heard:
    return await yard.call("/v1/chat/completions", a_chat(*urls, **more))
