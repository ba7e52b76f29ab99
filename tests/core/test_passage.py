"""The laws of a Passage: order, early answers and recovery."""

import asyncio
from typing import Any

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import AnyModule, Call, Streaming
from stockyard.core.response import Response
from stockyard.core.stream import Answer
from stockyard.errors import Abandoned, Refused, UpstreamError
from tests.builders import Provider, a_stream, an_answer, an_exchange, through
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
