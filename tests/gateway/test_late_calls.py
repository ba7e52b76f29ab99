"""Batches and answers in the background: counted once, when what they used is told."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard, becomes
from stockyard.wire import late_usage

JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/jsonl"}
VERSION = {"anthropic-version": "2023-06-01"}


def answers(provider: ScriptedProvider, said: object) -> None:
    provider.sends(200, JSON, json.dumps(said).encode())


def a_line(prompt: int, completion: int, model: str = "gpt-x") -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    body = {"id": "chatcmpl-1", "model": model, "usage": usage}
    return {"custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}


def lines(*said: object) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in said)


def counted(yard: Yard, kind: str = "batch") -> list[Exchange]:
    return [outcome.exchange for outcome in yard.calls if outcome.exchange.kind == kind]


async def settled(yard: Yard) -> bool:
    """Whether everything that is seen to behind calls is done."""
    return await becomes(lambda: not yard.stockyard.reception.keepers._work)


async def a_batch(yard: Yard, openai: ScriptedProvider, **over: object) -> None:
    """One that is over, and has been asked for."""
    answers(openai, {"id": "batch_1", "object": "batch", "status": "validating"})
    assert (await yard.call("/openai/v1/batches", {})).status == 200
    assert await settled(yard)
    done = {"id": "batch_1", "status": "completed", "output_file_id": "file-out", **over}
    answers(openai, done)
    assert (await yard.get("/v1/batches/batch_1")).json == done
    assert await settled(yard)


async def test_the_results_of_a_batch_are_counted_once(yard: Yard) -> None:
    openai = yard.provider("openai")
    await a_batch(yard, openai)
    assert not counted(yard)
    said = lines(a_line(10, 5), a_line(1, 2), a_line(7, 7, "gpt-y"))
    for _ in range(2):
        openai.sends(200, LINES, said)
        assert (await yard.get("/v1/files/file-out/content")).body == said
        assert await settled(yard)
    first, second = counted(yard)
    assert first.usage is not None
    assert second.usage is not None
    assert first.target is not None
    assert (first.target.provider, first.target.model) == ("openai", "gpt-x")
    assert (first.usage.prompt, first.usage.completion) == (11, 7)
    assert (second.received.model, second.usage.total) == ("gpt-y", 14)
    assert first.usage.source == "reported"
    fetched = next(o.exchange for o in yard.calls if o.exchange.id == first.within)
    assert fetched.inbound.path == "/v1/files/file-out/content"
    assert (first.capture, first.caller) == (fetched.capture, fetched.caller)


async def test_results_are_not_given_out_in_pieces(yard: Yard) -> None:
    openai = yard.provider("openai")
    await a_batch(yard, openai)
    openai.sends(200, LINES, lines(a_line(10, 5)))
    piece = {"range": "bytes=0-50", "if-range": '"x"'}
    await yard.get("/openai/v1/files/file-out/content", headers=piece)
    assert not piece.keys() & openai.last.headers.keys()
    assert await settled(yard)
    assert len(counted(yard)) == 1


@pytest.mark.parametrize(
    "path", ["/v1/files/file-out/content", "/openai/v1/files/file-out/content"]
)
async def test_who_leaves_before_the_last_line_has_the_results_all_the_same(
    yard: Yard, path: str
) -> None:
    openai = yard.provider("openai")
    await a_batch(yard, openai)
    said = lines(*[a_line(10, 5)] * 5)
    openai.sends(200, LINES, said).stalls_after_bytes(len(said) - 20)
    async with yard.raw() as client:
        head = [f"GET {path} HTTP/1.1", "host: a", f"authorization: Bearer {yard.key}", "", ""]
        client.send("\r\n".join(head).encode())
        await client.until(b"custom_id")
    openai.goes_on()
    assert await yard.quiet()
    assert await settled(yard)
    (only,) = counted(yard)
    assert only.usage is not None
    assert only.usage.total == 75


async def test_who_leaves_what_is_counted_already_is_not_waited_for(yard: Yard) -> None:
    openai = yard.provider("openai")
    await a_batch(yard, openai)
    said = lines(a_line(10, 5))
    openai.sends(200, LINES, said)
    await yard.get("/v1/files/file-out/content")
    assert await settled(yard)
    openai.sends(200, LINES, said).stalls_after_bytes(20)
    async with yard.raw() as client:
        key = f"authorization: Bearer {yard.key}"
        head = ["GET /v1/files/file-out/content HTTP/1.1", "host: a", key, "", ""]
        client.send("\r\n".join(head).encode())
        await client.until(b"custom_id")
    assert await openai.closed_by_client()
    assert len(counted(yard)) == 1


@pytest.mark.parametrize("provider", ["gemini", "vertex-express"])
async def test_no_mask_hides_what_was_used(yard: Yard, provider: str) -> None:
    google = yard.provider(provider)
    answers(google, {"candidates": []})
    mask = {"x-goog-fieldmask": "candidates"}
    query = "?fields=candidates&%24fields=candidates&alt=json"
    await yard.get(f"/{provider}/v1beta/models{query}", headers=mask)
    assert google.last.target.endswith("?alt=json")
    assert not mask.keys() & google.last.headers.keys()


async def test_others_hear_which_fields_a_client_wants(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {})
    await yard.get("/openai/v1/odd?fields=id")
    assert openai.last.target.endswith("?fields=id")


async def test_a_batch_that_tells_what_it_used_is_counted_then(yard: Yard) -> None:
    openai = yard.provider("openai")
    usage = {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 3}}
    await a_batch(yard, openai, model="gpt-x", usage=usage)
    openai.sends(200, LINES, lines(a_line(9, 4)))
    await yard.get("/v1/files/file-out/content")
    assert await settled(yard)
    (only,) = counted(yard)
    assert only.usage is not None
    assert (only.usage.prompt, only.usage.in_cached, only.usage.completion) == (9, 3, 4)


@pytest.mark.parametrize(
    "over",
    [
        {"status": "in_progress", "model": "gpt-x", "usage": {"input_tokens": 1}},
        {"model": "gpt-x", "usage": {"input_tokens": 0, "output_tokens": 0}},
        {"usage": {"input_tokens": 9}},
        {"model": "gpt-x", "usage": None},
    ],
)
async def test_what_is_not_all_told_is_not_counted(yard: Yard, over: dict[str, Any]) -> None:
    await a_batch(yard, yard.provider("openai"), **over)
    assert not counted(yard)


@pytest.mark.parametrize("said", [b"", b"odd\n", lines({"error": {}}), lines(a_line(1, 1))[:-9]])
async def test_results_that_cannot_be_read_pass_and_count_nothing(yard: Yard, said: bytes) -> None:
    openai = yard.provider("openai")
    await a_batch(yard, openai)
    openai.sends(200, LINES, said)
    assert (await yard.get("/v1/files/file-out/content")).body == said
    assert await settled(yard)
    assert not counted(yard)


@pytest.mark.parametrize(
    "odd",
    [
        json.dumps({**a_line(1, 2), "custom_id": "\ud83d"}).encode(),
        json.dumps({"custom_id": [], **a_line(1, 2)}).encode().replace(b"[]", b"[" * 2000),
        json.dumps({"data": "x" * 300_000, **a_line(1, 2)}).encode(),
    ],
    ids=["half a character", "no JSON", "too long"],
)
async def test_what_a_caller_makes_unreadable_is_counted_all_the_same(
    yard: Yard, odd: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_usage, "MOST_LINE", 200_000)
    openai = yard.provider("openai")
    await a_batch(yard, openai)
    said = lines(a_line(10, 5)) + odd + b"\n" + lines({"response": {"body": "odd"}}, a_line(7, 7))
    openai.sends(200, LINES, said)
    assert (await yard.get("/v1/files/file-out/content")).body == said
    assert await settled(yard)
    (only,) = counted(yard)
    assert only.usage is not None
    assert (only.received.model, only.usage.prompt, only.usage.completion) == ("gpt-x", 18, 14)


async def test_more_models_than_are_told_apart_are_counted_together(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_usage, "MOST_MODELS", 2)
    openai = yard.provider("openai")
    await a_batch(yard, openai)
    openai.sends(200, LINES, lines(*(a_line(1, 1, f"gpt-{n}") for n in range(4))))
    await yard.get("/v1/files/file-out/content")
    assert await settled(yard)
    assert [x.usage.total for x in counted(yard) if x.usage is not None] == [6, 2]


async def test_an_error_in_place_of_results_counts_nothing(yard: Yard) -> None:
    openai = yard.provider("openai")
    await a_batch(yard, openai)
    openai.sends(500, LINES, lines(a_line(1, 1)))
    await yard.get("/v1/files/file-out/content")
    assert await settled(yard)
    assert not counted(yard)


async def test_a_file_that_is_no_result_is_none(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "file-in"})
    form = b'--c\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--c--'
    headers = {"content-type": "multipart/form-data; boundary=c"}
    await yard.call("/openai/v1/files", form, headers=headers)
    openai.sends(200, LINES, lines(a_line(1, 1)))
    await yard.get("/v1/files/file-in/content")
    assert await settled(yard)
    assert not counted(yard)


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


async def test_it_is_once_over_a_restart_too(tmp_path: Path) -> None:
    for times in (1, 0):
        async with Yard(tmp_path) as yard:
            openai = yard.provider("openai")
            await yard.open()
            if times:
                key = yard.key
                await a_batch(yard, openai)
            yard.key = key
            openai.sends(200, LINES, lines(a_line(10, 5)))
            assert (await yard.get("/v1/files/file-out/content")).status == 200
            assert await settled(yard)
            assert len(counted(yard)) == times


class TestAnswersInTheBackground:
    QUEUED = (
        '{"id":"resp_b","object":"response","status":"queued","background":true,'
        '"model":"gpt-scripted-1","output":[]}'
    )

    def complete(self, **fields: object) -> dict[str, Any]:
        usage = {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8}
        done = {"status": "completed", "usage": usage}
        return json.loads(self.QUEUED) | done | fields  # type: ignore[no-any-return]

    @pytest.mark.parametrize("path", ["/v1/responses", "/openai/v1/responses"])
    async def test_they_are_counted_once_when_they_are_complete(
        self, yard: Yard, path: str
    ) -> None:
        openai = yard.provider("openai").sends(200, JSON, self.QUEUED.encode())
        body = {"model": "gpt-scripted", "input": "hi", "background": True, "store": True}
        assert (await yard.call(path, body)).status == 200
        assert await settled(yard)
        assert yard.last.exchange.usage == Usage(), "all of it is reported later"
        before = len(counted(yard, "chat"))
        answers(openai, json.loads(self.QUEUED) | {"status": "in_progress"})
        await yard.get(f"{path}/resp_b")
        assert await settled(yard)
        assert len(counted(yard, "chat")) == before
        for _ in range(2):
            answers(openai, self.complete())
            heard = await yard.get(f"{path}/resp_b")
            assert heard.json["usage"]["input_tokens"] == 6
            assert await settled(yard)
        *_, last = counted(yard, "chat")
        assert len(counted(yard, "chat")) == before + 1
        assert last.usage is not None
        assert (last.usage.prompt, last.usage.completion) == (6, 2)
        assert last.received.model == "gpt-scripted-1"

    async def test_one_that_is_heard_again_as_a_stream_is_counted(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, self.QUEUED.encode())
        body = {"model": "gpt-scripted", "input": "hi", "background": True, "store": True}
        await yard.call("/v1/responses", body)
        assert await settled(yard)
        events = [
            {"type": "response.created", "response": json.loads(self.QUEUED)},
            {"type": "response.completed", "response": self.complete()},
        ]
        stream = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
        openai.sends(200, {"content-type": "text/event-stream"}, stream)
        assert (await yard.get("/v1/responses/resp_b?stream=true")).body == stream
        assert await settled(yard)
        usage = counted(yard, "chat")[-1].usage
        assert usage is not None
        assert usage.total == 8

    async def test_one_that_was_answered_at_once_was_counted_then(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        answers(openai, self.complete(background=False))
        body = {"model": "gpt-scripted", "input": "hi", "store": True}
        assert (await yard.call("/openai/v1/responses", body)).status == 200
        assert await settled(yard)
        before = len(counted(yard, "chat"))
        answers(openai, self.complete(background=False))
        await yard.get("/v1/responses/resp_b")
        assert await settled(yard)
        assert len(counted(yard, "chat")) == before


class TestRuns:
    """Of assistants: they go on by themselves, and tell what they used whenever they are asked."""

    THREAD = "/openai/v1/threads/thread_1"
    BEGUN: ClassVar = {"id": "run_1", "object": "thread.run", "status": "queued", "usage": None}
    OVER: ClassVar = {
        "id": "run_1",
        "object": "thread.run",
        "status": "completed",
        "model": "gpt-x",
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "total_tokens": 13,
            "prompt_token_details": {"cached_tokens": 3},
        },
    }

    @pytest.fixture
    async def openai(self, yard: Yard) -> ScriptedProvider:
        openai = yard.provider("openai")
        answers(openai, {"id": "thread_1", "object": "thread"})
        await yard.call("/openai/v1/threads", {})
        return openai

    async def begun(self, yard: Yard, openai: ScriptedProvider) -> None:
        answers(openai, self.BEGUN)
        await yard.call(f"{self.THREAD}/runs", {"assistant_id": "asst_1"})
        assert await settled(yard)

    async def asked(self, yard: Yard, path: str, openai: ScriptedProvider, told: object) -> None:
        answers(openai, told)
        assert (await yard.get(f"{self.THREAD}{path}")).json == told
        assert await settled(yard)

    def used(self, yard: Yard) -> list[tuple[str, int, int, int]]:
        told = [(call.exchange.kind, call.exchange.usage) for call in yard.calls]
        return [
            (kind, usage.prompt, usage.in_cached, usage.completion)
            for kind, usage in told
            if usage is not None
        ]

    async def test_one_is_counted_once_however_often_it_is_asked_for(
        self, yard: Yard, openai: ScriptedProvider
    ) -> None:
        await self.begun(yard, openai)
        for run in (self.BEGUN | {"status": "in_progress"}, self.OVER, self.OVER, self.OVER):
            await self.asked(yard, "/runs/run_1", openai, run)
        assert self.used(yard) == [("chat", 9, 3, 4)]
        (only,) = counted(yard, "chat")
        assert only.received.model == "gpt-x"

    async def test_steps_are_parts_of_it(self, yard: Yard, openai: ScriptedProvider) -> None:
        await self.begun(yard, openai)
        step = {**self.OVER, "object": "thread.run.step", "id": "step_1"}
        await self.asked(yard, "/runs/run_1/steps", openai, {"object": "list", "data": [step]})
        assert not self.used(yard)

    async def test_a_list_of_runs_tells_of_each(self, yard: Yard, openai: ScriptedProvider) -> None:
        await self.begun(yard, openai)
        elsewhere = self.OVER | {"id": "run_never_begun_here"}
        told = {"object": "list", "data": [self.OVER, elsewhere, "odd", None]}
        for path in ("/runs", "/runs?limit=100", "/runs"):
            await self.asked(yard, path, openai, told)
        await self.asked(yard, "/runs/run_1", openai, self.OVER)
        assert self.used(yard) == [("chat", 9, 3, 4)]

    async def test_one_that_waits_for_tools_is_counted_when_it_goes_on_and_ends(
        self, yard: Yard, openai: ScriptedProvider
    ) -> None:
        await self.begun(yard, openai)
        await self.asked(yard, "/runs/run_1", openai, self.BEGUN | {"status": "requires_action"})
        for _ in range(2):
            answers(openai, self.OVER)
            path = f"{self.THREAD}/runs/run_1/submit_tool_outputs"
            assert (await yard.call(path, {"tool_outputs": []})).json == self.OVER
            assert await settled(yard)
        assert self.used(yard) == [("chat", 9, 3, 4)]

    @pytest.mark.parametrize("below", ["thread_1/runs", "runs"])
    async def test_one_that_is_streamed_is_counted_at_its_end(
        self, yard: Yard, openai: ScriptedProvider, below: str
    ) -> None:
        path = f"/openai/v1/threads/{below}"
        thread = {"thread_id": "thread_2"}
        step = {**self.OVER, "object": "thread.run.step", "id": "step_1"}
        events = [
            ("thread.run.created", self.BEGUN | thread),
            ("thread.run.step.completed", step | thread),
            ("thread.run.completed", self.OVER | thread),
        ]
        stream = b"".join(
            b"event: %b\ndata: %b\n\n" % (name.encode(), json.dumps(said).encode())
            for name, said in events
        )
        stream += b"event: done\ndata: [DONE]\n\n"
        openai.sends(200, {"content-type": "text/event-stream"}, stream)
        assert (await yard.call(path, {"assistant_id": "asst_1", "stream": True})).body == stream
        assert await settled(yard)
        await self.asked(yard, "/runs/run_1", openai, self.OVER)
        assert self.used(yard) == [("chat", 9, 3, 4)]
        answers(openai, {"id": "thread_2"})
        heard = await yard.get("/openai/v1/threads/thread_2")
        assert heard.status == (200 if below == "runs" else 404)


class TestInteractions:
    """What Gemini keeps of its own accord, and tells whenever it is asked."""

    PATH = "/gemini/v1beta/interactions"
    ASKING: ClassVar = {"model": "gemini-x", "input": "hi"}
    OVER: ClassVar = {
        "id": "v1_x-1",
        "model": "gemini-x",
        "status": "completed",
        "usage": {"total_input_tokens": 5, "total_output_tokens": 6, "total_tokens": 11},
    }

    async def test_one_that_was_answered_at_once_is_not_counted_again(self, yard: Yard) -> None:
        gemini = yard.provider("gemini")
        for _ in range(3):
            answers(gemini, self.OVER)
        await yard.call(self.PATH, self.ASKING)
        for _ in range(2):
            await yard.get(self.PATH + "/v1_x-1")
        assert await settled(yard)
        assert self.used(yard) == [("passthrough", 5, 6)]

    @pytest.mark.parametrize("stream", [False, True])
    async def test_one_in_the_background_is_counted_when_it_is_over(
        self, yard: Yard, stream: bool
    ) -> None:
        gemini = yard.provider("gemini")
        begun = {"id": "v1_x-1", "status": "in_progress"}
        for told in (begun, begun):
            answers(gemini, told)
        for _ in range(2):
            event = {"event_type": "interaction.completed", "interaction": self.OVER}
            said = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(event).encode()
            if stream:
                gemini.sends(200, {"content-type": "text/event-stream"}, said)
            else:
                answers(gemini, self.OVER)
        await yard.call(self.PATH, self.ASKING | {"background": True})
        for _ in range(3):
            await yard.get(self.PATH + "/v1_x-1")
            assert await settled(yard)
        assert self.used(yard) == [("chat", 5, 6)]

    def used(self, yard: Yard) -> list[tuple[str, int, int]]:
        """What was used, by the kinds of the calls; those that used nothing are left out."""
        told = [(call.exchange.kind, call.exchange.usage) for call in yard.calls]
        return [(kind, usage.prompt, usage.completion) for kind, usage in told if usage is not None]


async def test_a_kept_chat_is_not_paid_again_when_it_is_read(yard: Yard) -> None:
    openai = yard.provider("openai")
    made: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "choices": []}
    made |= {"usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}}
    for _ in range(2):
        answers(openai, made)
    await yard.call("/openai/v1/chat/completions", yard.body(store=True))
    assert (await yard.get("/openai/v1/chat/completions/chatcmpl-1")).json == made
    assert [call.exchange.usage is not None for call in yard.calls] == [True, False]


class TestSecretsOfCallers:
    """Who brings a secret has an account of its own, and what it uses is counted like the rest."""

    OWN: ClassVar = {"authorization": "Bearer sk-proj-of-the-caller-0123456789"}
    OTHER: ClassVar = {"authorization": "Bearer sk-proj-of-another-0123456789"}

    async def call(self, yard: Yard, path: str, openai: ScriptedProvider, said: object) -> None:
        answers(openai, said)
        assert (await yard.call(path, {}, headers=self.OWN)).json == said
        assert await settled(yard)

    async def test_a_batch_is_counted_once(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await self.call(yard, "/openai/v1/batches", openai, {"id": "batch_1"})
        done = {"id": "batch_1", "status": "completed", "output_file_id": "file-out"}
        answers(openai, done)
        assert (await yard.get("/openai/v1/batches/batch_1", headers=self.OWN)).json == done
        assert await settled(yard)
        for headers in (self.OTHER, self.OWN, self.OWN):
            openai.sends(200, LINES, lines(a_line(10, 5)))
            await yard.get("/openai/v1/files/file-out/content", headers=headers)
            assert await settled(yard)
        (only,) = counted(yard)
        assert only.usage is not None
        assert only.usage.total == 15
        assert only.caller.strange
        assert (await yard.get("/openai/v1/batches/batch_1")).status == 404, "is no team's"

    async def test_a_run_is_counted_once(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        begun, path = TestRuns.BEGUN, "/openai/v1/threads/thread_1/runs"
        await self.call(yard, path, openai, begun)
        for _ in range(2):
            answers(openai, TestRuns.OVER)
            await yard.get(f"{path}/run_1", headers=self.OWN)
            assert await settled(yard)
        runs = [x for x in counted(yard, "chat") if x.usage is not None]
        assert len(runs) == 1
        assert runs[0].caller.strange

    @pytest.mark.parametrize("path", ["/v1/responses", "/openai/v1/responses"])
    async def test_an_answer_in_the_background_is_counted_once(self, yard: Yard, path: str) -> None:
        openai = yard.provider("openai").sends(
            200, JSON, TestAnswersInTheBackground.QUEUED.encode()
        )
        body = {"model": "gpt-4o", "input": "hi", "background": True}
        assert (await yard.call(path, body, headers=self.OWN)).status == 200
        assert await settled(yard)
        for headers in (self.OTHER, self.OWN, self.OWN):
            answers(openai, TestAnswersInTheBackground().complete())
            assert (await yard.get(f"{path}/resp_b", headers=headers)).status == 200
            assert await settled(yard)
        used = [x for x in counted(yard, "chat") if x.usage is not None and x.usage.total]
        assert [(x.usage and x.usage.total, x.caller.strange) for x in used] == [(8, True)]
        assert (await yard.get(f"{path}/resp_b")).status == 404, "is no team's"

    async def test_an_interaction_in_the_background_is_counted_once(self, yard: Yard) -> None:
        own = {"x-goog-api-key": "AIzaSyOfTheCaller0123456789abcdefghijkl"}
        gemini = yard.provider("gemini")
        answers(gemini, {"id": "v1_x-1", "status": "in_progress"})
        asking = TestInteractions.ASKING | {"background": True}
        assert (await yard.call(TestInteractions.PATH, asking, headers=own)).status == 200
        assert await settled(yard)
        for _ in range(2):
            answers(gemini, TestInteractions.OVER)
            await yard.get(f"{TestInteractions.PATH}/v1_x-1", headers=own)
            assert await settled(yard)
        assert TestInteractions().used(yard) == [("chat", 5, 6)]
