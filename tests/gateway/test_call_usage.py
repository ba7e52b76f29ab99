"""Usage that no provider told: the pitfalls of `streaming.md` that concern what a call costs."""

import json
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import CHAT, MESSAGES, Yard, becomes
from tests.dialects import TRANSLATIONS
from tests.gateway.responses_calls import RESPONSES

COMPLETIONS = "/v1/completions"
GEMINI = "/v1beta/models/{model}:streamGenerateContent?alt=sse"


def streamed(yard: Yard, path: str, prompt: str) -> tuple[str, dict[str, Any]]:
    """Path and body of a stream in the dialect of the path, with usage asked for."""
    chat = yard.body(prompt, stream=True)
    options = {"include_usage": True}
    bodies: dict[str, dict[str, Any]] = {
        CHAT: {**chat, "stream_options": options},
        MESSAGES: chat,
        RESPONSES: {"model": chat["model"], "input": prompt, "stream": True},
        COMPLETIONS: {
            "model": chat["model"],
            "prompt": prompt,
            "stream": True,
            "stream_options": options,
        },
        GEMINI: {"contents": [{"role": "user", "parts": [{"text": prompt}]}]},
    }
    return path.replace("{model}", str(chat["model"])), bodies[path]


def counts_in(answer: Heard) -> tuple[int, int]:
    """Input and output tokens, as the last event that counts them says."""
    said = [event.json for event in answer.events if isinstance(event.json, dict)]
    told = [one.get("usage") or one.get("usageMetadata") for one in said]
    told += [(one.get("response") or {}).get("usage") for one in said]
    *_, usage = (one for one in told if one)
    first = usage.get("prompt_tokens", usage.get("input_tokens", usage.get("promptTokenCount")))
    other = usage.get("completion_tokens", usage.get("output_tokens"))
    return first, usage.get("candidatesTokenCount", other)


