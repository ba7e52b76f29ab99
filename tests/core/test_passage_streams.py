"""The laws of a Passage for streams: held or forwarded, folded or unfolded, ended once."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from stockyard.core.events import Event, TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.module import AnyModule, Call, Streaming
from stockyard.core.passage import Passage
from stockyard.core.pipeline import Pipeline
from stockyard.core.response import Raw, Response
from stockyard.core.standing import Standings
from stockyard.core.stream import Answer, Sink, Stream
from stockyard.core.stream_modules import StreamModules
from stockyard.errors import Abandoned, Refused, StockyardError, UpstreamError
from tests.builders import Provider, Taken, a_stream, an_answer, an_exchange
from tests.tiny_modules import Hook, tiny


class Endless(Stream):
    """A stream that begins and goes on until it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = False

    def start(self, sink: Sink) -> None:
        sink.events(a_stream("hel")._events[:3])

    def cancel(self) -> None:
        self.cancelled = True


class Run:
    """One call through modules; `ended` is what they were told of its end."""

    def __init__(self, *modules: AnyModule) -> None:
        self.x = an_exchange(stream=True)
        self.passage = Passage(Pipeline(modules, Standings()), self.x)

    async def __call__(self, answer: Answer | StockyardError) -> Answer:
        return await self.passage.run(Provider(answer), lambda x: None)

    @property
    def modules(self) -> StreamModules:
        return self.passage.stream_modules


def shout(x: Exchange, event: Event) -> Event:
    return replace(event, text=event.text.upper()) if isinstance(event, TextDelta) else event


def shouter() -> AnyModule:
    return tiny("shout", streaming=Streaming.CHUNKS, on_chunk=shout)


def ender(name: str, told: list[str], streaming: Streaming = Streaming.IGNORES) -> AnyModule:
    return tiny(
        name,
        streaming=streaming,
        on_response=lambda x: told.append(f"{name} response"),
        on_error=lambda x, error: told.append(f"{name} {type(error).__name__}"),
    )


