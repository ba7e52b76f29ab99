"""Hostile bodies at every unified path: a typed 4xx in the words of the path, and never a 500.

`security.md` 8 and S20, S33. The loop goes on meanwhile: a ticker beside the calls keeps time.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from time import process_time
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

MIB = 1024 * 1024

Typed = Callable[[Any], object]


def chat(said: Any) -> object:
    return said["error"]["message"] and said["error"]["type"]


def messages(said: Any) -> object:
    return said["type"] == "error" and said["error"]["message"] and said["error"]["type"]


def google(said: Any) -> object:
    error = (said[0] if isinstance(said, list) else said)["error"]
    return error["message"] and error["status"]


def cohere(said: Any) -> object:
    return said["message"]


def ollama(said: Any) -> object:
    return isinstance(said["error"], str) and said["error"]


def aws(said: Any) -> object:
    return said["message"]


PATHS: dict[str, Typed] = {
    "/v1/chat/completions": chat,
    "/v1/completions": chat,
    "/v1/responses": chat,
    "/v1/responses/compact": chat,
    "/v1/responses/input_tokens": chat,
    "/v1/embeddings": chat,
    "/v1/moderations": chat,
    "/v1/audio/speech": chat,
    "/v1/audio/transcriptions": chat,
    "/v1/audio/translations": chat,
    "/v1/images/generations": chat,
    "/v1/images/edits": chat,
    "/v1/images/variations": chat,
    "/openai/deployments/gpt-4o-mini/chat/completions": chat,
    "/openai/deployments/text-embedding-3-small/embeddings": chat,
    "/openai/deployments/whisper-1/audio/transcriptions": chat,
    "/v1/messages": messages,
    "/v1/messages/count_tokens": messages,
    "/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4-1:rawPredict": messages,
    "/v1/projects/p/locations/l/publishers/google/models/gpt-4o-mini:generateContent": google,
    "/v1beta/models/gpt-4o-mini:generateContent": google,
    "/v1beta/models/gpt-4o-mini:streamGenerateContent": google,
    "/v1beta/models/gpt-4o-mini:countTokens": google,
    "/v1beta/models/text-embedding-3-small:embedContent": google,
    "/v1beta/models/text-embedding-3-small:batchEmbedContents": google,
    "/model/gpt-4o-mini/converse": aws,
    "/model/gpt-4o-mini/converse-stream": aws,
    "/model/gpt-4o-mini/invoke": aws,
    "/model/gpt-4o-mini/count-tokens": aws,
    "/v2/chat": cohere,
    "/v2/embed": cohere,
    "/v2/rerank": cohere,
    "/ollama/api/chat": ollama,
    "/ollama/api/generate": ollama,
    "/ollama/api/embed": ollama,
    "/ollama/api/show": ollama,
}

NEVER_READ: dict[str, bytes] = {
    "nothing": b"",
    "a bracket": b"[",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"model"',
    "cut off": b'{"model":"gpt-4o-mini","messages":[{"role":"user"',
    "two documents": b'{"model":"a"}{"model":"b"}',
    "not UTF-8": b'{"model":"gpt-4o-mini","user":"\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"model":"gpt-4o-mini"}',
    "UTF-16": '{"model":"gpt-4o-mini"}'.encode("utf-16"),
    "NaN": b'{"model":"gpt-4o-mini","n":NaN}',
    "a lone surrogate": b'{"model":"gpt-4o-mini","user":"\\ud800"}',
    "deeper than any stack": b'{"model":"m","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half a form": b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-4o',
}
LARGE: dict[str, bytes] = {
    "keys": b'{"model":"gpt-4o-mini",%b}' % b",".join(b'"%x":1' % i for i in range(MIB // 9)),
    "lists": b'{"model":"gpt-4o-mini","input":[' + b"[]," * (MIB // 3) + b"[]]}",
    "texts": b'{"model":"gpt-4o-mini","input":[' + b'"",' * (MIB // 3) + b'""]}',
    "vectors": b'{"model":"gpt-4o-mini","input":[' + b"[1]," * (MIB // 4) + b'{"a":1}]}',
    "form": b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * (MIB // 52),
}
LEAKS = (b"Traceback", b".py", b"msgspec", b"stockyard.wire", b"sk-sy-", b"secret-of")
HELD_SECONDS = 1.0
"""Far above what one MiB takes, and far below what anything takes that is not linear."""


@pytest.mark.parametrize("path", PATHS)
async def test_s20_what_is_no_request_is_refused_in_the_words_of_the_path(
    yard: Yard, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    provider = yard.provider("openai")
    for kind in (b"application/json", b"multipart/form-data; boundary=b"):
        for what, body in NEVER_READ.items():
            headers = {"content-type": kind.decode()}
            answer = await yard.call(path, body, headers=headers)
            assert 400 <= answer.status < 500, (what, kind, answer.status, answer.body[:200])
            assert_typed(path, answer)
    assert not provider.requests
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("path", PATHS)
async def test_s24_the_loop_goes_on_beside_large_bodies(yard: Yard, path: str) -> None:
    yard.provider("openai")
    await yard.open()
    async with ticker() as ticks:
        for what, body in LARGE.items():
            answer = await yard.call(path, body, headers={"content-type": "application/json"})
            if 400 <= answer.status < 500:
                assert_typed(path, answer)
            else:  # passed on to who speaks the format, whose script has no such answer
                assert answer.status in (200, 501, 502), (what, answer.body[:200])
    assert max(ticks) < HELD_SECONDS


def assert_typed(path: str, answer: Heard) -> None:
    said = json.loads(answer.body)
    assert PATHS[path](said), answer.body[:300]
    assert len(answer.body) < 2_000
    assert not any(leak in answer.body for leak in LEAKS), answer.body[:300]


@asynccontextmanager
async def ticker() -> Any:
    """How much work was done at a time between two turns of the loop, in seconds."""
    held = [0.0]

    async def tick() -> None:
        while True:
            before = process_time()
            await asyncio.sleep(0.001)
            held.append(process_time() - before)

    task = asyncio.create_task(tick())
    try:
        yield held
    finally:
        task.cancel()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/messages"])
async def test_s33_a_name_without_end_is_not_repeated_in_an_error(yard: Yard, path: str) -> None:
    yard.provider("openai")
    said = {"model": "m" * MIB, "input": "x", "messages": [{"role": "user", "content": "hi"}]}
    answer = await yard.call(path, {**said, "max_tokens": 9})
    assert answer.status == 404
    assert_typed(path, answer)
