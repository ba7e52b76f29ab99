"""The mock provider: what the names of its models ask for."""

import asyncio

import msgspec
import pytest

from stockyard.upstream.mock import MockTransport
from tests.upstream.mock_calls import (
    BOTH,
    CHAT,
    ECHO,
    MESSAGES,
    a_request,
    call,
    start,
    streamed_text,
    text_of,
    tokens_of,
    words,
)


@BOTH
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 429, 500, 503, 529])
async def test_mock_status_fails_as_the_provider_would(
    path: str, stream: bool, status: int
) -> None:
    heard = await call(path, a_request(path, model=f"status-{status}", stream=stream))

    assert heard.status == status
    assert heard.fields[b"content-type"] == b"application/json"
    assert heard.json["error"]["message"]
    assert (b"retry-after" in heard.fields) is (status in (429, 503))
    assert (heard.json.get("type") == "error") is (path == MESSAGES)


@BOTH
async def test_mock_cut_breaks_a_stream_after_so_many_pieces(path: str) -> None:
    heard = await call(path, a_request(path, model="cut-after-3", stream=True))

    error = heard.over.result()
    assert error is not None
    assert error.kind == "interrupted"
    assert streamed_text(heard.events) == "This answer comes"


@BOTH
async def test_mock_cut_breaks_a_whole_answer_in_its_middle(path: str) -> None:
    heard = await call(path, a_request(path, model="cut-after-3"))

    assert heard.over.result() is not None
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(heard.body)


@BOTH
@pytest.mark.parametrize("stream", [False, True])
async def test_mock_stall_says_no_more_until_it_is_cancelled(path: str, stream: bool) -> None:
    transport = MockTransport(estimate=words)
    heard = start(path, a_request(path, model="stall-after-2", stream=stream), transport)
    for _ in range(50):
        await asyncio.sleep(0)

    assert not heard.over.done()
    assert len(heard.pieces) == (3 if stream else 1)
    assert len(transport.record) == 0
    assert heard.sending is not None
    heard.sending.cancel()
    assert [call.outcome for call in transport.record.calls()] == ["cancelled"]
    assert "done" not in heard.order


@BOTH
@pytest.mark.parametrize("stream", [False, True])
async def test_mock_bad_json_is_no_json(path: str, stream: bool) -> None:
    heard = await call(path, a_request(path, model="bad-json", stream=stream))

    assert heard.status == 200
    with pytest.raises(msgspec.DecodeError):
        _ = heard.events if stream else heard.json


@BOTH
@pytest.mark.parametrize(("model", "tokens"), [("long-2000", 2000), ("long-0", 0)])
async def test_mock_long_says_so_many_tokens(path: str, model: str, tokens: int) -> None:
    answer = (await call(path, a_request(path, model=model, max_tokens=10_000))).json

    assert tokens_of(answer)[1] == words(text_of(answer)) == tokens


async def test_mock_delay_waits_and_can_be_cancelled_meanwhile() -> None:
    transport = MockTransport(estimate=words)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await call(CHAT, a_request(CHAT, model="delay-30ms"), transport)
    assert loop.time() - begun >= 0.029

    slow = start(CHAT, a_request(CHAT, model="slow"), transport)
    assert slow.sending is not None
    slow.sending.cancel()
    slow.sending.cancel()
    await asyncio.sleep(0.01)
    assert slow.order == []
    first, second = list(transport.record.calls())
    assert (first.outcome, second.outcome) == ("cancelled", "ok")


async def test_latency_is_added_to_every_call() -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()

    await call(CHAT, a_request(CHAT), MockTransport(0.03))

    assert loop.time() - begun >= 0.029


@BOTH
async def test_no_prompt_can_ask_for_a_behaviour(path: str) -> None:
    heard = await call(path, a_request(path, "status-500 mock/status-500 slow cut-after-1"))

    assert heard.status == 200
    assert "cut-after-1" in text_of(heard.json)


@pytest.mark.parametrize("model", ["gpt-4o", "status-200", "status-4290", "slow-2", "xslow", "a/b"])
async def test_any_other_name_is_an_echo(model: str) -> None:
    answer = (await call(CHAT, a_request(CHAT, model=model))).json

    assert answer["model"] == f"mock/{model}"
    assert text_of(answer) == ECHO
