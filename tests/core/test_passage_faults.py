"""The laws of a Passage for modules that break: refused or passed over, and left out."""

import asyncio

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Call, Fails, Streaming
from stockyard.core.passage import Passage
from stockyard.core.pipeline import Pipeline
from stockyard.core.response import Response
from stockyard.core.standing import PROBE_SECONDS, Standings
from stockyard.core.stream import Answer
from stockyard.errors import Refused
from tests.builders import HandClock, Provider, a_stream, an_answer, an_exchange, notes, through
from tests.tiny_modules import Hook, tiny


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
