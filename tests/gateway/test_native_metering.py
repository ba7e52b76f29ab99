"""A native route counts what the unified path counts, for the same answer (`wire.md` 13.5)."""

from typing import Any

import pytest

from stockyard.testing.yard import Yard
from tests.dialects import DIALECTS, Dialect

NATIVE = {
    "chat": "/openai",
    "completions": "/openai",
    "responses": "/openai",
    "messages": "/anthropic",
    "gemini": "/gemini",
    "cohere": "/cohere",
}
"""Dialect -> what stands before its path on the route of its provider."""
each_dialect = pytest.mark.parametrize("name", NATIVE)


def asking(dialect: Dialect, *, streamed: bool) -> tuple[str, Any]:
    path, body = dialect.asking(dialect.model)
    if streamed:
        return path, body
    whole = path.partition("?")[0].replace("streamGenerateContent", "generateContent")
    return whole, {key: value for key, value in body.items() if key != "stream"}


@each_dialect
@pytest.mark.parametrize("streamed", [False, True])
async def test_both_ways_count_the_same(yard: Yard, name: str, streamed: bool) -> None:
    dialect = DIALECTS[name]
    script = yard.provider(dialect.home)
    path, body = asking(dialect, streamed=streamed)
    counted = []
    for prefix in ("", NATIVE[name]):
        script.streams("hel", "lo").counts(30, 7, cached=20).counts_unasked()
        assert (await yard.call(prefix + path, body)).status == 200
        counted.append(yard.last.usage)
    unified, native = counted
    assert unified is not None
    assert unified == native
    assert (native.source, native.prompt, native.completion) == ("reported", 30, 7)


@each_dialect
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_nobody_counted_is_estimated_on_both(
    yard: Yard, name: str, streamed: bool
) -> None:
    dialect = DIALECTS[name]
    script = yard.provider(dialect.home)
    path, body = asking(dialect, streamed=streamed)
    counted = []
    for prefix in ("", NATIVE[name]):
        script.streams("hel", "lo").counts_nothing()
        assert (await yard.call(prefix + path, body)).status == 200
        counted.append(yard.last.usage)
    unified, native = counted
    assert unified is not None
    assert unified == native
    assert native.source == "estimated"
    assert native.prompt > 0
    assert native.completion > 0


@pytest.mark.parametrize("counts", [b"", b',"usageMetadata":{"promptTokenCount":30}'])
async def test_an_array_is_counted_like_a_stream(yard: Yard, counts: bytes) -> None:
    """What Gemini sends to who does not ask for events."""
    said = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"hello"}]},"index":0%b}]%b}'
    pieces = (said % (b"", b""), said % (b',"finishReason":"STOP"', counts))
    body = b"[" + b"\n,\r\n".join(pieces) + b"\n]"
    yard.provider("gemini").sends(200, {"content-type": "application/json"}, body)
    path, asked = DIALECTS["gemini array"].asking("gemini-2.5-flash")
    assert (await yard.call("/gemini" + path, asked)).body == body
    assert yard.last.usage is not None
    assert yard.last.usage.source == ("reported" if counts else "estimated")
    assert yard.last.usage.prompt > 0
