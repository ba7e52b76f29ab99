"""Streams on native routes that break: the caller sees what the provider did."""

import pytest

from stockyard.apps.lookout.traces import status_of
from stockyard.errors import UpstreamError
from stockyard.testing import cut_every
from stockyard.testing.yard import Yard
from tests.gateway.native_calls import CHAT, JSON


async def test_a_stream_that_is_cut_is_cut_for_the_client_too(yard: Yard) -> None:
    yard.provider("openai").streams("hel", "lo").cuts_after("first_content")
    answer = await yard.call(CHAT, yard.body("hi", stream=True))
    assert answer.pieces == ["hel"]
    assert not answer.complete
    assert answer.error is None
    assert yard.last.outcomes == ["partial"]


@pytest.mark.parametrize(
    ("path", "frames"),
    [
        (CHAT, b'data: {"error":{"message":"no more"}}\n\n: bye\n\ndata: [DONE]\n\n'),
        (CHAT, b'error: {"code":500,"message":"no more","type":"server_error"}\n\n'),
        (
            "/anthropic/v1/messages",
            b"event: error\ndata: "
            b'{"type":"error","error":{"type":"overloaded_error","message":"no more"}}\n\n',
        ),
        (
            "/cohere/v2/chat",
            b"event: message-end\ndata: "
            b'{"type":"message-end","delta":{"finish_reason":"ERROR","error":"no more"}}\n\n',
        ),
    ],
)
async def test_an_error_inside_a_stream_is_heard_in_the_providers_words(
    yard: Yard, path: str, frames: bytes
) -> None:
    provider = yard.provider(path.split("/")[1]).streams("hel", "lo")
    provider.ends_with(frames, after="first_content").in_pieces(cut_every(7))
    answer = await yard.call(path, yard.body("hi", stream=True))
    assert answer.body.endswith(frames)
    assert answer.complete
    assert yard.last.outcomes == ["partial"]
    assert "dispatch failed_inside" in yard.last.findings
    assert isinstance(yard.last.error, UpstreamError)
    assert status_of(yard.last.exchange) == "partial"


async def test_an_error_before_any_content_is_tried_elsewhere(yard: Yard) -> None:
    cohere = yard.provider("cohere").streams("never").fails_after("open").streams("hello")
    yard.enable("retrypilot", base_ms=1, budget_min_per_second=100)
    answer = await yard.call("/cohere/v2/chat", yard.body("hi", stream=True))
    assert b"hello" in answer.body
    assert b"ERROR" not in answer.body
    assert len(cohere.requests) == 2


async def test_a_stream_that_ends_early_ends_as_it_did_and_is_noted(yard: Yard) -> None:
    openai = yard.provider("openai").streams("hel", "lo")
    openai.without_finish().without_terminator()
    answer = await yard.call(CHAT, yard.body("hi", stream=True))
    assert answer.pieces == ["hel", "lo"]
    assert answer.complete
    assert "dispatch truncated" in yard.last.findings


async def test_a_client_that_leaves_closes_the_provider(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, b"x" * 1000).stalls_after_bytes(10)
    async with yard.raw() as client:
        client.ask("/openai/v1/odd", b"{}", headers=yard.headers)
        await client.until(b"xxxxxxxxxx")
    assert await openai.closed_by_client()
    assert await yard.ended(1)
    assert yard.last.abandoned