class TestHeldOrForwarded:
    async def test_a_stream_that_nobody_looks_at_is_the_same_object(self) -> None:
        stream = a_stream("hel", "lo")
        run = Run(tiny("a", on_request=lambda x: None))
        assert await run(stream) is stream
        assert not any(
            (
                run.modules.edits,
                run.modules.await_end,
                run.modules.collects,
            )
        )

    async def test_a_module_that_edits_gets_event_by_event(self) -> None:
        run = Run(shouter())
        stream = await run(a_stream("hel", "lo"))
        assert isinstance(stream, Stream)
        assert run.modules.edits
        taken = Taken()
        stream.start(taken)
        edited = run.modules.edit(taken.taken)
        assert [e.text for e in edited if isinstance(e, TextDelta)] == ["HEL", "LO"]

    async def test_editors_pass_events_on_from_the_inside_out(self) -> None:
        def add(mark: str) -> Hook:
            return lambda x, event: (
                replace(event, text=event.text + mark) if isinstance(event, TextDelta) else event
            )

        outer = tiny("outer", streaming=Streaming.CHUNKS, on_chunk=add("2"))
        inner = tiny("inner", streaming=Streaming.CHUNKS, on_chunk=add("1"))
        run = Run(outer, inner)
        await run(a_stream("hel"))
        edited = run.modules.edit([TextDelta(key="t", text="a")])
        assert edited == [TextDelta(key="t", text="a12")]

    async def test_an_event_may_become_none_or_many(self) -> None:
        def split(x: Exchange, event: Event) -> Sequence[Event] | None:
            if not isinstance(event, TextDelta):
                return [event]
            return [replace(event, text=c) for c in event.text] if event.text != "gone" else None

        run = Run(tiny("split", streaming=Streaming.CHUNKS, on_chunk=split))
        await run(a_stream("hel"))
        edited = run.modules.edit([TextDelta(key="t", text=text) for text in ("gone", "ab")])
        assert edited == [TextDelta(key="t", text="a"), TextDelta(key="t", text="b")]

    async def test_a_module_that_needs_the_whole_holds_the_stream(self) -> None:
        seen: list[str] = []

        def read(x: Exchange) -> None:
            assert x.response is not None
            seen.append(x.response.text)
            x.response = x.response.map_text(lambda text: text + "!")

        run = Run(tiny("reader", streaming=Streaming.WHOLE, on_response=read))
        answer = await run(a_stream("hel", "lo"))
        assert isinstance(answer, Response)
        assert seen == ["hello"]
        assert answer.text == "hello!"
        assert run.x.response is answer

    async def test_a_module_that_holds_sees_what_those_inside_it_made_of_the_stream(self) -> None:
        seen: list[str] = []
        told: list[str] = []
        reader = tiny(
            "reader", streaming=Streaming.WHOLE, on_response=lambda x: seen.append(x.response.text)
        )
        run = Run(reader, shouter(), ender("inner", told))
        await run(a_stream("hel", "lo"))
        assert seen == ["HELLO"]
        assert told == ["inner response"]

    async def test_a_stream_that_is_held_and_breaks_is_an_error(self) -> None:
        told: list[str] = []
        run = Run(
            ender("outer", told), ender("holder", told, Streaming.WHOLE), ender("inner", told)
        )
        broken = UpstreamError("interrupted", "Cut.")
        with pytest.raises(UpstreamError):
            await run(a_stream("hel", error=broken))
        assert told == ["inner UpstreamError", "holder UpstreamError", "outer UpstreamError"]

    async def test_a_holder_may_recover_what_broke(self) -> None:
        saviour = tiny(
            "saviour", streaming=Streaming.WHOLE, on_error=lambda x, error: an_answer("saved")
        )
        run = Run(saviour)
        answer = await run(a_stream("hel", error=UpstreamError("interrupted", "Cut.")))
        assert isinstance(answer, Response)
        assert answer.text == "saved"

    async def test_a_held_stream_whose_caller_leaves_ends_once(self) -> None:
        told: list[str] = []
        stream = Endless()
        run = Run(
            ender("outer", told), ender("holder", told, Streaming.WHOLE), ender("inner", told)
        )
        call = asyncio.create_task(run(stream))
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(Abandoned):
            await call
        await asyncio.sleep(0)
        assert stream.cancelled
        assert told == ["inner Abandoned", "holder Abandoned", "outer Abandoned"]

    async def test_an_answer_too_long_to_be_held_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stockyard.core.whole.MAX_CHARACTERS", 4)
        run = Run(tiny("reader", streaming=Streaming.WHOLE, on_response=lambda x: None))
        with pytest.raises(Refused) as refused:
            await run(a_stream("hel", "lo"))
        assert (refused.value.status, refused.value.code) == (502, "limit_exceeded")


class TestWholeAnswers:
    def raw(self) -> Response:
        made = an_answer("hello")
        return Response(made.output, usage=made.usage, raw=Raw("f", 200, [], b"the bytes"))

    async def test_a_whole_answer_is_unfolded_for_a_module_that_edits(self) -> None:
        run = Run(shouter())
        answer = await run(self.raw())
        assert isinstance(answer, Response)
        assert answer.text == "HELLO"
        assert answer.raw is None
        assert answer.usage == an_answer().usage

    async def test_a_whole_answer_that_nobody_changed_keeps_its_bytes(self) -> None:
        given = self.raw()
        modules = [
            tiny("looks", streaming=Streaming.CHUNKS, on_chunk=lambda x, event: event),
            tiny("reads", streaming=Streaming.WHOLE, on_response=lambda x: None),
            tiny("copies", streaming=Streaming.CHUNKS, on_chunk=lambda x, event: [event]),
        ]
        answer = await Run(*modules)(given)
        assert answer is given


