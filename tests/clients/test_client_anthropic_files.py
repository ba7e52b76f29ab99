"""The official Anthropic library for Python: files and batches of messages."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic import AsyncAnthropic, NotFoundError

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
FILE = {
    "id": "file_1",
    "type": "file",
    "filename": "in.txt",
    "mime_type": "text/plain",
    "size_bytes": 5,
    "created_at": "2026-01-01T00:00:00Z",
    "downloadable": True,
}
COUNTS = {"processing": 1, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
BATCH: dict[str, Any] = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "in_progress",
    "request_counts": COUNTS,
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-01-02T00:00:00Z",
    "ended_at": None,
    "archived_at": None,
    "cancel_initiated_at": None,
    "results_url": None,
}
RESULTS_URL = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"
RESULT = {"custom_id": "a", "result": {"type": "canceled"}}


@pytest.fixture
def upstream(yard: Yard) -> ScriptedProvider:
    return yard.provider("anthropic")


@pytest.fixture(params=["", "/anthropic"])
async def client(
    yard: Yard, upstream: ScriptedProvider, request: pytest.FixtureRequest
) -> AsyncIterator[AsyncAnthropic]:
    """On the unified route and on the native one."""
    await yard.open()
    base_url = yard.url + request.param
    async with AsyncAnthropic(base_url=base_url, api_key=yard.key, max_retries=0) as client:
        yield client


def answers(upstream: ScriptedProvider, said: object) -> None:
    upstream.sends(200, JSON, json.dumps(said).encode())


async def test_files_are_made_and_read_and_deleted(
    client: AsyncAnthropic, upstream: ScriptedProvider
) -> None:
    answers(upstream, FILE)
    made = await client.files.upload(file=("in.txt", b"hello", "text/plain"))
    assert made.id == "file_1"
    assert upstream.last.headers["x-api-key"] == "secret-of-anthropic"

    answers(upstream, FILE)
    assert (await client.files.retrieve_metadata("file_1")).filename == "in.txt"

    upstream.sends(200, {"content-type": "text/plain"}, b"hello")
    assert await (await client.files.download("file_1")).read() == b"hello"

    answers(upstream, {"data": [{**FILE, "id": "file_x"}, FILE], "has_more": False})
    assert [file.id async for file in client.files.list()] == ["file_1"]

    answers(upstream, {"id": "file_1", "type": "file_deleted"})
    await client.files.delete("file_1")
    assert upstream.last.method == "DELETE"


async def test_batches_are_made_and_watched_and_their_results_read_here(
    client: AsyncAnthropic, upstream: ScriptedProvider
) -> None:
    answers(upstream, BATCH)
    asked: Any = {"model": "claude-x", "max_tokens": 9, "messages": []}
    batch = await client.messages.batches.create(requests=[{"custom_id": "a", "params": asked}])
    assert batch.processing_status == "in_progress"

    ended = {**BATCH, "processing_status": "ended", "results_url": RESULTS_URL}
    answers(upstream, ended)
    upstream.sends(200, {"content-type": "application/x-jsonl"}, json.dumps(RESULT).encode())
    results = await client.messages.batches.results("msgbatch_1")
    assert [result.custom_id async for result in results] == ["a"]
    assert upstream.last.path == "/v1/messages/batches/msgbatch_1/results"

    answers(upstream, {"data": [ended], "has_more": False, "first_id": "a", "last_id": "a"})
    listed = [batch async for batch in client.messages.batches.list()]
    assert [batch.results_url for batch in listed] == ["/v1/messages/batches/msgbatch_1/results"]

    answers(upstream, {**BATCH, "processing_status": "canceling"})
    assert (await client.messages.batches.cancel("msgbatch_1")).processing_status == "canceling"


async def test_calls_are_known_by_the_name_that_the_library_looks_for(
    client: AsyncAnthropic, upstream: ScriptedProvider
) -> None:
    upstream.sends(200, JSON | {"request-id": "req_theirs"}, json.dumps(FILE).encode())
    made = await client.files.upload(file=("in.txt", b"hello", "text/plain"))
    assert made._request_id
    answers(upstream, BATCH)
    batch = await client.messages.batches.create(requests=[])
    raw = await client.messages.batches.with_raw_response.list()
    assert raw.headers["x-request-id"]
    if "/anthropic" in str(client.base_url):
        return  # it names its own, if it does
    assert made._request_id != "req_theirs"
    assert batch._request_id
    assert raw.headers["request-id"] == raw.headers["x-request-id"]
    model = (await client.models.list()).data[0]
    assert (await client.models.retrieve(model.id))._request_id
    for refused in (client.files.delete("file_0"), client.models.retrieve("no-such")):
        with pytest.raises(NotFoundError) as error:
            await refused
        assert error.value.request_id
