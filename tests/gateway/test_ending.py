"""Every way a call can end: what the caller hears, and what is written down of it, once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.errors import Refused
from stockyard.gateway.noticing import Noticing
from stockyard.testing import Point, Script, cut_at, cut_every
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.openai_chat.codec import ChatCodec
from stockyard.wire.openai_chat.writer import ChatWriter

Asking = Callable[..., Any]


async def ended_once(yard: Yard, *, status: int) -> None:
    """Exactly one end was announced, with this status, and nothing goes on."""
    assert await yard.quiet()
    assert [call.status for call in yard.calls] == [status]
    assert yard.stockyard.office.running == set()


class Fence(Module[ModuleConfig]):
    name = "fence"
    category = "safety"
    stage = Stage.INSPECT

    def on_request(self, x: Exchange) -> None:
        raise Refused(400, "content_blocked", "Not this.")


class TestAnswered:
    async def test_whole(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        answer = await yard.chat("hi")
        assert (answer.status, answer.text) == (200, "hello")
        assert yard.last.attempts == ["openai 200"]
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (9, 12)
        await ended_once(yard, status=200)

    async def test_streamed(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo")
        answer = await yard.stream("hi")
        assert answer.pieces == ["hel", "lo"]
        assert answer.ended
        assert answer.complete
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 12
        await ended_once(yard, status=200)

    async def test_by_no_provider_at_all(self, yard: Yard) -> None:
        answer = await yard.chat("hello", model="gpt-4o")
        assert answer.status == 200
        assert answer.headers["x-stockyard-provider"] == "mock"
        assert answer.text.endswith("hello")

    @pytest.mark.parametrize("ask", [Yard.chat, Yard.stream, Yard.messages])
    async def test_every_answer_names_its_trace(self, yard: Yard, ask: Asking) -> None:
        yard.provider("openai").says("hello")
        answer = await ask(yard)
        x = yard.last.exchange
        assert answer.headers["x-request-id"] == x.id
        assert answer.headers["x-stockyard-trace-id"] == x.trace_id
        assert answer.headers["x-stockyard-provider"] == "openai"


class TestRefused:
    async def test_by_a_module(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("never")
        yard.add(Fence)
        answer = await yard.chat("hi")
        assert answer.status == 400
        assert answer.error is not None
        assert answer.error["code"] == "content_filter"
        assert answer.error["stockyard"]["module"] == "fence"
        assert yard.last.refused_by == "fence"
        assert not openai.requests
        await ended_once(yard, status=400)

    async def test_a_stream_is_refused_as_http(self, yard: Yard) -> None:
        yard.provider("openai").says("never")
        yard.add(Fence)
        answer = await yard.stream("hi")
        assert (answer.status, answer.streamed) == (400, False)
        assert answer.headers["content-type"] == "application/json"
        await ended_once(yard, status=400)

    async def test_s52_nobody_serves_the_model(self, yard: Yard) -> None:
        yard.provider("openai").says("never")
        answer = await yard.stream("hi", model="gpt5-typo")
        assert (answer.status, answer.streamed) == (404, False)
        assert answer.error is not None
        assert answer.error["code"] == "model_not_found"
        assert "'gpt5-typo'" in answer.error["message"]
        await ended_once(yard, status=404)

    async def test_s52_the_provider_asked_for_does_not_serve_it(self, yard: Yard) -> None:
        yard.provider("openai").says("never")
        answer = await yard.stream("hi", headers={"x-stockyard-provider": "groq"})
        assert (answer.status, answer.streamed) == (503, False)
        assert answer.error is not None
        assert answer.error["code"] == "no_target"
        assert int(answer.headers["retry-after"]) >= 1
        await ended_once(yard, status=503)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"nonsense",
            b"[]",
            b"null",
            b'{"model":',
            b'{"messages":[]}',
            b'{"model":7}',
            b"\xff",
        ],
    )
    async def test_a_body_that_is_no_call_is_refused(self, yard: Yard, body: bytes) -> None:
        openai = yard.provider("openai").says("never")
        answer = await yard.call("/v1/chat/completions", body)
        assert answer.status == 400
        assert answer.error is not None
        assert answer.error["type"] == "invalid_request_error"
        assert not openai.requests

    async def test_too_many_calls_at_once_are_turned_away(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("first").slowly(before=0.3)
        yard.set("overload.max_inflight", 1)
        first = asyncio.create_task(yard.chat("hi"))
        assert await openai.called()
        second = await yard.chat("hi")
        assert second.status == 503
        assert second.error is not None
        assert second.error["code"] == "overloaded"
        assert (await first).text == "first"


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


class TestProviderFails:
    @pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
    @pytest.mark.parametrize(("fails", "status", "code"), FAILURES)
    async def test_s53_before_the_first_byte_it_is_http(
        self,
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
    async def test_the_messages_dialect_says_it_in_its_own_words(
        self, yard: Yard, fails: Callable[[Script], object], status: int, _code: str
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
        self, yard: Yard, timer: str, script: Callable[[Script], object]
    ) -> None:
        script(yard.provider("openai"))
        yard.set(
            "timeout.first_byte_whole" if timer == "first_byte" else f"timeout.{timer}", "100ms"
        )
        answer = await yard.chat("hi")
        assert answer.status == 504
        assert answer.error is not None
        assert answer.error["code"] == "provider_timeout"
        assert answer.error["stockyard"]["timer"] == f"timeout.{timer}"
        await ended_once(yard, status=504)

    async def test_what_nobody_foresaw_is_a_plain_500(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        await yard.open()
        yard.stockyard.office.dispatch.plans._plans = None  # type: ignore[assignment]  # broken on purpose
        answer = await yard.chat("hi")
        assert answer.status == 500
        assert answer.error is not None
        assert "NoneType" not in answer.error["message"]
        await ended_once(yard, status=500)


BEFORE_CONTENT: list[Point] = ["nothing", "half_status_line", "half_header", "head", "open"]
AFTER_CONTENT: list[Point] = ["first_content", "content", "half_event"]


class TestCutStreams:
    @pytest.mark.parametrize("how", ["fin", "rst"])
    @pytest.mark.parametrize("point", BEFORE_CONTENT)
    async def test_s14_before_any_content_it_is_http(
        self, yard: Yard, point: Point, how: Any
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
    async def test_s19_after_content_it_is_an_error_event_and_no_terminator(
        self, yard: Yard, point: Point, provider: str
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
    async def test_s19_so_it_is_in_the_messages_dialect(
        self, yard: Yard, point: Point, provider: str
    ) -> None:
        yard.provider(provider).streams("hel", "lo").cuts_after(point)
        answer = await yard.messages("hi", stream=True)
        assert_interrupted(answer)
        assert answer.events[-1].name == "error"
        assert answer.events[-1].json["type"] == "error"
        assert answer.error is not None
        assert answer.error["type"] == "api_error"

    @pytest.mark.parametrize("provider", ["openai", "anthropic"])
    async def test_s19_what_breaks_off_after_its_finish_is_complete(
        self, yard: Yard, provider: str
    ) -> None:
        yard.provider(provider).streams("hel", "lo").without_terminator()
        answer = await yard.stream("hi")
        assert answer.pieces == ["hel", "lo"]
        assert answer.error is None
        assert yard.last.outcomes == ["ok"]

    @pytest.mark.parametrize("provider", ["openai", "anthropic"])
    async def test_s15_an_error_before_content_is_http(self, yard: Yard, provider: str) -> None:
        yard.provider(provider).streams("never").fails_after("open", status=429)
        answer = await yard.stream("hi")
        assert (answer.status, answer.streamed) == (429, False)

    @pytest.mark.parametrize("provider", ["openai", "anthropic"])
    async def test_s15_an_error_after_content_never_becomes_a_stop(
        self, yard: Yard, provider: str
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

    async def test_s14_content_that_came_with_an_error_was_never_sent(self, yard: Yard) -> None:
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
        self, yard: Yard, place: str, script: Callable[[Script], object], code: str
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
    async def test_s33_one_that_never_begins_is_http(
        self, yard: Yard, place: str, script: Callable[[Script], object]
    ) -> None:
        script(yard.provider("openai").streams("hel", "lo"))
        yard.set(place, "150ms")
        answer = await yard.stream("hi")
        assert (answer.status, answer.streamed) == (504, False)
        assert answer.error is not None
        assert answer.error["stockyard"]["timer"] == place

    async def test_s33_pings_of_a_provider_are_not_content(self, yard: Yard) -> None:
        ping = b'event: ping\ndata: {"type": "ping"}\n\n'
        script = yard.provider("anthropic").streams("hel", "lo")
        script.repeats(ping, after="first_content", every=0.02)
        yard.set("timeout.content_idle", "150ms")
        answer = await yard.messages("hi", stream=True)
        assert answer.pieces == ["hel"]
        assert_interrupted(answer)


def assert_interrupted(answer: Heard) -> None:
    """The stream says that it is not complete, and HTTP comes to its proper end."""
    assert answer.status == 200
    assert answer.error is not None
    assert not answer.ended
    assert answer.complete


ODD_ANSWERS = [
    ({"content-type": "application/json"}, b'{"error":{"message":"No."}}', 502),
    ({"content-type": "text/html"}, b"<html>Bad gateway</html>", 502),
    ({"content-type": "text/event-stream"}, b"", 502),
    ({}, b"", 502),
]


class TestWrongContentType:
    @pytest.mark.parametrize(("headers", "body", "status"), ODD_ANSWERS)
    async def test_s12_what_is_no_stream_is_an_error_before_commit(
        self, yard: Yard, headers: dict[str, str], body: bytes, status: int
    ) -> None:
        yard.provider("openai").sends(200, headers, body)
        answer = await yard.stream("hi")
        assert (answer.status, answer.streamed) == (status, False)

    @pytest.mark.parametrize("ask", [Yard.chat, Yard.messages])
    async def test_s12_a_whole_answer_becomes_a_stream(self, yard: Yard, ask: Asking) -> None:
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

    async def test_s12_a_stream_without_a_content_type_is_one(self, yard: Yard) -> None:
        openai = yard.provider("openai").streams("hel", "lo")
        openai.with_headers({"content-type": None})
        answer = await yard.stream("hi")
        assert answer.pieces == ["hel", "lo"]

    @pytest.mark.parametrize("ask", [Yard.chat, Yard.messages])
    async def test_s12_a_stream_that_nobody_asked_for_becomes_a_whole_answer(
        self, yard: Yard, ask: Asking
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
    async def test_s12_a_stream_that_is_called_something_else_is_one(
        self, yard: Yard, ask: Asking
    ) -> None:
        openai = yard.provider("openai").streams("hel", "lo")
        openai.with_headers({"content-type": "application/json"}).in_pieces(cut_every(1))
        answer = await ask(yard, stream=True)
        assert (answer.streamed, answer.text, answer.ended) == (True, "hello", True)
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 12
        assert yard.last.outcomes == ["ok"]

    async def test_s13_interim_answers_are_not_answers(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").interims(100, 103)
        answer = await yard.stream("hi")
        assert answer.pieces == ["hel", "lo"]


class TestAnAnswerThatCannotBeWritten:
    """A fault of our own: the caller hears of it, and the provider does not go on for nobody."""

    async def test_lets_go_of_its_stream(self, yard: Yard) -> None:
        class Broken(ChatCodec):
            def writer(self, pen: Pen) -> ChatWriter:
                raise RuntimeError("A writer that cannot be made.")

        provider = yard.provider("anthropic").streams("hel", "lo").stalls_after("first_content")
        await yard.open()
        yard.stockyard.reception.formats = {**FORMATS, "openai.chat": Broken()}
        answer = await yard.stream("hi", model="claude-scripted")
        assert (answer.status, answer.json["error"]["code"]) == (500, "internal")
        assert await provider.last.closed_by_client(within=2)
        await ended_once(yard, status=500)


@pytest.mark.parametrize(
    ("path", "status"), [("/openai/v1/assistants", 200), ("/openai/v1/chat/completions", 0)]
)
async def test_nobody_waits_for_an_end_that_a_fault_of_ours_broke(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    def breaks(_noticing: Noticing, _told: bytes) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Noticing, "_learn", breaks)
    json = {"content-type": "application/json"}
    yard.provider("openai").sends(200, json, b'{"id":"asst_1"}')
    async with asyncio.timeout(10):
        answer = await yard.call(path, yard.body("hi", store=True))
    assert (answer.status, answer.complete) == (status, False)
    assert await yard.quiet()
