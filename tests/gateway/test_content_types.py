"""Answers whose content type is missing or wrong: what they are is seen in their bytes."""

import pytest

from stockyard.testing import cut_every
from stockyard.testing.yard import Yard
from tests.gateway.endings import Asking

ODD_ANSWERS = [
    ({"content-type": "application/json"}, b'{"error":{"message":"No."}}', 502),
    ({"content-type": "text/html"}, b"<html>Bad gateway</html>", 502),
    ({"content-type": "text/event-stream"}, b"", 502),
    ({}, b"", 502),
]


@pytest.mark.parametrize(("headers", "body", "status"), ODD_ANSWERS)
async def test_s12_an_answer_that_is_no_stream_is_an_http_error(
    yard: Yard, headers: dict[str, str], body: bytes, status: int
) -> None:
    yard.provider("openai").sends(200, headers, body)
    answer = await yard.stream("hi")
    assert (answer.status, answer.streamed) == (status, False)


@pytest.mark.parametrize("ask", [Yard.chat, Yard.messages])
async def test_s12_a_whole_answer_becomes_a_stream(yard: Yard, ask: Asking) -> None:
    body = (
        b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}'
    )
    yard.provider("openai").sends(200, {"content-type": "application/json"}, body)
    answer = await ask(yard, stream=True)
    assert answer.streamed
    assert answer.text == "hello"
    assert answer.ended
    assert yard.last.outcomes == ["ok"]


async def test_s12_a_stream_without_a_content_type_is_read_as_a_stream(yard: Yard) -> None:
    openai = yard.provider("openai").streams("hel", "lo")
    openai.with_headers({"content-type": None})
    answer = await yard.stream("hi")
    assert answer.pieces == ["hel", "lo"]


@pytest.mark.parametrize("ask", [Yard.chat, Yard.messages])
async def test_s12_a_stream_that_nobody_asked_for_becomes_a_whole_answer(
    yard: Yard, ask: Asking
) -> None:
    chunk = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":%b}]%b}\n\n'
    said = chunk % (b'{"content":"hel"}', b"") + chunk % (
        b'{"content":"lo"},"finish_reason":"stop"',
        b',"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}',
    )
    openai = yard.provider("openai")
    for body in (said + b"data: [DONE]\n\n", said[:-10]):
        openai.sends(200, {"content-type": "text/event-stream"}, body)
    answer = await ask(yard)
    assert (answer.status, answer.streamed, answer.text) == (200, False, "hello")
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (9, 12)
    assert (await ask(yard)).status == 502


@pytest.mark.parametrize("ask", [Yard.chat, Yard.messages])
async def test_s12_a_stream_with_another_content_type_is_read_as_a_stream(
    yard: Yard, ask: Asking
) -> None:
    openai = yard.provider("openai").streams("hel", "lo")
    openai.with_headers({"content-type": "application/json"}).in_pieces(cut_every(1))
    answer = await ask(yard, stream=True)
    assert (answer.streamed, answer.text, answer.ended) == (True, "hello", True)
    assert yard.last.usage is not None
    assert yard.last.usage.completion == 12
    assert yard.last.outcomes == ["ok"]


async def test_s13_interim_answers_are_not_answers(yard: Yard) -> None:
    yard.provider("openai").streams("hel", "lo").interims(100, 103)
    answer = await yard.stream("hi")
    assert answer.pieces == ["hel", "lo"]
