"""Batches in the formats of other providers are counted when their results are fetched."""

from typing import Any

import pytest

from stockyard.testing.yard import Yard
from tests.held_things import answers
from tests.late_usage import LINES, counted, lines, settled

VERSION = {"anthropic-version": "2023-06-01"}


async def test_results_of_messages_are_counted(yard: Yard) -> None:
    anthropic = yard.provider("anthropic")
    answers(anthropic, {"id": "msgbatch_1", "type": "message_batch"})
    body = {"requests": [{"custom_id": "a", "params": {"model": "claude-x", "messages": []}}]}
    await yard.call("/v1/messages/batches", body, headers=VERSION)
    assert await settled(yard)
    usage = {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 3}
    message = {"model": "claude-x", "usage": usage}
    said = lines(
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}},
        {"custom_id": "b", "result": {"type": "expired"}},
    )
    for _ in range(2):
        anthropic.sends(200, LINES, said)
        await yard.get("/v1/messages/batches/msgbatch_1/results", headers=VERSION)
        assert await settled(yard)
    (only,) = counted(yard)
    assert only.usage is not None
    assert (only.usage.prompt, only.usage.in_cached, only.usage.completion) == (7, 2, 3)


async def test_results_of_gemini_are_counted(yard: Yard) -> None:
    gemini = yard.provider("gemini")
    answers(gemini, {"name": "batches/b"})
    await yard.call("/gemini/v1beta/models/gemini-x:batchGenerateContent", {})
    assert await settled(yard)
    answers(gemini, {"name": "batches/b", "response": {"responsesFile": "files/out"}})
    await yard.get("/gemini/v1beta/batches/b")
    assert await settled(yard)
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 6}
    answer = {"modelVersion": "gemini-x", "usageMetadata": usage}
    gemini.sends(200, LINES, lines({"key": "a", "response": answer}))
    await yard.get("/gemini/v1beta/files/out:download?alt=media")
    assert await settled(yard)
    (only,) = counted(yard)
    assert only.usage is not None
    assert (only.received.model, only.usage.total) == ("gemini-x", 10)


async def test_a_batch_with_its_answers_in_itself_is_counted(yard: Yard) -> None:
    gemini = yard.provider("gemini")
    answers(gemini, {"name": "batches/b"})
    await yard.call("/gemini/v1beta/models/gemini-x:batchGenerateContent", {})
    assert await settled(yard)
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 6}
    answer = {"modelVersion": "gemini-x", "usageMetadata": usage}
    inlined = {"inlinedResponses": [{"response": answer}, {"error": {}}, {"response": answer}]}
    done = {"name": "batches/b", "response": {"inlinedResponses": inlined}}
    for over in (False, True, True):
        answers(gemini, done | {"done": over})
        await yard.get("/gemini/v1beta/batches/b")
        assert await settled(yard)
    (only,) = counted(yard)
    assert only.usage is not None
    assert only.usage.total == 20


