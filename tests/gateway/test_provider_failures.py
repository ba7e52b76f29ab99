"""A provider that fails before its answer begins: an HTTP error that says what it was."""

from collections.abc import Callable

import pytest

from stockyard.testing import Script
from stockyard.testing.yard import Yard
from tests.gateway.endings import ended_once

FAILURES: list[tuple[Callable[[Script], object], int, str]] = [
    (lambda p: p.fails(400), 400, "invalid_request"),
    (lambda p: p.fails(401), 502, "provider_error"),
    (lambda p: p.fails(403), 502, "provider_error"),
    (lambda p: p.fails(404), 404, "model_not_found"),
    (lambda p: p.fails(413), 413, "body_too_large"),
    (lambda p: p.fails(429, retry_after=7), 429, "rate_limit_exceeded"),
    (lambda p: p.fails(500), 502, "provider_error"),
    (lambda p: p.fails(503), 503, "provider_error"),
    (lambda p: p.fails(504), 504, "provider_timeout"),
    (lambda p: p.sends(302, {"location": "http://127.0.0.1/"}, b""), 502, "provider_error"),
    (lambda p: p.sends(200, {"content-type": "application/json"}, b"{"), 502, "provider_error"),
    (lambda p: p.sends(200, {"content-type": "application/json"}, b"[]"), 502, "provider_error"),
    (lambda p: p.sends(200, {"content-type": "text/html"}, b"<p>Hi"), 502, "provider_error"),
    (lambda p: p.sends(200, {}, b""), 502, "provider_error"),
    (lambda p: p.sends(204, {}, b""), 502, "provider_error"),
    (lambda p: p.sends_exactly(b"nonsense\r\n\r\n").closes(), 502, "provider_error"),
    (lambda p: p.sends_exactly(b"").closes(), 502, "stream_interrupted"),
    (lambda p: p.says("hello there").cuts_after_bytes(30), 502, "stream_interrupted"),
    (lambda p: p.says("hello there").cuts_after_bytes(30, how="rst"), 502, "stream_interrupted"),
]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("fails", "status", "code"), FAILURES)
async def test_s53_a_failure_before_the_first_byte_is_an_http_error(
    yard: Yard,
    fails: Callable[[Script], object],
    status: int,
    code: str,
    streamed: bool,
) -> None:
    fails(yard.provider("openai"))
    answer = await (yard.stream("hi") if streamed else yard.chat("hi"))
    if streamed and answer.status == 200:
        pytest.skip("`says` is cut in the middle of a stream, not before it")
    assert (answer.status, answer.streamed) == (status, False)
    assert answer.error is not None
    assert answer.error["code"] == code
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    assert yard.last.outcomes == ["failed"]
    await ended_once(yard, status=status)


@pytest.mark.parametrize(("fails", "status", "_code"), FAILURES)
async def test_a_failure_is_told_to_clients_of_messages_in_their_dialect(
    yard: Yard, fails: Callable[[Script], object], status: int, _code: str
) -> None:
    fails(yard.provider("openai"))
    answer = await yard.messages("hi")
    assert answer.status == status
    assert answer.json["type"] == "error"
    assert answer.json["request_id"] == yard.last.exchange.id
    assert answer.error is not None
    assert answer.error["type"].endswith(("_error", "too_large"))


@pytest.mark.parametrize(
    ("timer", "script"),
    [
        ("first_byte", lambda p: p.says("late").stalls_after("nothing")),
        ("idle", lambda p: p.says("late").stalls_after("head")),
        ("total", lambda p: p.says("late").stalls_after("head")),
    ],
)
async def test_a_deadline_names_itself(
    yard: Yard, timer: str, script: Callable[[Script], object]
) -> None:
    script(yard.provider("openai"))
    yard.set("timeout.first_byte_whole" if timer == "first_byte" else f"timeout.{timer}", "100ms")
    answer = await yard.chat("hi")
    assert answer.status == 504
    assert answer.error is not None
    assert answer.error["code"] == "provider_timeout"
    assert answer.error["stockyard"]["timer"] == f"timeout.{timer}"
    await ended_once(yard, status=504)
