"""Usage that nobody asks for: the gateway reads it a day later, and counts it once."""

import json
from pathlib import Path
from typing import Any

import pytest

from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from stockyard.gateway import usage_collector
from stockyard.storage.database import Transaction
from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard, becomes

JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/jsonl"}
DAY_MS = 24 * 3600 * 1000


def answers(provider: ScriptedProvider, *said: object) -> None:
    for one in said:
        provider.sends(200, JSON, json.dumps(one).encode())


def a_line(prompt: int, completion: int) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    body = {"id": "chatcmpl-1", "model": "gpt-x", "usage": usage}
    said = {"custom_id": "a", "response": {"status_code": 200, "body": body}}
    return json.dumps(said).encode() + b"\n"


def counted(yard: Yard) -> list[Exchange]:
    """Calls that were counted afterwards."""
    late = [outcome.exchange for outcome in yard.calls]
    return [x for x in late if x.within and x.usage is not None]


async def settled(yard: Yard) -> None:
    assert await becomes(lambda: not yard.stockyard.reception.keepers._work)
    assert await yard.quiet()


async def later(yard: Yard, days: float = 1.1) -> None:
    """As if so many days had passed."""
    await settled(yard)

    def age(transaction: Transaction) -> None:
        by = {"by": int(days * DAY_MS)}
        transaction.execute(
            "update owed set since = since - :by, looked = max(0, looked - :by)", by
        )

    await yard.stockyard.database.write(age)


async def collect(yard: Yard) -> None:
    """Run the job once."""
    [job] = [job for job in yard.stockyard.jobs._jobs if job.name == "usage"]
    await job.run()
    await settled(yard)


DONE = {"id": "batch_1", "status": "completed", "output_file_id": "file-out"}


@pytest.mark.parametrize("path", ["/v1/batches", "/openai/v1/batches"])
async def test_a_batch_that_nobody_comes_back_for_is_counted(yard: Yard, path: str) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "file-in"}, {"id": "batch_1", "status": "validating"})
    form = b'--c\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--c--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=c"}
    assert (await yard.call("/openai/v1/files", form, headers=kind)).status == 200
    assert (await yard.call(path, {"input_file_id": "file-in"})).status == 200
    await later(yard, 0.5)
    await collect(yard)
    assert len(openai.requests) == 2, "it may still be under way"
    await later(yard)
    answers(openai, DONE)
    await collect(yard)
    assert openai.last.path == "/v1/batches/batch_1"
    assert not counted(yard)
    await collect(yard)
    assert len(openai.requests) == 3, "its team may fetch the results itself"
    await later(yard, 0.1)
    openai.sends(200, LINES, a_line(10, 5) + a_line(20, 7))
    await collect(yard)
    assert openai.last.path == "/v1/files/file-out/content"
    (batch,) = counted(yard)
    assert batch.usage is not None
    assert (batch.usage.prompt, batch.usage.completion) == (30, 12)
    assert (batch.caller.team_id, batch.caller.app) == ("default", "stockyard")
    before = len(openai.requests)
    await later(yard)
    await collect(yard)
    assert len(openai.requests) == before, "all is counted"


async def test_a_team_that_comes_back_at_the_same_time_is_counted_once(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "batch_1", "status": "validating"})
    await yard.call("/openai/v1/batches", {})
    await later(yard)
    answers(openai, DONE)
    await collect(yard)
    await later(yard, 0.1)
    for _ in range(2):
        openai.sends(200, LINES, a_line(10, 5))
    await collect(yard)
    assert (await yard.get("/v1/files/file-out/content")).status == 200
    await settled(yard)
    assert len(counted(yard)) == 1


async def test_results_behind_their_batch_are_read(yard: Yard) -> None:
    anthropic = yard.provider("anthropic")
    answers(anthropic, {"id": "msgbatch_1", "processing_status": "in_progress"})
    version = {"anthropic-version": "2023-06-01"}
    await yard.call("/anthropic/v1/messages/batches", {"requests": []}, headers=version)
    await later(yard)
    place = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"
    answers(anthropic, {"id": "msgbatch_1", "processing_status": "ended", "results_url": place})
    message = {"model": "claude-x", "usage": {"input_tokens": 3, "output_tokens": 4}}
    result = {"custom_id": "a", "result": {"type": "succeeded", "message": message}}
    anthropic.sends(200, LINES, json.dumps(result).encode() + b"\n")
    await collect(yard)
    assert anthropic.last.path == "/v1/messages/batches/msgbatch_1/results"
    assert anthropic.last.headers["anthropic-version"] == "2023-06-01"
    assert anthropic.last.headers["x-api-key"] == "secret-of-anthropic"
    assert [x.usage and x.usage.total for x in counted(yard)] == [7]


async def test_pages_of_results_are_read_to_their_end(yard: Yard) -> None:
    xai = yard.provider("xai")
    answers(xai, {"batch_id": "batch_1"})
    await yard.call("/xai/v1/batches", {"name": "a"})
    await later(yard)

    def page(name: str, token: str | None) -> dict[str, Any]:
        answer = {"model": "grok-x", "usage": {"prompt_tokens": 4, "completion_tokens": 1}}
        response = {"chat_get_completion": answer}
        one = {"batch_request_id": name, "batch_result": {"response": response}}
        return {"results": [one], "pagination_token": token}

    answers(xai, {"batch_id": "batch_1", "state": {"num_pending": 0}})
    answers(xai, page("a", "to=b"), page("b", None))
    await collect(yard)
    assert xai.last.target == "/v1/batches/batch_1/results?pagination_token=to%3Db"
    assert sum(x.usage.total for x in counted(yard) if x.usage is not None) == 10


