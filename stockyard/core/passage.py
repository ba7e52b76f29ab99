"""Run the modules of a Pipeline around one call.

    request   hooks run from the outside in. One may answer early; only the modules that were
              already passed then see the answer
    call      the `around` modules, nested, with dispatch in the middle
    answer    hooks run from the inside out. A whole answer is unfolded for a module that works on
              Events, and a stream is folded for one that needs the whole
    error     the same way out. A module may recover with an answer, which then still passes the
              modules outside it

What modules do with a stream while it passes to the caller is in `stream_modules.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from time import perf_counter_ns
from typing import Any, Literal

from stockyard.core.editing import edited_whole
from stockyard.core.exchange import Exchange, Step
from stockyard.core.kind import TEXT_KINDS
from stockyard.core.module import Call, Stage
from stockyard.core.pipeline import Pipeline
from stockyard.core.response import Response
from stockyard.core.stop import Stop
from stockyard.core.stream import Answer, Stream
from stockyard.core.stream_modules import StreamModules
from stockyard.core.whole import whole
from stockyard.errors import Abandoned, HookInterrupted, Refused, StockyardError

TEXTS = frozenset(
    {"chat", "completions", "summary", "responses_compact", "transcriptions", "translations"}
)
"""Values of `Exchange.needs` for calls whose answers are Events with editable texts."""


class Passage:
    """One call's way through a Pipeline."""

    __slots__ = ("_depth", "pipeline", "stream_modules", "x")

    def __init__(self, pipeline: Pipeline, x: Exchange) -> None:
        self.x = x
        self.pipeline = pipeline
        x.reads = pipeline.reads
        x.config_version = pipeline.version
        self._depth = 0
        """How many modules were passed on the way in and not yet on the way out."""
        self.stream_modules = StreamModules(x)
        """Those that have something to do with the stream that `run` returns."""

    async def run(self, dispatch: Call, choose: Callable[[Exchange], None]) -> Answer:
        """Take the call in and its answer out. Raises the error if no module recovered from it.

        `choose` fills in the candidates before the CALL stage. If a Stream is returned it has
        begun, and whoever forwards it involves the `stream_modules`.
        """
        ended: Answer | Exception
        try:
            ended = await self._inward(dispatch, choose)
        except asyncio.CancelledError:
            ended = Abandoned()
        except Exception as error:
            ended = error
        try:
            return await self._outward(ended)
        except asyncio.CancelledError:
            return await self._outward(Abandoned())

    async def _inward(self, dispatch: Call, choose: Callable[[Exchange], None]) -> Answer:
        x = self.x
        strip = x.strip
        begun = perf_counter_ns()
        for depth, stop, hook in self.pipeline.requests:
            self._depth = depth
            result = stop.run(x, hook)
            answer: Answer | None = None
            if result is not None:
                if isawaitable(result):
                    result = await self._waited(stop, result)
                answer = stop.answer(x, result)
            now = perf_counter_ns()
            strip.append(Step(stop.name, "on_request", now - begun))
            begun = now
            if answer is not None:
                return answer
        self._depth = len(self.pipeline.stops)
        choose(x)
        call = dispatch
        for stop in self.pipeline.arounds:
            call = partial(self._around, stop, call)
        return await call(x)

    async def _waited(self, stop: Stop, hook: Awaitable[Any]) -> Any:
        """What an async request hook returns."""
        task = asyncio.ensure_future(hook)
        try:
            return await stop.wait(self.x, task)
        except asyncio.CancelledError:
            if task.done() and not task.cancelled() and task.exception() is None:
                # The caller left just after the hook was done. What it took it must give back.
                self._depth += 1
            raise

    async def _around(self, stop: Stop, call: Call, x: Exchange) -> Answer:
        """Run an `around` module. If it breaks and fails OPEN, its last call decides."""
        assert stop.around is not None  # noqa: S101  only such stops are nested
        last = _Last(call)
        result = stop.run(x, stop.around, last)
        if result is None:
            return await last.standing(x)
        try:
            answer = stop.answer(x, await result)
            if stop.standing.tripped and answer is not None:
                stop.standing.worked()
        except StockyardError as error:
            # What came from further in is not this module's, though it let it pass.
            raise error if last.raised(error) else stop.named(error)  # noqa: B904  the same error
        except (Exception, HookInterrupted) as error:
            stop.broke(x, error)
            answer = None
        return answer if answer is not None else await last.standing(x)

    async def _outward(self, ended: Answer | Exception) -> Answer:
        """Pass the answer or the error out through the modules that were passed on the way in."""
        x = self.x
        error = ended if isinstance(ended, Exception) else None
        answer = ended if not isinstance(ended, Exception) else None
        if self.pipeline.keeps and answer is not None:
            self._record(answer, "served")
        for depth, stop in self.pipeline.outward:
            if depth >= self._depth:
                continue
            if stop.holds and isinstance(answer, Stream):
                error, answer = await self._hold(answer)
            self._depth = depth
            try:
                if error is not None:
                    answer = await stop.recover(x, error)
                    error = None if answer is not None else error
                elif answer is not None:
                    answer = await self._pass(stop, answer)
            except StockyardError as refusal:
                error, answer = refusal, None
        if answer is None:
            x.error = error
            assert error is not None  # noqa: S101  one of the two always stands
            raise error
        if not isinstance(answer, Response) and x.request.stream and not x.received.stream:
            answer = await self._fold(answer)
        if self.pipeline.keeps:
            self._record(answer, "delivered")
        if isinstance(answer, Response):
            x.response = answer
            x.usage = answer.usage if x.stored_usage is None else x.usage
            if x.lost is not None:
                x.count_what_was_lost()
        return answer

    def _record(self, answer: Answer, stage: Literal["served", "delivered"]) -> None:
        """Leave the answer on `x.kept` if this is the stage at which it is kept."""
        if self.pipeline.keeps != stage:
            return
        if isinstance(answer, Response):
            self.x.kept = answer
        elif self.x.kind in TEXT_KINDS:
            self.stream_modules.record()

    async def _fold(self, stream: Stream) -> Response:
        """A module requested a stream although the caller did not: the caller gets it whole."""
        error, response = await self._hold(stream)
        if response is None:
            self.x.error = error
            assert error is not None  # noqa: S101  one of the two always stands
            raise error
        return response

    async def _pass(self, stop: Stop, answer: Answer) -> Answer:
        x = self.x
        if isinstance(answer, Stream):
            self.stream_modules.add(stop, edits=x.needs in TEXTS)
            return answer
        if stop.edits and x.needs in TEXTS:
            answer = await edited_whole(x, stop, answer)
        if stop.on_response is not None:
            x.response = answer
            await stop.respond(x)
            answer = x.response or answer
        return answer

    async def _hold(self, stream: Stream) -> tuple[Exception | None, Response | None]:
        """Consume a stream to its end, for a module that must see it whole."""
        try:
            response = await whole(stream, self.stream_modules.edit)
        except asyncio.CancelledError:
            await self.stream_modules.broke(Abandoned())
            raise
        except StockyardError as error:
            await self.stream_modules.broke(error)
            return error, None
        try:
            self.x.response = response
            await self.stream_modules.ended()
        except StockyardError as refusal:
            return refusal, None
        finally:
            self.stream_modules = StreamModules(self.x)
        return None, response

    def head(self) -> None:
        """The head of the answer is about to be written. A hook that fails only adds no header."""
        for stop, hook in self.pipeline.heads:
            try:
                stop.run(self.x, hook)
            except StockyardError:
                continue  # noted already, and the answer itself has passed every module

    def declined(self, refusal: Refused) -> None:
        """The call was refused before it began. Modules of stage OBSERVE still see it."""
        observers = [
            stop
            for stop in self.pipeline.stops
            if stop.module.stage is Stage.OBSERVE and not stop.waits
        ]
        for stop in observers:
            self._mention(stop, stop.on_request)
        for stop in reversed(observers):
            self._mention(stop, stop.on_error, refusal)

    def _mention(self, stop: Stop, hook: Callable[..., Any] | None, *arguments: Any) -> None:
        try:
            if hook is not None:
                stop.run(self.x, hook, *arguments)
        except StockyardError:
            return  # it is refused already


class _Last:
    """The call inside an `around` module, which remembers its last outcome."""

    __slots__ = ("_answer", "_call", "_error")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._answer: Answer | None = None
        self._error: StockyardError | None = None

    async def __call__(self, x: Exchange) -> Answer:
        self._answer = self._error = None
        try:
            self._answer = await self._call(x)
        except StockyardError as error:
            self._error = error
            raise
        return self._answer

    def raised(self, error: StockyardError) -> bool:
        """Whether this error came from the last call."""
        return error is self._error

    async def standing(self, x: Exchange) -> Answer:
        """The last answer or error. Makes the call if the module never did."""
        if self._error is not None:
            raise self._error
        return self._answer if self._answer is not None else await self._call(x)
