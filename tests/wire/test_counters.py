"""A question about tokens keeps what a counter counts, and leaves the rest of a chat out."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.wire.formats import FORMATS

SHAPE = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
OF_RESPONSES = {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}}
TURNS = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("format_", "asked"),
    [
        ("anthropic.count", {"messages": TURNS, "output_config": SHAPE, "speed": "fast"}),
        ("anthropic.count", {"messages": TURNS, "mcp_servers": [{"name": "a", "type": "url"}]}),
        ("openai.input_tokens", {"input": TURNS, "text": OF_RESPONSES, "personality": "pragmatic"}),
    ],
)
def test_what_counts_stays(format_: str, asked: dict[str, Any]) -> None:
    codec = FORMATS[format_]
    given = json.dumps({"model": "m", **asked, "max_tokens": 9}).encode()
    request = Request(model="m", content=codec.decode_request(given))
    written = codec.encode_request(request, features=frozenset(), traits=frozenset())
    assert json.loads(written.body) == {"model": "m", **asked}
