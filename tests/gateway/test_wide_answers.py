"""Providers whose answers would take seconds to take apart: callers get an error, or the bytes."""

from stockyard.testing.yard import Yard
from tests.gateway.native_calls import CHAT

WIDE = b'{"id":"c","object":"chat.completion","choices":[' + b"{}," * 40_000 + b"{}]}"
EVENT = b"data: %b\n\n" % WIDE
JSON = {"content-type": "application/json"}


async def test_an_event_of_very_many_parts_ends_a_stream_with_an_error(yard: Yard) -> None:
    yard.provider("openai").streams("hel", "lo").ends_with(EVENT, after="first_content")
    answer = await yard.stream("hi")
    assert answer.error is not None
    assert answer.error["code"] == "limit_exceeded"
    assert answer.text == "hel"
    assert yard.last.outcomes == ["partial"]


async def test_such_an_event_is_an_error_for_clients_of_other_formats(yard: Yard) -> None:
    yard.provider("openai").streams("hel", "lo").ends_with(EVENT, after="first_content")
    answer = await yard.messages("hi", model="gpt-4o", stream=True)
    assert answer.error is not None
    assert answer.text == "hel"
    assert yard.last.outcomes == ["partial"]


async def test_on_native_routes_such_an_event_passes_unread(yard: Yard) -> None:
    yard.provider("openai").streams("hel", "lo").ends_with(EVENT, after="first_content")
    answer = await yard.call(CHAT, yard.body("hi", stream=True))
    assert answer.body.endswith(EVENT)
    assert "dispatch failed_inside" in yard.last.findings


async def test_a_whole_answer_of_very_many_parts_is_a_bad_answer(yard: Yard) -> None:
    yard.provider("openai").sends(200, JSON, WIDE)
    answer = await yard.chat("hi")
    assert answer.error is not None
    assert (answer.status, answer.error["code"]) == (502, "limit_exceeded")
