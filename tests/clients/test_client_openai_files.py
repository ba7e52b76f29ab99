"""The official OpenAI library for Python: files and batches."""

import json
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
LINES = b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-x"}}\n'
FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": len(LINES),
    "created_at": 1,
    "filename": "in.jsonl",
    "purpose": "batch",
    "status": "processed",
}
BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "validating",
    "created_at": 1,
}
RESULT = b'{"custom_id":"a","response":{"status_code":200,"body":{}}}\n'


@pytest.fixture
def upstream(yard: Yard) -> ScriptedProvider:
    return yard.provider("openai")


@pytest.fixture
async def client(yard: Yard, upstream: ScriptedProvider) -> AsyncIterator[AsyncOpenAI]:
    await yard.open()
    async with AsyncOpenAI(base_url=yard.url + "/v1", api_key=yard.key, max_retries=0) as client:
        yield client


def answers(upstream: ScriptedProvider, said: object) -> None:
    upstream.sends(200, JSON, json.dumps(said).encode())


async def uploaded(client: AsyncOpenAI, upstream: ScriptedProvider) -> None:
    answers(upstream, FILE)
    made = await client.files.create(file=("in.jsonl", LINES), purpose="batch")
    assert (made.id, made.bytes) == ("file-1", len(LINES))


async def test_files_are_made_and_read_and_deleted(
    client: AsyncOpenAI, upstream: ScriptedProvider
) -> None:
    await uploaded(client, upstream)
    assert LINES in upstream.last.body

    answers(upstream, FILE)
    assert (await client.files.retrieve("file-1")).filename == "in.jsonl"

    upstream.sends(200, {"content-type": "application/octet-stream"}, LINES)
    assert (await client.files.content("file-1")).content == LINES

    answers(upstream, {"id": "file-1", "object": "file", "deleted": True})
    assert (await client.files.delete("file-1")).deleted


async def test_files_are_listed_over_all_pages(
    client: AsyncOpenAI, upstream: ScriptedProvider
) -> None:
    await uploaded(client, upstream)
    theirs = {**FILE, "id": "file-of-the-account"}
    answers(upstream, {"object": "list", "data": [theirs], "has_more": True})
    answers(upstream, {"object": "list", "data": [theirs, FILE], "has_more": False})
    assert [file.id async for file in client.files.list(limit=1)] == ["file-1"]


async def test_what_is_not_there_is_not_found(
    client: AsyncOpenAI, upstream: ScriptedProvider
) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        await client.files.retrieve("file-of-the-account")
    assert raised.value.code == "not_found"
    assert not upstream.requests


async def test_batches_are_made_and_watched_and_cancelled(
    client: AsyncOpenAI, upstream: ScriptedProvider
) -> None:
    await uploaded(client, upstream)
    answers(upstream, BATCH)
    batch = await client.batches.create(
        input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert batch.status == "validating"

    answers(upstream, {**BATCH, "status": "completed", "output_file_id": "file-out"})
    done = await client.batches.retrieve("batch_1")
    assert done.output_file_id == "file-out"

    upstream.sends(200, {"content-type": "application/jsonl"}, RESULT)
    assert (await client.files.content("file-out")).text == RESULT.decode()

    answers(upstream, {"object": "list", "data": [BATCH], "has_more": False})
    assert [batch.id async for batch in client.batches.list()] == ["batch_1"]

    answers(upstream, {**BATCH, "status": "cancelling"})
    assert (await client.batches.cancel("batch_1")).status == "cancelling"