async def test_an_answer_in_the_background_is_counted(yard: Yard) -> None:
    openai = yard.provider("openai")
    begun = {"id": "resp_1", "object": "response", "status": "queued", "background": True}
    answers(openai, begun | {"model": "gpt-x", "output": []})
    body = {"model": "gpt-scripted", "input": "hi", "background": True, "store": True}
    await yard.call("/v1/responses", body)
    await later(yard)
    usage = {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8}
    answers(openai, begun | {"status": "completed", "model": "gpt-x", "output": [], "usage": usage})
    await collect(yard)
    assert openai.last.path == "/v1/responses/resp_1"
    assert [x.usage and x.usage.total for x in counted(yard)] == [8]


async def test_an_interaction_is_counted(yard: Yard) -> None:
    gemini = yard.provider("gemini")
    answers(gemini, {"id": "v1_x", "status": "in_progress"})
    asking = {"model": "gemini-x", "input": "hi", "background": True}
    await yard.call("/gemini/v1beta/interactions", asking)
    await later(yard)
    told = {"total_input_tokens": 5, "total_output_tokens": 6, "total_tokens": 11}
    answers(gemini, {"id": "v1_x", "model": "gemini-x", "status": "completed", "usage": told})
    await collect(yard)
    assert gemini.last.path == "/v1beta/interactions/v1_x"
    assert [x.usage and x.usage.total for x in counted(yard)] == [11]


async def test_a_file_that_is_named_by_its_collection_is_downloaded(yard: Yard) -> None:
    gemini = yard.provider("gemini")
    answers(gemini, {"name": "batches/b1", "metadata": {}})
    await yard.call("/gemini/v1beta/models/gemini-x:batchGenerateContent", {"batch": {}})
    await later(yard)
    told = {"name": "batches/b1", "done": True, "response": {"responsesFile": "files/out"}}
    answers(gemini, told)
    await collect(yard)
    assert gemini.last.path == "/v1beta/batches/b1"
    await later(yard, 0.1)
    answer = {"modelVersion": "gemini-x", "usageMetadata": {"promptTokenCount": 4}}
    gemini.sends(200, LINES, json.dumps({"key": "a", "response": answer}).encode() + b"\n")
    await collect(yard)
    assert gemini.last.target == "/v1beta/files/out:download?alt=media"
    assert [x.usage and x.usage.total for x in counted(yard)] == [4]


@pytest.mark.parametrize("status", [500, 429])
async def test_a_provider_that_fails_is_asked_once_a_day(yard: Yard, status: int) -> None:
    openai, mistral = yard.provider("openai"), yard.provider("mistral")
    for number in range(3):
        answers(openai, {"id": f"batch_{number}", "status": "validating"})
        await yard.call("/openai/v1/batches", {})
    answers(mistral, {"id": "job-1", "status": "QUEUED"})
    await yard.call("/mistral/v1/batch/jobs", {})
    await later(yard)
    openai.sends(status, JSON, b"{}")
    answers(mistral, {"id": "job-1", "status": "RUNNING"})
    for _ in range(2):
        await collect(yard)
    assert len(openai.requests) == 4
    assert len(mistral.requests) == 2


async def test_a_provider_that_says_nothing_is_not_waited_for(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_collector, "ASK_SECONDS", 0.05)
    openai = yard.provider("openai")
    answers(openai, {"id": "batch_1", "status": "validating"})
    await yard.call("/openai/v1/batches", {})
    await later(yard)
    openai.says_nothing()
    await collect(yard)
    assert await becomes(lambda: len(openai.requests) == 2)
    assert not counted(yard)


async def test_usage_that_is_never_told_is_given_up(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "batch_1", "status": "validating"})
    await yard.call("/openai/v1/batches", {})
    await later(yard, 15)
    await collect(yard)
    assert len(openai.requests) == 1


async def test_work_begun_with_a_callers_own_secret_is_not_asked_for(yard: Yard) -> None:
    own = {"authorization": "Bearer sk-proj-of-the-caller-0123456789"}
    openai = yard.provider("openai")
    answers(openai, {"id": "batch_1", "status": "validating"})
    assert (await yard.call("/openai/v1/batches", {}, headers=own)).status == 200
    await later(yard)
    await collect(yard)
    assert len(openai.requests) == 1


async def test_work_to_be_counted_is_remembered_over_a_restart(tmp_path: Path) -> None:
    async with ScriptedProvider() as openai:
        place: dict[str, Any] = {"base_url": openai.url + "/v1"}
        async with Yard(tmp_path) as yard:
            yard.provider("openai", **place)
            answers(openai, {"id": "batch_1", "status": "validating"})
            await yard.call("/openai/v1/batches", {})
            await later(yard)
        async with Yard(tmp_path) as yard:
            yard.provider("openai", **place)
            await yard.open()
            used = {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8}
            answers(openai, DONE | {"model": "gpt-x", "usage": used})
            await collect(yard)
            assert [x.usage and x.usage.total for x in counted(yard)] == [8]


@pytest.mark.parametrize("path", ["/nowhere/x", "/openai/v1/keys", "/openai/v1/models", "/x y"])
async def test_other_paths_are_not_asked_for(yard: Yard, path: str) -> None:
    await yard.open()
    assert yard.stockyard.plane.ask(Caller(key_id=""), path) is None
