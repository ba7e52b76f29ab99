"""Every dialect, on every way through the gateway, at everything that happens to streams.

The ways: forwarded as it came, edited by a module, translated from another format, and replayed
from store. What is right stands in `streaming.md` 3; each test asks one row of it of one way.
"""

import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from stockyard.errors import Abandoned
from stockyard.gateway.pings import Pings
from stockyard.testing import Script, ScriptedProvider
from stockyard.testing.formats import FORMATS
from stockyard.testing.heard import Heard
from stockyard.testing.turn import Turn, tool_call
from stockyard.testing.yard import Yard, becomes
from tests.dialects import DIALECTS, SPEAKERS, Dialect, Said
from tests.gateway.endings import ended

MODELS = {
    "openai": "openai/gpt-4o",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "cohere": "command-a-03-2025",
    "ollama": "ollama/llama3.2",
}
SPEAKS = {
    "openai": "openai.chat",
    "anthropic": "anthropic.messages",
    "gemini": "gemini",
    "cohere": "cohere.chat",
    "ollama": "ollama.chat",
}
ALSO = {"gemini": ("openai.chat",), "ollama": ("openai.chat", "openai.completions")}
"""Other formats in which these are asked by clients who speak them."""
QUICK = {
    "chat": "anthropic",
    "completions": "openai",
    "responses": "anthropic",
    "messages": "openai",
    "gemini": "cohere",
    "gemini array": "ollama",
    "cohere": "gemini",
    "ollama": "openai",
    "ollama prompts": "anthropic",
    "converse": "anthropic",
}
"""From whose format each dialect is translated every time; from the others it is slow."""
WELL, BYE = "Well. ", "Bye."
"""What is said. A guard lets the first go at once: it cannot be the beginning of anything."""
Change = Callable[[Script], object]
HALF = {form.name: b'data: {"mes' for form in FORMATS} | {"ollama.chat": b'{"mes'}
"""An event of each format that its provider begins and does not end."""
IDLE = {form.name: b": still there\n\n" for form in FORMATS} | {"ollama.chat": b"\n"}
"""What is no content in any."""


@dataclass(frozen=True)
class Way:
    """One dialect, the provider that answers it, and whether a module edits what it says."""

    dialect: Dialect
    provider: str
    edited: bool = False

    @property
    def asking(self) -> tuple[str, dict[str, Any]]:
        return self.dialect.asking(self.model)

    @property
    def model(self) -> str:
        return self.dialect.model if self.provider == self.dialect.home else MODELS[self.provider]

    @property
    def speaks(self) -> str:
        """The format of the provider's answer."""
        own, provider = self.dialect.own_format, self.provider
        at_home = provider == self.dialect.home and own in SPEAKERS
        forwarded = at_home or own in ALSO.get(provider, ())
        return own if forwarded else SPEAKS[provider]

    def script(self, yard: Yard) -> ScriptedProvider:
        if self.edited:
            yard.enable("promptguard")
        return yard.provider(self.provider)

    async def heard(self, yard: Yard) -> tuple[Heard, Said]:
        answer = await yard.call(*self.asking)
        return answer, self.dialect.said(answer)


def _ways() -> dict[str, tuple[Way, bool]]:
    """All ways, and whether they are slow."""
    found: dict[str, tuple[Way, bool]] = {}
    for name, dialect in DIALECTS.items():
        found[f"{name} forwarded"] = Way(dialect, dialect.home), False
        found[f"{name} edited"] = Way(dialect, dialect.home, edited=True), False
        for provider in MODELS:
            if provider != dialect.home:
                slow = provider != QUICK[name]
                found[f"{name} from {provider}"] = Way(dialect, provider), slow
    return found


def _each(*, quick: Callable[[str], bool]) -> pytest.MarkDecorator:
    slow = [pytest.mark.slow]
    return pytest.mark.parametrize(
        "way",
        [
            pytest.param(way, id=name, marks=slow if is_slow or not quick(name) else [])
            for name, (way, is_slow) in _ways().items()
        ],
    )


each_way = _each(quick=lambda name: True)
each_way_slowly = _each(quick=lambda name: name.endswith("forwarded"))
"""For what takes its time, and differs little from way to way."""
each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))


def paid(yard: Yard) -> bool:
    """Whether what was asked and what was said is paid for."""
    usage = yard.last.usage
    return usage is not None and usage.prompt > 0 and usage.completion > 0


