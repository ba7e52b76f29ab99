"""The mock provider: the record of its calls."""

import asyncio

import msgspec
import pytest

from stockyard.upstream.mock import MockTransport
from stockyard.upstream.mock.record import MockCall, Record
from tests.upstream.mock_calls import BOTH, CHAT, ECHO, a_request, call, start, streamed_text, words


@BOTH
@pytest.mark.parametrize(
    ("model", "stream", "outcome", "status", "output"),
    [
        ("echo", False, "ok", 200, words(ECHO)),
        ("echo", True, "ok", 200, words(ECHO)),
        ("status-500", False, "error", 500, 0),
        ("cut-after-0", True, "cut", 200, 0),
    ],
)
async def test_every_call_is_on_record(
    path: str, model: str, stream: bool, outcome: str, status: int, output: int
) -> None:
    transport = MockTransport(estimate=words, now=lambda: 5.0)
    request = a_request(path, model=model, stream=stream)

    heard = await call(path, request, transport)

    (recorded,) = transport.record.calls()
    assert recorded == MockCall(
        at_ms=5000,
        model=model,
        format="openai.chat" if path == CHAT else "anthropic.messages",
        streamed=stream,
        status=status,
        outcome=outcome,  # type: ignore[arg-type]  # one of the words, from a table
        input_tokens=1 if status == 200 else 0,
        output_tokens=output,
        bytes_in=len(msgspec.json.encode(request)),
        bytes_out=len(heard.body),
    )


async def test_the_part_of_a_stream_that_came_is_on_record() -> None:
    transport = MockTransport(estimate=len)
    heard = start(CHAT, a_request(CHAT, stream=True), transport, cancel_after=4)
    for _ in range(50):
        await asyncio.sleep(0)

    (recorded,) = transport.record.calls()
    assert recorded.outcome == "cancelled"
    assert recorded.output_tokens == len(streamed_text(heard.events)) == len("This answer comes")


def a_call(number: int) -> MockCall:
    return MockCall(
        at_ms=number,
        model="é" * 200,
        format="openai.chat",
        streamed=False,
        status=200,
        outcome="ok",
        input_tokens=number,
        output_tokens=2**40,
        bytes_in=1,
        bytes_out=2,
    )


def test_the_record_keeps_the_newest_and_counts_all() -> None:
    record = Record(kept=3)
    for number in range(5):
        record.add(a_call(number))

    assert len(record) == 3
    assert [call.at_ms for call in record.calls()] == [4, 3, 2]
    assert next(record.calls()).model == "é" * 128
    totals = record.totals
    assert (totals.calls, totals.input_tokens, totals.output_tokens) == (5, 10, 5 * 2**40)
