"""Builders for requests of `gemini`."""

import json
from typing import Any

from hypothesis import strategies as st

from stockyard.core.request import Request
from stockyard.wire.codec import Dropped
from stockyard.wire.formats import FORMATS

GEMINI, CHAT, MESSAGES = FORMATS["gemini"], FORMATS["openai.chat"], FORMATS["anthropic.messages"]


NONE: frozenset[str] = frozenset()
HI = {"role": "user", "parts": [{"text": "hi"}]}


def body_of(**fields: Any) -> bytes:
    return json.dumps({"contents": [HI], **fields}).encode()


def written(body: bytes, *, to: str = "gemini", traits: frozenset[str] = NONE) -> Dropped:
    request = Request(model="m", content=GEMINI.decode_request(body))
    return FORMATS[to].encode_request(request, features=NONE, traits=traits)


def from_chat(traits: frozenset[str] = NONE, **fields: Any) -> tuple[Any, tuple[str, ...]]:
    said = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    content = CHAT.decode_request(json.dumps(said).encode())
    encoded = GEMINI.encode_request(
        Request(model="m", content=content), features=NONE, traits=traits
    )
    return json.loads(encoded.body), encoded.dropped


def a_call(name: str, args: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args or {}, **more}}


def a_result(name: str, response: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, **more}}


texts = st.text(st.characters(codec="utf-8"), max_size=20)


args = st.dictionaries(texts, texts | st.integers(-1000, 1000) | st.booleans(), max_size=3)