def a_result(name: str, prompt: int, completion: int) -> dict[str, Any]:
    """One of xAI, where reasoning stands outside the completion."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion + 1,
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    answer = {"object": "chat.completion", "model": "grok-x", "usage": usage}
    response = {"chat_get_completion": answer}
    return {"batch_request_id": name, "batch_result": {"response": response}}


async def test_results_that_come_page_by_page_are_counted_once_each(yard: Yard) -> None:
    xai = yard.provider("xai")
    answers(xai, {"batch_id": "batch_1"})
    await yard.call("/xai/v1/batches", {"name": "a"})
    assert await settled(yard)
    failed = {"batch_request_id": "c", "batch_result": {"error": {"message": "odd"}}}
    pages = [
        [a_result("a", 10, 1), a_result("b", 20, 2)],
        [failed, a_result("d", 40, 4)],
        [a_result("b", 20, 2), failed, a_result("d", 40, 4), a_result("e", 80, 8)],
    ]
    for page in pages:
        said = {"results": page, "pagination_token": None}
        answers(xai, said)
        assert (await yard.get("/xai/v1/batches/batch_1/results?limit=2")).json == said
        assert await settled(yard)
    used = [x.usage for x in counted(yard) if x.usage is not None]
    assert [(usage.prompt, usage.out_text, usage.out_reasoning) for usage in used] == [
        (30, 3, 2),
        (40, 4, 1),
        (80, 8, 1),
    ]
    assert {x.received.model for x in counted(yard)} == {"grok-x"}


async def test_results_that_are_read_at_once_are_counted(yard: Yard) -> None:
    xai = yard.provider("xai")
    for number in range(20):
        answers(xai, {"batch_id": f"batch_{number}"})
        answers(xai, {"results": [a_result("a", 10, 1)], "pagination_token": None})
    for number in range(20):
        await yard.call("/xai/v1/batches", {"name": "a"})
        assert (await yard.get(f"/xai/v1/batches/batch_{number}/results")).status == 200
    assert await settled(yard)
    assert len(counted(yard)) == 20


@pytest.mark.parametrize("results", [None, "odd", [1], [{"batch_result": []}], [{}]])
async def test_odd_results_pass_and_count_nothing(yard: Yard, results: object) -> None:
    xai = yard.provider("xai")
    answers(xai, {"batch_id": "batch_1"})
    await yard.call("/xai/v1/batches", {"name": "a"})
    assert await settled(yard)
    answers(xai, {"results": results})
    assert (await yard.get("/xai/v1/batches/batch_1/results")).json == {"results": results}
    assert await settled(yard)
    assert not counted(yard)


async def test_a_batch_of_xai_is_cancelled_by_its_team(yard: Yard) -> None:
    xai = yard.provider("xai")
    answers(xai, {"batch_id": "batch_1"})
    await yard.call("/xai/v1/batches", {"name": "a"})
    answers(xai, {"batch_id": "batch_1"})
    assert (await yard.call("/xai/v1/batches/batch_1:cancel", {})).status == 200
    assert (await yard.call("/xai/v1/batches/batch_2:cancel", {})).status == 404


async def test_a_batch_of_cohere_is_counted_when_it_is_over(yard: Yard) -> None:
    cohere = yard.provider("cohere")
    answers(cohere, {"batch": {"id": "b1"}})
    await yard.call("/cohere/v2/batches", {"name": "a", "model": "command-x"})
    assert await settled(yard)
    batch = {"id": "b1", "model": "command-x", "input_tokens": "30", "output_tokens": "4"}
    states = ("IN_PROGRESS", "CANCELING", "COMPLETED", "COMPLETED")
    for state in states:
        answers(cohere, {"batch": batch | {"status": f"BATCH_STATUS_{state}"}})
        assert (await yard.get("/cohere/v2/batches/b1")).status == 200
        assert await settled(yard)
        assert len(counted(yard)) == (state == "COMPLETED")
    (only,) = counted(yard)
    assert only.usage is not None
    assert only.received.model == "command-x"
    assert (only.usage.prompt, only.usage.completion) == (30, 4)


@pytest.mark.parametrize(
    "batch",
    [
        {"input_tokens": "0"},
        {"input_tokens": "0", "output_tokens": "0"},
        {"input_tokens": "-1", "output_tokens": ""},
    ],
)
async def test_a_batch_of_cohere_that_used_nothing_counts_nothing(
    yard: Yard, batch: dict[str, str]
) -> None:
    cohere = yard.provider("cohere")
    answers(cohere, {"batch": {"id": "b1"}})
    await yard.call("/cohere/v2/batches", {"name": "a", "model": "command-x"})
    assert await settled(yard)
    answers(cohere, {"batch": batch | {"status": "BATCH_STATUS_FAILED", "model": "m"}})
    await yard.get("/cohere/v2/batches/b1")
    assert await settled(yard)
    assert not counted(yard)
