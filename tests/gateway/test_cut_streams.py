"""Streams that are cut, fail or stall: an HTTP error before content, an error event after it."""

from collections.abc import Callable
from typing import Any

import pytest

from stockyard.testing import Point, Script, cut_at, cut_every
from stockyard.testing.yard import Yard
from tests.gateway.endings import assert_interrupted, ended_once

BEFORE_CONTENT: list[Point] = ["nothing", "half_status_line", "half_header", "head", "open"]


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("point", BEFORE_CONTENT)
async def test_s14_a_stream_that_is_cut_before_any_content_is_an_http_error(
    yard: Yard, point: Point, how: Any
) -> None:
    yard.provider("openai").streams("never", "seen").cuts_after(point, how=how)
    answer = await yard.stream("hi")
    assert (answer.status, answer.streamed) == (502, False)
    assert answer.error is not None
    assert answer.error["code"] == "stream_interrupted"
    assert yard.last.outcomes == ["failed"]
    await ended_once(yard, status=502)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("point", ["first_content", "content"])
async def test_s19_a_stream_that_is_cut_after_content_ends_with_an_error_event(
    yard: Yard, point: Point, provider: str
) -> None:
    yard.provider(provider).streams("hel", "lo").cuts_after(point)
    answer = await yard.stream("hi")
    assert_interrupted(answer)
    assert answer.events[-1].name == ""
    assert answer.error is not None
    assert answer.error["code"] == "stream_interrupted"
    assert yard.last.outcomes == ["partial"]
    await ended_once(yard, status=200)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("point", ["first_content", "content"])
async def test_s19_a_stream_of_messages_that_is_cut_ends_with_an_error_event(
    yard: Yard, point: Point, provider: str
) -> None:
    yard.provider(provider).streams("hel", "lo").cuts_after(point)
    answer = await yard.messages("hi", stream=True)
    assert_interrupted(answer)
    assert answer.events[-1].name == "error"
    assert answer.events[-1].json["type"] == "error"
    assert answer.error is not None
    assert answer.error["type"] == "api_error"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_s19_a_stream_that_is_cut_after_its_finish_is_complete(
    yard: Yard, provider: str
) -> None:
    yard.provider(provider).streams("hel", "lo").without_terminator()
    answer = await yard.stream("hi")
    assert answer.pieces == ["hel", "lo"]
    assert answer.error is None
    assert yard.last.outcomes == ["ok"]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_s15_an_error_in_a_stream_before_content_is_an_http_error(
    yard: Yard, provider: str
) -> None:
    yard.provider(provider).streams("never").fails_after("open", status=429)
    answer = await yard.stream("hi")
    assert (answer.status, answer.streamed) == (429, False)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_s15_an_error_in_a_stream_after_content_never_becomes_a_stop(
    yard: Yard, provider: str
) -> None:
    script = yard.provider(provider).streams("hel", "lo")
    script.fails_after("first_content", "Overloaded.")
    script.in_pieces(cut_every(60)).slowly(between=0.01)
    answer = await yard.stream("hi")
    assert answer.pieces == ["hel"]
    assert_interrupted(answer)
    assert answer.error is not None
    assert answer.error["code"] == "provider_error"
    assert "Overloaded." in answer.error["message"]


async def test_s14_content_that_comes_together_with_an_error_is_not_sent(yard: Yard) -> None:
    script = yard.provider("openai").streams("hel", "lo").fails_after("first_content")
    script.in_pieces(cut_at())  # all of it in one write
    answer = await yard.stream("hi")
    assert (answer.status, answer.streamed) == (502, False)


@pytest.mark.parametrize(
    ("place", "script", "code"),
    [
        ("timeout.idle", lambda p: p.stalls_after("first_content"), "provider_timeout"),
        (
            "timeout.content_idle",
            lambda p: p.repeats(b": ping\n\n", after="first_content", every=0.02),
            "stream_stalled",
        ),
        ("timeout.total", lambda p: p.stalls_after("first_content"), "provider_timeout"),
    ],
)
async def test_s33_a_stalled_stream_is_ended_by_its_clock(
    yard: Yard, place: str, script: Callable[[Script], object], code: str
) -> None:
    script(yard.provider("openai").streams("hel", "lo"))
    yard.set(place, "150ms")
    answer = await yard.stream("hi")
    assert answer.pieces == ["hel"]
    assert_interrupted(answer)
    assert answer.error is not None
    assert answer.error["code"] == code
    assert answer.error["stockyard"]["timer"] == place
    assert await yard.provider("openai").closed_by_client()


@pytest.mark.parametrize(
    ("place", "script"),
    [
        ("timeout.first_byte", lambda p: p.stalls_after("nothing")),
        ("timeout.first_content", lambda p: p.stalls_after("open")),
        (
            "timeout.first_content",
            lambda p: p.repeats(b": ping\n\n", after="open", every=0.02),
        ),
    ],
)
async def test_s33_a_stream_that_never_begins_is_an_http_error(
    yard: Yard, place: str, script: Callable[[Script], object]
) -> None:
    script(yard.provider("openai").streams("hel", "lo"))
    yard.set(place, "150ms")
    answer = await yard.stream("hi")
    assert (answer.status, answer.streamed) == (504, False)
    assert answer.error is not None
    assert answer.error["stockyard"]["timer"] == place


async def test_s33_pings_of_a_provider_are_not_content(yard: Yard) -> None:
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    script = yard.provider("anthropic").streams("hel", "lo")
    script.repeats(ping, after="first_content", every=0.02)
    yard.set("timeout.content_idle", "150ms")
    answer = await yard.messages("hi", stream=True)
    assert answer.pieces == ["hel"]
    assert_interrupted(answer)
