"""The mock provider: when a Receiver gets which bytes."""

import asyncio

import pytest

from tests.upstream.mock_calls import BOTH, CHAT, ECHO, a_request, start, streamed_text, text_of


@BOTH
async def test_nothing_is_heard_before_start_returns(path: str) -> None:
    for stream in (False, True):
        heard = start(path, a_request(path, stream=stream))
        assert heard.order == []
        await heard.over


@BOTH
async def test_a_paused_stream_waits_and_loses_nothing(path: str) -> None:
    heard = start(path, a_request(path, stream=True), pause_after=4)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(heard.pieces) == 4

    assert heard.sending is not None
    heard.sending.resume()
    heard.sending.resume()
    await asyncio.wait_for(heard.over, 5)

    assert streamed_text(heard.events) == ECHO


async def test_a_whole_answer_waits_for_a_receiver_that_is_not_ready() -> None:
    heard = start(CHAT, a_request(CHAT))
    assert heard.sending is not None
    heard.sending.pause()
    for _ in range(10):
        await asyncio.sleep(0)
    assert "data" not in heard.order

    heard.sending.resume()
    await asyncio.wait_for(heard.over, 5)
    assert text_of(heard.json) == ECHO


@BOTH
@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_is_heard_after_cancel(path: str, stream: bool) -> None:
    heard = start(path, a_request(path, stream=stream), cancel_after=1)
    for _ in range(50):
        await asyncio.sleep(0)

    assert heard.order == ["head", "data"]