WHOLE: dict[str, Change] = {
    "as it should": lambda s: s,
    "without a terminator": lambda s: s.without_terminator(),
    "cut after the finish": lambda s: s.cuts_after("finish"),
    "reset after the end": lambda s: s.cuts_after("end", how="rst"),
    "cut after its counts": lambda s: s.cuts_after("usage"),
    "silent after the end": lambda s: s.stalls_after("end"),
    "silent after the finish": lambda s: s.stalls_after("finish"),
    "uncounted": lambda s: s.counts_nothing(),
    "byte by byte": lambda s: s.drips(7, every=0),
}
"""What is whole, though its connection is not."""
UNFINISHED = (
    "without a terminator",
    "cut after the finish",
    "cut after its counts",
    "silent after the finish",
)
"""What cannot be said of a Response: it has no finish but its end."""


@each_way
async def test_s19_a_whole_answer_ends_as_its_dialect_does(
    yard: Yard, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockyard.upstream.streamed_answer.COUNT_SECONDS", 0.1)
    monkeypatch.setattr("stockyard.upstream.silence.TICK_SECONDS", 0.05)
    yard.set("timeout.idle", "500ms")
    script = way.script(yard)
    never = UNFINISHED if way.speaks == "openai.responses" else ()
    cases = [case for case in WHOLE.items() if case[0] not in never]
    for calls, (name, change) in enumerate(cases, 1):
        change(script.streams(WELL, BYE))
        answer, said = await way.heard(yard)
        assert (answer.status, said) == (200, Said(WELL + BYE, ended=True)), (name, answer.body)
        assert answer.headers["content-type"] == way.dialect.content_type, name
        assert answer.complete, name
        assert yard.last.outcomes == ["ok"], name
        assert paid(yard), name
        await ended(yard, calls, 200)


CUT, FAILED = {"stream_interrupted"}, {"provider_error"}
STALLED = {"stream_stalled"}
LATE = STALLED | {"provider_timeout"}
"""Whichever of the clocks is first."""
BROKEN: dict[str, tuple[Change, set[str]]] = {
    "cut": (lambda s: s.cuts_after("first_content"), CUT),
    "reset": (lambda s: s.cuts_after("first_content", how="rst"), CUT),
    "cut in an event": (
        lambda s: s.ends_with(HALF, after="first_content").cuts_after("end"),
        CUT,
    ),
    "ended in an event": (lambda s: s.ends_with(HALF, after="first_content"), CUT),
    "ended without a finish": (lambda s: s.ends_with(b"", after="first_content"), CUT),
    "an error": (
        lambda s: s.fails_after("first_content").in_pieces(_later).slowly(between=0.02),
        FAILED,
    ),
    "silence": (lambda s: s.stalls_after("first_content"), LATE),
    "silence in an event": (
        lambda s: s.ends_with(HALF, after="first_content").stalls_after("end"),
        LATE,
    ),
    "nothing but comments": (
        lambda s: s.repeats(IDLE, after="first_content", every=0.02),
        STALLED,
    ),
}


def _later(data: bytes) -> list[bytes]:
    """The last line alone: what comes in one read with an error is not sent before it."""
    at = data.rstrip().rfind(b"\n") + 1
    return [data[:at], data[at:]]


@each_way
async def test_s19_a_break_after_content_is_an_error_event_and_no_end(yard: Yard, way: Way) -> None:
    yard.set("timeout.idle", "100ms")
    yard.set("timeout.content_idle", "200ms")
    script = way.script(yard)
    for calls, (name, (change, codes)) in enumerate(BROKEN.items(), 1):
        change(script.streams(WELL, BYE))
        answer, said = await way.heard(yard)
        assert answer.status == 200, name
        assert said.text.startswith(WELL), (name, answer.body)
        assert said.error, (name, answer.body)
        assert said.code in codes, (name, answer.body)
        assert not said.ended, (name, answer.body)
        assert codes.isdisjoint(LATE) or "timeout." in said.error, name
        assert answer.complete is not way.dialect.unended, name
        assert yard.last.outcomes == ["partial"], name
        assert paid(yard), name
        await ended(yard, calls, 200)


EARLY: dict[str, tuple[Change, set[int]]] = {
    "cut": (lambda s: s.cuts_after("open"), {502}),
    "cut in an event": (lambda s: s.cuts_after("half_event"), {502}),
    "an error": (lambda s: s.fails_after("open"), {502, 503, 529}),
    "silence": (lambda s: s.stalls_after("open"), {504}),
    "silence in an event": (lambda s: s.stalls_after("half_event"), {504}),
    "nothing but comments": (lambda s: s.repeats(IDLE, after="open", every=0.02), {504}),
    "another kind of content": (lambda s: s.with_headers({"content-type": "text/html"}), {502}),
    "no content": (lambda s: s.ends_with(b"", after="nothing"), {502}),
}


@each_way
async def test_s14_a_break_before_content_is_an_http_error(yard: Yard, way: Way) -> None:
    yard.set("timeout.idle", "100ms")
    yard.set("timeout.first_content", "200ms")
    script = way.script(yard)
    for calls, (name, (change, statuses)) in enumerate(EARLY.items(), 1):
        change(script.streams(WELL, BYE))
        answer = await yard.call(*way.asking)
        told = dict(way.dialect.statuses)
        assert answer.status in {told.get(ours, ours) for ours in statuses}, name
        assert answer.headers["content-type"].startswith("application/json"), name
        assert answer.complete, name
        assert yard.last.outcomes == ["failed"], name
        await ended(yard, calls, answer.status)


@each_way
async def test_s37_a_client_that_leaves_closes_the_provider(yard: Yard, way: Way) -> None:
    script = way.script(yard).streams(WELL, BYE).stalls_after("first_content")
    async with yard.raw() as client:
        client.ask(*way.asking, headers=yard.headers)
        await client.until(WELL.strip().encode())
    assert await script.closed_by_client()
    await ended(yard, 1, 499)
    assert isinstance(yard.last.error, Abandoned)
    assert yard.last.outcomes == ["abandoned"]
    assert paid(yard)


@each_way
async def test_s37_a_client_that_leaves_before_any_content_closes_the_provider(
    yard: Yard, way: Way
) -> None:
    script = way.script(yard).streams(WELL, BYE).stalls_after("open")
    async with yard.raw() as client:
        client.ask(*way.asking, headers=yard.headers)
        assert await script.called()
    assert await script.closed_by_client()
    await ended(yard, 1, 499)
    assert yard.last.usage is not None
    assert yard.last.usage.prompt > 0


@each_way_slowly
async def test_s48_a_stop_ends_a_stream_with_an_error_event(yard: Yard, way: Way) -> None:
    script = way.script(yard).streams(WELL, BYE).stalls_after("first_content")
    async with yard.raw() as client:
        client.ask(*way.asking, headers=yard.headers)
        await client.until(WELL.strip().encode())
        await yard.server.shutdown()
        while await client.read():
            pass
        said = way.dialect.said(Heard(client.reply))
    assert (said.text, said.ended, said.code) == (WELL, False, "server_shutdown")
    assert await script.closed_by_client()
    await ended(yard, 1, 200)
    assert paid(yard)


@each_way
async def test_s12_a_whole_answer_in_place_of_a_stream_becomes_a_stream(
    yard: Yard, way: Way
) -> None:
    asked = way.dialect.asks if way.provider == way.dialect.home else {}
    whole = SPEAKERS[way.speaks].whole(Turn(pieces=(WELL, BYE)), asked)
    way.script(yard).sends(200, {"content-type": "application/json"}, whole)
    answer, said = await way.heard(yard)
    assert (answer.status, said) == (200, Said(WELL + BYE, ended=True))
    assert answer.headers["content-type"] == way.dialect.content_type
    assert paid(yard)
    await ended(yard, 1, 200)


@each_way
async def test_s34_a_silent_stream_is_pinged_where_its_clients_take_it(
    yard: Yard, way: Way
) -> None:
    script = way.script(yard).streams(WELL, BYE).stalls_after("first_content")
    await yard.open()
    yard.stockyard.office.pings = Pings(0.02)
    async with yard.raw() as client:
        client.ask(*way.asking, headers=yard.headers)
        await client.until(WELL.strip().encode())
        if way.dialect.ping:
            await client.until(way.dialect.ping)
        else:
            seen = client.wire
            assert await client.until_quiet(0.1) == seen
        script.goes_on()
        await client.until(b"\r\n0\r\n\r\n")
        heard = Heard(client.reply)
    assert way.dialect.said(heard) == Said(WELL + BYE, ended=True)


@each_way_slowly
async def test_s05_a_huge_event_passes(yard: Yard, way: Way) -> None:
    huge = "x " * 300_000
    way.script(yard).streams(huge, BYE)
    _, said = await way.heard(yard)
    assert said == Said(huge + BYE, ended=True)


@each_way_slowly
async def test_s41_an_answer_that_is_too_long_is_cut(
    yard: Yard, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockyard.upstream.streamed_answer.MAX_BYTES", 100_000)
    script = way.script(yard).streams(WELL, *["more. " * 100] * 1000)
    answer, said = await way.heard(yard)
    assert said.text.startswith(WELL)
    assert "too long" in said.error
    assert not said.ended
    assert answer.complete is not way.dialect.unended
    assert await script.closed_by_client()
    await ended(yard, 1, 200)


@each_way_slowly
async def test_s40_a_slow_reader_closes_the_window_of_the_provider(yard: Yard, way: Way) -> None:
    script = way.script(yard).streams(WELL, *["more. " * 3_000] * 600)
    async with yard.raw() as slow:
        slow._reader._limit = 1024  # type: ignore[attr-defined]  # a stream's own bound, to read slowly
        slow.ask(*way.asking, headers=yard.headers)
        await slow.until(b"200 OK")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert not await becomes(lambda: script.last.answered_at is not None, within=0.2)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000
    assert await script.closed_by_client()
    await ended(yard, 1, 499)
    assert paid(yard)


@each_way
async def test_s15_a_call_of_a_tool_that_was_cut_is_never_finished(yard: Yard, way: Way) -> None:
    if way.dialect.textual:
        pytest.skip("There are no tools in this dialect.")
    turn = Turn(pieces=(WELL,), tools=(tool_call(0, "weather", {"city": "Rome", "days": 3}),))
    frames = SPEAKERS[way.speaks].frames(turn, {}, counts_unasked=False)
    at = next(i for i, frame in enumerate(frames) if b"city" in frame.data)
    way.script(yard).streams(WELL).calls(*turn.tools).cuts_after(at + 1)
    answer, said = await way.heard(yard)
    assert answer.status == 200
    assert said.error
    assert not said.ended
    if not way.dialect.calls_in_pieces and way.provider not in ("gemini", "ollama"):
        assert b"weather" not in answer.body
    await ended(yard, 1, 200)


@pytest.mark.parametrize("edited", [False, True], ids=["", "edited"])
@each_dialect
class TestReplayed:
    """The second time the answer comes from store."""

    @staticmethod
    async def stored(yard: Yard, dialect: Dialect, *texts: str, edited: bool) -> Way:
        yard.enable("cache")
        way = Way(dialect, dialect.home, edited)
        way.script(yard).streams(*texts)
        _, said = await way.heard(yard)
        assert said.ended
        return way

    async def test_s46_a_replayed_stream_ends_as_its_dialect_does(
        self, yard: Yard, dialect: Dialect, edited: bool
    ) -> None:
        way = await self.stored(yard, dialect, WELL, BYE, edited=edited)
        answer, said = await way.heard(yard)
        assert answer.headers["x-stockyard-cache"] == "hit"
        assert said == Said(WELL + BYE, ended=True)
        assert answer.complete
        assert len(yard.provider(way.provider).requests) == 1
        await ended(yard, 2, 200)

    async def test_s46_a_stream_that_broke_off_is_asked_for_again(
        self, yard: Yard, dialect: Dialect, edited: bool
    ) -> None:
        yard.enable("cache")
        way = Way(dialect, dialect.home, edited)
        script = way.script(yard).streams(WELL, BYE).cuts_after("first_content")
        assert (await way.heard(yard))[1].error
        script.streams(WELL, BYE)
        answer, said = await way.heard(yard)
        assert "x-stockyard-cache" not in answer.headers or (
            answer.headers["x-stockyard-cache"] == "miss"
        )
        assert said == Said(WELL + BYE, ended=True)
        assert len(script.requests) == 2

    async def test_s40_a_replayed_stream_ends_when_its_slow_reader_leaves(
        self, yard: Yard, dialect: Dialect, edited: bool
    ) -> None:
        yard.enable("cache", max_entry_bytes=100_000_000)
        way = await self.stored(yard, dialect, WELL, "more. " * 120_000, edited=edited)
        async with yard.raw() as slow:
            slow._reader._limit = 1024  # type: ignore[attr-defined]  # a stream's own bound, to read slowly
            slow.ask(*way.asking, headers=yard.headers)
            await slow.until(b"200 OK")
        assert await yard.ended(2)
        assert await yard.quiet()
        assert len(yard.calls) == 2
        assert yard.last.status in (200, 499)
