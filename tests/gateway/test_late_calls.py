"""The results of batches are counted once, when they are fetched, and only if they are complete."""

import json
from pathlib import Path
from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from stockyard.wire import late_usage
from tests.held_things import answers
from tests.late_usage import LINES, a_line, counted, lines, settled


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
async def test_a_client_that_leaves_before_the_last_line_is_counted_all_results(
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


async def test_results_that_are_counted_already_are_not_read_on_for_a_client_that_left(
    yard: Yard,
) -> None:
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
async def test_a_mask_of_fields_does_not_hide_usage(yard: Yard, provider: str) -> None:
    google = yard.provider(provider)
    answers(google, {"candidates": []})
    mask = {"x-goog-fieldmask": "candidates"}
    query = "?fields=candidates&%24fields=candidates&alt=json"
    await yard.get(f"/{provider}/v1beta/models{query}", headers=mask)
    assert google.last.target.endswith("?alt=json")
    assert not mask.keys() & google.last.headers.keys()


async def test_other_providers_hear_which_fields_a_client_wants(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {})
    await yard.get("/openai/v1/odd?fields=id")
    assert openai.last.target.endswith("?fields=id")


async def test_a_batch_that_tells_its_usage_is_counted_by_that(yard: Yard) -> None:
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
async def test_usage_that_is_not_all_told_is_not_counted(yard: Yard, over: dict[str, Any]) -> None:
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
async def test_results_that_a_caller_made_unreadable_are_counted_all_the_same(
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


async def test_results_are_counted_once_over_a_restart_too(tmp_path: Path) -> None:
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
