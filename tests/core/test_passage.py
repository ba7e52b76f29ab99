"""The laws of a Passage: order, early answers, recovery, and modules that break."""

import asyncio
from typing import Any

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import AnyModule, Call, Fails, Streaming
from stockyard.core.passage import Passage
from stockyard.core.pipeline import Pipeline
from stockyard.core.response import Response
from stockyard.core.standing import PROBE_SECONDS, Standings
from stockyard.core.stream import Answer
from stockyard.errors import Abandoned, Refused, UpstreamError
from tests.builders import HandClock, Provider, a_stream, an_answer, an_exchange, notes, through
from tests.tiny_modules import Hook, tiny


class Diary:
    """Modules that write down when their hooks run."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def writes(self, name: str, **parts: Any) -> AnyModule:
        def told(hook: str) -> Hook:
            def write(x: Exchange, *_more: object) -> None:
                self.lines.append(f"{name} {hook}")

            return write

        hooks = ("on_request", "on_response", "on_error")
        return tiny(name, **{hook: told(hook) for hook in hooks} | parts)


@pytest.fixture
def diary() -> Diary:
    return Diary()


def refuses(status: int = 400, code: str = "content_blocked") -> Hook:
    def refuse(x: Exchange, *_more: object) -> None:
        raise Refused(status, code, "No.")

    return refuse


class TestOrder:
    async def test_requests_pass_inward_and_answers_outward(self, diary: Diary) -> None:
        modules = [diary.writes(name) for name in ("a", "b", "c")]
        await through(an_exchange(), Provider(an_answer()), *modules)
        assert diary.lines == [
            *("a on_request", "b on_request", "c on_request"),
            *("c on_response", "b on_response", "a on_response"),
        ]

    async def test_errors_pass_outward_too(self, diary: Diary) -> None:
        modules = [diary.writes(name) for name in ("a", "b")]
        with pytest.raises(UpstreamError):
            await through(an_exchange(), Provider(UpstreamError("overloaded", "Busy.")), *modules)
        assert diary.lines[2:] == ["b on_error", "a on_error"]

    async def test_modules_around_a_call_are_nested_the_outermost_first(self) -> None:
        lines: list[str] = []

        def around(name: str) -> Hook:
            async def hook(x: Exchange, call: Call) -> Answer:
                lines.append(f"{name} in")
                answer = await call(x)
                lines.append(f"{name} out")
                return answer

            return hook

        outer = tiny("outer", around=around("outer"))
        inner = tiny("inner", around=around("inner"))
        await through(an_exchange(), Provider(an_answer()), outer, inner)
        assert lines == ["outer in", "inner in", "inner out", "outer out"]

    async def test_every_hook_is_timed_on_the_strip(self, diary: Diary) -> None:
        x = an_exchange()
        await through(x, Provider(an_answer()), diary.writes("a"))
        assert [(step.module, step.hook) for step in x.strip] == [
            ("a", "on_request"),
            ("a", "on_response"),
        ]
        assert all(step.nanoseconds >= 0 for step in x.strip)

    async def test_hooks_that_a_config_leaves_nothing_to_do_are_not_called(
        self, diary: Diary
    ) -> None:
        module = diary.writes("a", skips=frozenset({"on_request"}))
        await through(an_exchange(), Provider(an_answer()), module)
        assert diary.lines == ["a on_response"]

    async def test_what_a_module_changes_is_what_the_next_one_sees(self) -> None:
        def change(x: Exchange) -> None:
            x.request = x.request.with_model("other")

        provider = Provider(an_answer())
        x = an_exchange(model="first")
        await through(x, provider, tiny("a", on_request=change))
        assert provider.asked == ["one/other"]
        assert (x.received.model, x.untouched) == ("first", False)


class TestEarlyAnswers:
    @pytest.mark.parametrize("streamed", [False, True])
    async def test_an_early_answer_turns_around_where_it_was_given(
        self, diary: Diary, streamed: bool
    ) -> None:
        early: Answer = a_stream("hel", "lo") if streamed else an_answer("hello")
        provider = Provider(an_answer("never"))
        answer = await through(
            an_exchange(stream=streamed),
            provider,
            diary.writes("outer"),
            tiny("early", on_request=lambda x: early),
            diary.writes("inner"),
        )
        assert isinstance(answer, Response)
        assert answer.text == "hello"
        assert provider.asked == []
        assert diary.lines == ["outer on_request", "outer on_response"]

    async def test_a_refusal_turns_around_where_it_was_made_and_names_its_module(
        self, diary: Diary
    ) -> None:
        with pytest.raises(Refused) as refused:
            await through(
                an_exchange(),
                Provider(an_answer()),
                diary.writes("outer"),
                tiny("fence", on_request=refuses()),
                diary.writes("inner"),
            )
        assert refused.value.module == "fence"
        assert diary.lines == ["outer on_request", "outer on_error"]

    @pytest.mark.parametrize("streamed", [False, True])
    @pytest.mark.parametrize("how", ["early", "recovered", "around"])
    async def test_however_an_answer_was_made_the_guards_outside_see_it(
        self, how: str, streamed: bool
    ) -> None:
        made: Answer = a_stream("bad", " words") if streamed else an_answer("bad words")

        async def around(x: Exchange, call: Call) -> Answer:
            return made

        maker = {
            "early": tiny("maker", on_request=lambda x: made),
            "recovered": tiny("maker", on_error=lambda x, error: made),
            "around": tiny("maker", around=around),
        }[how]

        def judge(x: Exchange) -> None:
            assert x.response is not None
            if "bad" in x.response.text:
                raise Refused(422, "answer_blocked", "No.")

        guard = tiny("guard", on_response=judge, streaming=Streaming.WHOLE)
        provider = Provider(UpstreamError("overloaded", "Busy."))
        with pytest.raises(Refused) as refused:
            await through(an_exchange(stream=streamed), provider, guard, maker)
        assert refused.value.code == "answer_blocked"

    async def test_a_recovered_error_is_an_answer_to_the_modules_outside(
        self, diary: Diary
    ) -> None:
        answer = await through(
            an_exchange(),
            Provider(UpstreamError("overloaded", "Busy.")),
            diary.writes("outer"),
            tiny("saviour", on_error=lambda x, error: an_answer("saved")),
            diary.writes("inner"),
        )
        assert isinstance(answer, Response)
        assert answer.text == "saved"
        assert diary.lines[2:] == ["inner on_error", "outer on_response"]

    async def test_nobody_recovers_a_call_that_was_abandoned(self) -> None:
        async def hangs(x: Exchange) -> Answer:
            await asyncio.sleep(10)
            raise AssertionError

        saviour = tiny("saviour", on_error=lambda x, error: an_answer("saved"))
        call = asyncio.create_task(through(an_exchange(), hangs, saviour))
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(Abandoned):
            await call

    @pytest.mark.parametrize("is_done", [False, True])
    async def test_a_module_hears_of_a_caller_that_leaves_just_as_its_hook_is_done(
        self, diary: Diary, is_done: bool
    ) -> None:
        def leave() -> None:
            assert call.cancel()

        async def take(x: Exchange) -> None:
            asyncio.get_running_loop().call_soon(leave)
            if not is_done:
                await asyncio.sleep(60)

        taker = diary.writes("taker", on_request=take)
        call = asyncio.create_task(through(an_exchange(), Provider(an_answer()), taker))
        with pytest.raises(Abandoned):
            await call
        assert diary.lines == (["taker on_error"] if is_done else [])


def hangs_for_ever() -> Hook:
    async def hang(*_more: object) -> None:
        await asyncio.sleep(60)

    return hang


def raises(*_more: object) -> None:
    raise ZeroDivisionError


BREAKS: list[tuple[str, str, Hook]] = [
    ("on_request", "raises", raises),
    ("on_request", "hangs", hangs_for_ever()),
    ("on_request", "returns nonsense", lambda x: 42),
    ("on_response", "raises", raises),
    ("on_response", "hangs", hangs_for_ever()),
    ("around", "raises", raises),
    ("around", "returns nonsense", lambda x, call: 42),
]
NAMES = [f"{name} {how}" for name, how, _ in BREAKS]


class TestBrokenModules:
    @pytest.mark.parametrize(("name", "_how", "hook"), BREAKS, ids=NAMES)
    async def test_a_broken_module_that_fails_closed_refuses(
        self, name: str, _how: str, hook: Hook
    ) -> None:
        guard = tiny("guard", fails=Fails.CLOSED, patience_seconds=0.02, **{name: hook})
        x = an_exchange()
        with pytest.raises(Refused) as refused:
            await through(x, Provider(an_answer()), guard)
        assert (refused.value.status, refused.value.code) == (503, "module_failed")
        assert refused.value.module == "guard"
        assert refused.value.retry_after
        assert notes(x) == ["failed"]

    @pytest.mark.parametrize(("name", "_how", "hook"), BREAKS, ids=NAMES)
    async def test_a_broken_module_that_fails_open_is_passed_over(
        self, name: str, _how: str, hook: Hook
    ) -> None:
        module = tiny("odd", fails=Fails.OPEN, patience_seconds=0.02, **{name: hook})
        x, provider = an_exchange(), Provider(an_answer("hello"))
        answer = await through(x, provider, module)
        assert isinstance(answer, Response)
        assert answer.text == "hello"
        assert provider.asked == ["one/m"]
        assert notes(x) == ["failed"]

    @pytest.mark.parametrize("hook", [raises, lambda x, event: 42, lambda x, event: [event, 42]])
    @pytest.mark.parametrize("streamed", [False, True])
    async def test_a_guard_that_breaks_on_an_event_refuses_the_stream(
        self, hook: Hook, streamed: bool
    ) -> None:
        answer = a_stream("hel", "lo") if streamed else an_answer("hello")
        chunks = Streaming.CHUNKS
        guard = tiny("guard", fails=Fails.CLOSED, streaming=chunks, on_chunk=hook)
        with pytest.raises(Refused) as refused:
            await through(an_exchange(stream=streamed), Provider(answer), guard)
        assert refused.value.code == "module_failed"
        bystander = tiny("odd", fails=Fails.OPEN, streaming=chunks, on_chunk=hook)
        answer = a_stream("hel", "lo") if streamed else an_answer("hello")
        passed = await through(an_exchange(stream=streamed), Provider(answer), bystander)
        assert isinstance(passed, Response)
        assert passed.text == "hello"

    async def test_a_module_that_breaks_after_its_call_does_not_call_again(self) -> None:
        async def calls_and_breaks(x: Exchange, call: Call) -> Answer:
            await call(x)
            raise ZeroDivisionError

        provider = Provider(an_answer("hello"))
        module = tiny("odd", around=calls_and_breaks)
        answer = await through(an_exchange(), provider, module)
        assert isinstance(answer, Response)
        assert answer.text == "hello"
        assert len(provider.asked) == 1

    async def test_a_module_that_breaks_while_a_head_is_written_changes_nothing(self) -> None:
        module = tiny("odd", fails=Fails.CLOSED, on_head=raises)
        x = an_exchange()
        answer = await through(x, Provider(an_answer("hello")), module)
        assert isinstance(answer, Response)
        assert notes(x) == ["failed"]


class Line:
    """Calls through one module that breaks for as long as it is told to."""

    def __init__(self, hook: str, fails: Fails) -> None:
        self.clock = HandClock()
        self.standings = Standings(self.clock.now)
        self.broken = True
        self.ran = 0
        hooks: dict[str, Hook] = {
            "on_request": self._plain,
            "on_request, async": self._waits,
            "around": self._around,
        }
        self.pipeline = Pipeline(
            [tiny("odd", fails=fails, **{hook.partition(",")[0]: hooks[hook]})],
            self.standings,
        )

    def _plain(self, x: Exchange) -> None:
        self.ran += 1
        if self.broken:
            raise ZeroDivisionError

    async def _waits(self, x: Exchange) -> None:
        await asyncio.sleep(0)
        self._plain(x)

    async def _around(self, x: Exchange, call: Call) -> Answer:
        answer = await call(x)
        self._plain(x)
        return answer

    async def call(self) -> str:
        try:
            passage = Passage(self.pipeline, an_exchange())
            await passage.run(Provider(an_answer("hello")), lambda x: None)
        except Refused as refused:
            return refused.code
        return "answered"

    def tripped(self) -> bool:
        return self.standings.of("odd").tripped


@pytest.mark.parametrize("hook", ["on_request", "on_request, async", "around"])
@pytest.mark.parametrize(
    ("fails", "outcome"), [(Fails.OPEN, "answered"), (Fails.CLOSED, "module_failed")]
)
class TestTripping:
    async def test_five_failures_in_ten_seconds_trip_a_module(
        self, hook: str, fails: Fails, outcome: str
    ) -> None:
        line = Line(hook, fails)
        for _ in range(4):
            assert await line.call() == outcome
        assert not line.tripped()
        assert await line.call() == outcome
        assert line.tripped()
        assert await line.call() == outcome
        assert line.ran == 5, "a module that is tripped is not run"

    async def test_slower_failures_do_not_trip_a_module(
        self, hook: str, fails: Fails, outcome: str
    ) -> None:
        line = Line(hook, fails)
        for _ in range(12):
            assert await line.call() == outcome
            line.clock.advance(3)
        assert not line.tripped()

    async def test_a_probe_that_fails_keeps_it_tripped(
        self, hook: str, fails: Fails, outcome: str
    ) -> None:
        line = Line(hook, fails)
        for _ in range(5):
            await line.call()
        line.clock.advance(PROBE_SECONDS)
        for _ in range(3):
            assert await line.call() == outcome
        assert line.ran == 6, "one probe, and no more until the next is due"
        assert line.tripped()

    async def test_a_probe_that_works_brings_the_module_back(
        self, hook: str, fails: Fails, outcome: str
    ) -> None:
        line = Line(hook, fails)
        for _ in range(5):
            await line.call()
        line.broken = False
        assert await line.call() == outcome
        line.clock.advance(PROBE_SECONDS)
        assert await line.call() == "answered"
        assert not line.tripped()
        assert await line.call() == "answered"
        assert line.ran == 7

    async def test_a_new_pipeline_does_not_forget_that_a_module_tripped(
        self, hook: str, fails: Fails, outcome: str
    ) -> None:
        line = Line(hook, fails)
        for _ in range(5):
            await line.call()
        line.pipeline = Pipeline(line.pipeline.modules, line.standings)
        assert await line.call() == outcome
        assert line.ran == 5