class TestS23NobodyCounted:
    """What no provider counted is estimated, and said to be."""

    PROMPT = "how many words are in this question, if it is one?"  # 50 bytes: 12 tokens, and 4

    @pytest.mark.parametrize(
        ("provider", "path"),
        [
            *(("cerebras", path) for path in (CHAT, MESSAGES, RESPONSES, COMPLETIONS, GEMINI)),
            *(("anthropic", path) for path in (CHAT, RESPONSES, COMPLETIONS, GEMINI)),
        ],
    )
    async def test_s23_counts_are_sent_although_the_provider_sent_none(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        yard.provider(provider).streams("hello ", "there, you ", "again").counts_nothing()
        answer = await yard.call(*streamed(yard, path, self.PROMPT))
        assert answer.status == 200
        counts = counts_in(answer)
        assert counts == (16, 5)
        assert yard.last.usage is not None
        assert yard.last.usage.source != "reported"
        assert (yard.last.usage.prompt, yard.last.usage.completion) == counts

    async def test_s23_the_chunk_of_a_forwarded_stream_is_one_of_its_own(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").counts_nothing()
        answer = await yard.stream("hi", stream_options={"include_usage": True})
        assert answer.ended
        first, last = answer.events[0].json, answer.events[-2].json
        assert last["choices"] == []
        assert {name: last[name] for name in ("id", "object", "created", "model")} == {
            name: first[name] for name in ("id", "object", "created", "model")
        }

    async def test_s23_a_native_stream_stays_as_its_provider_sent_it(self, yard: Yard) -> None:
        yard.provider("openai").streams("hello ", "there").counts_nothing()
        options = {"stream": True, "stream_options": {"include_usage": True}}
        answer = await yard.call("/openai/v1/chat/completions", yard.body(self.PROMPT) | options)
        told = [event.json for event in answer.events if isinstance(event.json, dict)]
        assert told
        assert not any(event.get("usage") for event in told)
        assert yard.last.usage is not None
        assert yard.last.usage.source == "estimated"

    async def test_s23_a_client_that_did_not_ask_gets_no_counts(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").counts_nothing()
        answer = await yard.stream("hi")
        assert not any(event.json.get("usage") for event in answer.events[:-1])
        assert yard.last.usage is not None
        assert yard.last.usage.source == "estimated"

    @pytest.mark.parametrize(("provider", "path"), TRANSLATIONS)
    async def test_s23_whole_answers_are_counted_too(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        yard.provider(provider).says("hello there, you again").counts_nothing()
        answer = await yard.call(path, yard.body(self.PROMPT))
        assert answer.text == "hello there, you again"
        assert yard.last.usage is not None
        assert yard.last.usage.source == "estimated"
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (16, 5)

    async def test_s23_a_long_stream_is_estimated_from_its_beginning(self, yard: Yard) -> None:
        yard.provider("openai").streams(*["four letters "] * 2_000).counts_nothing()
        await yard.stream("hi")
        assert yard.last.usage is not None
        assert 6_300 < yard.last.usage.completion < 6_700  # 26,000 bytes of text

    async def test_s23_counts_that_a_provider_sends_unasked_pass(self, yard: Yard) -> None:
        mistral = yard.provider("mistral").streams("hello ", "there").counts(7, 5).counts_unasked()
        answer = await yard.stream("hi", model="mistral/mistral-small-latest")
        assert "stream_options" not in mistral.last.json
        assert counts_in(answer) == (7, 5)

    async def test_s23_counts_of_the_provider_stand(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").counts(30, 7)
        await yard.stream("hi", stream_options={"include_usage": True})
        assert yard.last.usage is not None
        assert yard.last.usage.source == "reported"
        assert yard.last.usage.completion == 7

    async def test_s23_counts_that_only_we_asked_for_are_not_seen_by_the_client(
        self, yard: Yard
    ) -> None:
        said = ('a,"usage":null', " b")
        openai = yard.provider("openai").streams(*said).counts(30, 7)
        answer = await yard.stream("hi")
        assert openai.last.fields["stream_options"] == {"include_usage": True}
        assert answer.text == "".join(said)
        assert not any("usage" in event.json for event in answer.events[:-1])
        asked = await yard.stream("hi", stream_options={"include_usage": True})
        assert all("usage" in event.json for event in asked.events[:-1])

    @pytest.mark.parametrize("odd", [-4, "many", 2.5, 10**12])
    async def test_s23_counts_that_make_no_sense_are_replaced(
        self, yard: Yard, odd: object
    ) -> None:
        yard.provider("openai").says("hello there, you again").counts(30, odd)
        await yard.chat("hi")
        assert yard.last.usage is not None
        assert yard.last.usage.source == "mixed"
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (30, 5)


class TestS38Abandoned:
    """Whoever hangs up before the counts come has read all the same."""

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    @pytest.mark.parametrize("provider", ["openai", "anthropic"])
    async def test_s38_an_answer_that_is_left_is_paid_as_far_as_it_was_delivered(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        script = yard.provider(provider).streams("a sentence of forty letters, or so", "more")
        script.stalls_after("first_content")
        await leave(yard, path, after=b"or so")
        assert await yard.ended(1)
        usage = yard.last.usage
        assert usage is not None
        assert yard.last.abandoned
        assert usage.source in ("estimated", "mixed")
        assert usage.prompt > 0
        assert usage.completion >= 8

    @pytest.mark.parametrize("stream", [False, True])
    async def test_s38_the_prompt_is_paid_when_nothing_came(self, yard: Yard, stream: bool) -> None:
        yard.provider("openai").says("never").slowly(before=5)
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("hello there", stream=stream), headers=yard.headers)
            await becomes(lambda: bool(yard.provider("openai").requests))
        assert await yard.ended(1)
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (6, 0)

    @pytest.mark.parametrize(("provider", "path"), TRANSLATIONS)
    async def test_s38_a_stream_that_broke_is_paid_as_far_as_it_came(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        scripted = yard.provider(provider).streams("eight letters, ", "and more").counts(7, 1)
        scripted.cuts_after("first_content")
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.error is not None
        assert yard.last.usage is not None
        assert yard.last.usage.completion >= 3

    @pytest.mark.parametrize(("provider", "path"), TRANSLATIONS)
    async def test_s38_content_that_comes_in_one_read_with_an_error_is_paid(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        scripted = yard.provider(provider).streams("hello " * 400).fails_after("first_content")
        scripted.in_pieces(lambda body: [body])
        answer = await yard.call(*streamed(yard, path, "hi"))
        assert answer.status >= 500, "nothing of it was sent"
        assert yard.last.usage is not None
        assert yard.last.usage.completion >= 400

    async def test_s38_counts_of_the_beginning_are_not_those_of_all_that_came(
        self, yard: Yard
    ) -> None:
        said = [{"content": "a"}, {"content": "word " * 100}]
        counts = {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
        chunks = [{"id": "c1", "choices": [{"index": 0, "delta": delta}]} for delta in said]
        events = [b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks]
        events[0] = events[0].replace(b"}]}", b'}], "usage": %b}' % json.dumps(counts).encode())
        yard.provider("openai").plays(b"".join(events))
        await yard.stream("hi")
        assert yard.last.outcomes == ["partial"]
        assert yard.last.usage is not None
        assert yard.last.usage.completion > 50

    async def test_s38_a_client_that_leaves_while_an_error_comes_pays_nothing(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai").fails(500, "x" * 2000).stalls_after_bytes(500)
        await yard.open()
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("hi"), headers=yard.headers)
            assert await openai.called()
            attempts = next(iter(yard.stockyard.office.running)).x.attempts
            assert await becomes(lambda: bool(attempts and attempts[0].first_byte_us))
        assert await yard.ended(1)
        assert yard.last.abandoned
        assert yard.last.usage is None

    async def test_s38_a_client_that_leaves_before_an_unread_answer_leaves_nothing(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai").says("hello").stalls_after("nothing")
        await yard.open()
        async with yard.raw() as client:
            client.ask("/openai/v1/fine_tuning/jobs", {}, headers=yard.headers)
            assert await openai.called()
        assert await openai.closed_by_client()
        assert await yard.quiet()

    async def test_s38_an_error_costs_nothing(self, yard: Yard) -> None:
        yard.provider("openai").fails(500)
        await yard.chat("hi")
        assert yard.last.usage is None


class TestS38Drain:
    """`cancel.policy = "drain"`: who left is charged what the provider counted."""

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    @pytest.mark.parametrize("provider", ["openai", "anthropic"])
    async def test_s38_a_drained_stream_is_counted_by_its_provider(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        yard.set("cancel.policy", "drain")
        script = yard.provider(provider).streams("hello", " there").counts(30, 7)
        script.slowly(between=0.02)
        await leave(yard, path, after=b"hello")
        assert await yard.ended(1)
        assert yard.last.abandoned
        assert yard.last.status == 499
        assert yard.last.usage is not None
        assert yard.last.usage.source == "reported"
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (30, 7)
        assert len(yard.stockyard.office.drains) == 0

    async def test_s38_reading_on_takes_no_longer_than_allowed(self, yard: Yard) -> None:
        yard.set("cancel.policy", "drain")
        yard.set("cancel.drain", "50ms")
        openai = yard.provider("openai").streams("hello", " there").stalls_after("first_content")
        await leave(yard, CHAT, after=b"hello")
        assert await yard.ended(1)
        assert yard.last.usage is not None
        assert yard.last.usage.source == "estimated"
        assert await becomes(lambda: openai.open_connections == 0)
        assert len(yard.stockyard.office.drains) == 0

    async def test_s38_only_so_many_streams_are_read_on(self, yard: Yard) -> None:
        yard.set("cancel.policy", "drain")
        yard.set("cancel.drain_max", 1)
        yard.provider("openai").streams("hello", " there").stalls_after("first_content")
        await yard.open()
        for _ in range(3):
            await leave(yard, CHAT, after=b"hello")
        assert await yard.ended(2)
        assert len(yard.stockyard.office.drains) == 1

    async def test_s38_a_stop_ends_streams_that_are_read_on(self, yard: Yard) -> None:
        yard.set("cancel.policy", "drain")
        yard.provider("openai").streams("hello", " there").stalls_after("first_content")
        await leave(yard, CHAT, after=b"hello")
        assert await becomes(lambda: len(yard.stockyard.office.drains) == 1)
        await yard.close()
        assert yard.last.abandoned
        assert len(yard.stockyard.office.drains) == 0

    async def test_s38_nothing_is_read_on_unless_the_settings_say_so(self, yard: Yard) -> None:
        yard.provider("openai").streams("hello", " there").stalls_after("first_content")
        await leave(yard, CHAT, after=b"hello")
        assert await yard.ended(1)
        assert len(yard.stockyard.office.drains) == 0


async def leave(yard: Yard, path: str, *, after: bytes) -> None:
    """Ask for a stream, and go when these bytes have come."""
    async with yard.raw() as client:
        client.ask(path, yard.body("hi there", stream=True), headers=yard.headers)
        await client.until(after)