class TestEnds:
    async def test_an_end_is_told_from_the_inside_out(self) -> None:
        told: list[str] = []
        run = Run(ender("outer", told), ender("inner", told))
        await run(a_stream("hel"))
        assert told == []
        assert run.modules.await_end
        await run.modules.ended()
        assert told == ["inner response", "outer response"]

    async def test_a_refusal_at_the_end_is_an_error_to_those_outside(self) -> None:
        told: list[str] = []

        def refuse(x: Exchange) -> None:
            raise Refused(422, "answer_blocked", "No.")

        run = Run(ender("outer", told), tiny("fence", on_response=refuse), ender("inner", told))
        await run(a_stream("hel"))
        with pytest.raises(Refused) as refused:
            await run.modules.ended()
        assert refused.value.module == "fence"
        assert told == ["inner response", "outer Refused"]

    async def test_a_stream_that_breaks_off_cannot_be_recovered(self) -> None:
        told: list[str] = []
        saviour = tiny("saviour", on_error=lambda x, error: an_answer("saved"))
        run = Run(ender("outer", told), saviour)
        await run(a_stream("hel"))
        await run.modules.broke(Abandoned())
        assert told == ["outer Abandoned"]

    async def test_a_module_that_wants_the_response_gets_what_passed_its_place(self) -> None:
        seen: list[tuple[str, str]] = []

        def reads(name: str) -> AnyModule:
            def read(x: Exchange) -> None:
                seen.append((name, x.response.text if x.response is not None else "nothing"))

            return tiny(name, wants_response=True, on_response=read)

        run = Run(
            reads("outer"),
            shouter(),
            reads("inner"),
        )
        stream = await run(a_stream("hel", "lo"))
        assert isinstance(stream, Stream)
        taken = Taken()
        stream.start(taken)
        run.modules.edit(taken.taken)
        await run.modules.ended()
        assert seen == [("inner", "hello"), ("outer", "HELLO")]

    @pytest.mark.parametrize("how", ["too much", "unreadable"])
    async def test_a_module_gets_no_response_where_none_can_be_had(
        self, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        monkeypatch.setattr("stockyard.core.event_collector.MAX_CHARACTERS", 8)
        seen: list[object] = []
        run = Run(tiny("a", wants_response=True, on_response=lambda x: seen.append(x.response)))
        await run(a_stream("hel"))
        if how == "too much":
            run.modules.collect([TextDelta(key="t", text="long enough")])
        else:
            run.modules.give_up()
        await run.modules.ended()
        assert seen == [None]


class TestFailover:
    """Another try is possible until the first content, and never after it."""

    def again(self) -> AnyModule:
        async def around(x: Exchange, call: Call) -> Answer:
            try:
                return await call(x)
            except UpstreamError:
                return await call(x)

        return tiny("again", around=around)

    async def test_before_the_first_content_a_second_answer_counts(self) -> None:
        x = an_exchange(stream=True)
        provider = Provider(UpstreamError("interrupted", "Cut."), a_stream("hel", "lo"))
        passage = Passage(Pipeline([self.again()], Standings()), x)
        stream = await passage.run(provider, lambda x: None)
        taken = Taken()
        assert isinstance(stream, Stream)
        stream.start(taken)
        assert "".join(e.text for e in taken.taken if isinstance(e, TextDelta)) == "hello"
        assert len(x.attempts) == 2

    async def test_after_the_first_content_a_broken_stream_stays_broken(self) -> None:
        x = an_exchange(stream=True)
        broken = a_stream("hel", error=UpstreamError("interrupted", "Cut."))
        provider = Provider(broken, a_stream("never"))
        passage = Passage(Pipeline([self.again()], Standings()), x)
        stream = await passage.run(provider, lambda x: None)
        taken = Taken()
        assert isinstance(stream, Stream)
        stream.start(taken)
        assert isinstance(taken.ended, UpstreamError)
        assert len(x.attempts) == 1
