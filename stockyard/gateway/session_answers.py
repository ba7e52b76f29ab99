"""The answers of a realtime session: each is a call of its own, with limits, usage and cost.

If a client requests one, the modules decide before the provider gets the request. A provider may
also begin one by itself, when it detects the end of a question; if the modules refuse it, it is
cancelled. An answer that was not announced is counted when it ends, and so are the provider's
transcripts of the caller's voice.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.passage import Passage
from stockyard.core.pipeline import Pipeline
from stockyard.core.request import Content, Request
from stockyard.core.stream import Answer, Stream
from stockyard.core.target import Attempt
from stockyard.errors import Abandoned, Refused, StockyardError, UpstreamError
from stockyard.gateway.faults import GONE, fault_of
from stockyard.gateway.office import Office
from stockyard.gateway.relay import Relay
from stockyard.gateway.taskless import Cancellable, start
from stockyard.wire.realtime import (
    Begun,
    Done,
    Failed,
    Heard,
    Transcribed,
    Transcribes,
    Words,
)

MOST_OPEN = 32
"""Answers of one session that were requested and have not ended."""


class _Spoken(Stream):
    """The answer for the modules: its content is relayed by the session."""

    def cancel(self) -> None:
        """The session ends it."""


class _Open:
    """One answer: for the Office, a call that is UnderWay."""

    def __init__(self, x: Exchange, pipeline: Pipeline, asked: str) -> None:
        self.x = x
        self.asked = asked
        """The client's id of the message that requested it."""
        self.passage = Passage(pipeline, x)
        self.task: Cancellable | None = None
        self.refusal: StockyardError | None = None
        self.judged = False
        self.happened = False
        """It is over already, so modules can only observe it, not refuse it."""
        self.ending: Callable[[], None] | None = None
        """What to do once it is judged, if it has ended meanwhile."""

    def passes(self, x: Exchange) -> Answer:
        """Like a dispatch: the session's Target answers."""
        assert x.target is not None  # noqa: S101  the session has one
        x.attempts.append(Attempt(x.target, x.elapsed_us(), status=101, outcome="ok"))
        return _Spoken()


class SessionAnswers:
    def __init__(
        self,
        session: Exchange,
        office: Office,
        pipeline: Callable[[], Pipeline],
        new_id: Callable[[], str],
        words: Words,
    ) -> None:
        """`pipeline` gives the one in use: modules may change while a session lasts."""
        self._session = session
        self._words = words
        self._office = office
        self._pipeline = pipeline
        self._new_id = new_id
        self._relay: Relay | None = None
        self._asked: deque[_Open] = deque()
        """Requests that were sent to the provider, whose answers have not begun."""
        self._begun: dict[str, _Open] = {}
        self._judging: set[_Open] = set()
        self._transcriber = ""
        """The model that transcribes what the caller says."""

    def through(self, relay: Relay) -> None:
        self._relay = relay

    # What the client says

    def client_said(self, message: bytes) -> bool | None:
        """Whether the message passes. None: the Relay is told later (`go_on`)."""
        asks = self._words.asks_in(message)
        if asks is None:
            return True
        try:
            if asks.model:
                self._is_with(asks.model)
        except Refused as refusal:
            self._tell(self._new(asks.event_id), refusal)
            return False
        if len(self._asked) + len(self._begun) >= MOST_OPEN:
            full = Refused(429, "concurrency_exceeded", f"{MOST_OPEN} answers are open already.")
            self._tell(self._new(asks.event_id), full)
            return False
        turn = self._new(asks.event_id)
        waiting = False

        def decided() -> None:
            passes = turn.refusal is None
            if passes:
                self._asked.append(turn)
            if waiting and self._relay is not None:
                self._relay.go_on(passes=passes)

        self._judge(turn, decided)
        if turn.judged:
            return turn.refusal is None
        waiting = True
        return None

    def _is_with(self, model: str) -> None:
        """Set the model of the session, which was not known when it was opened. Raises Refused."""
        session = self._session
        session.received = session.request = Request(model=model, content=session.received.content)
        session.targets = tuple(replace(target, model=model) for target in session.targets)
        if session.target is not None:
            target = session.target = replace(session.target, model=model)
            dispatch = self._office.dispatch
            dispatch.check_model(session, dispatch.plans.of(target, session))

    # What the provider says

    def provider_said(self, message: bytes) -> None:
        for heard in self._words.heard_in(message):
            self._heard(heard)

    def _heard(self, heard: Heard) -> None:
        match heard:
            case Begun(id) if id:
                self._begin(id)
            case Done() as done:
                self._done(done)
            case Transcribes(model):
                self._transcriber = model
            case Transcribed(usage):
                self._transcribed(usage)
            case Failed() as failed:
                self._failed(failed)

    def _begin(self, response_id: str) -> None:
        if self._asked:
            turn = self._asked.popleft()
            if len(self._begun) < MOST_OPEN:
                self._begun[response_id] = turn
            else:
                self._close(turn, None)
            return
        if len(self._begun) >= MOST_OPEN:
            return  # counted when it ends
        turn = self._begun[response_id] = self._new("")

        def decided() -> None:
            open_still = self._begun.get(response_id) is turn
            if turn.refusal is not None and open_still:
                del self._begun[response_id]
                stopping = self._words.cancelling(response_id)
                if self._relay is not None and stopping is not None:
                    self._relay.ask(stopping)

        self._judge(turn, decided)

    def _done(self, done: Done) -> None:
        turn = self._begun.pop(done.id, None)
        if turn is None:
            turn = self._new("")
            turn.x.target = self._session.target
        turn.x.usage = done.usage
        self._close(turn, None)

    def _transcribed(self, usage: Usage | None) -> None:
        turn = self._new("")
        session = self._session.target
        assert session is not None  # noqa: S101  it has one
        model = self._transcriber
        if model:
            turn.x.received = turn.x.request = Request(model=model, content=Content())
        turn.x.target = replace(session, model=model)
        turn.x.usage = usage
        turn.happened = True
        self._judge(turn, partial(self._close, turn, None))

    def last_words(self) -> list[bytes] | None:
        """What stops the answers that have begun, so that the provider reports their usage; empty
        where its dialect can only wait for that, and None when no answer is running."""
        if not self._begun:
            return None
        stopping = map(self._words.cancelling, self._begun)
        return [word for word in stopping if word is not None]

    def _failed(self, failed: Failed) -> None:
        """The provider rejected a message, perhaps one that requested an answer."""
        for turn in self._asked:
            if turn.asked == failed.event_id:
                self._asked.remove(turn)
                error = UpstreamError("bad_request", failed.message or "The provider refused it.")
                self._close(turn, error)
                return

    def over(self) -> None:
        """The session is over: answers that have not ended are abandoned."""
        for heard in self._words.ended():
            self._heard(heard)
        for turn in tuple(self._judging):
            turn.x.abandoned = True
            # Even if it passes at this very moment, it has ended.
            self._close(turn, Abandoned())
            if turn.task is not None:
                turn.task.cancel()
        open_now = [turn for turn in (*self._asked, *self._begun.values()) if turn.judged]
        self._asked.clear()
        self._begun.clear()
        for turn in open_now:
            turn.x.abandoned = True
            self._close(turn, Abandoned())

    # Each of them

    def _new(self, asked: str) -> _Open:
        session = self._session
        x = session.part(self._new_id(), kind="realtime", received=session.received)
        x.targets, x.constraints, x.target = session.targets, session.constraints, session.target
        x.alias, x.streamed, x.status = session.alias, True, 200
        return _Open(x, self._pipeline(), asked)

    def _judge(self, turn: _Open, decided: Callable[[], None]) -> None:
        self._office.running.add(turn)
        self._judging.add(turn)

        async def run() -> None:
            async def call(x: Exchange) -> Answer:
                return turn.passes(x)

            try:
                await turn.passage.run(call, lambda x: None)
            except Abandoned as error:  # the session ended meanwhile
                turn.refusal = error
                self._finish(turn, error)
            except StockyardError as error:
                turn.refusal = error
                if turn.happened:
                    self._finish(turn, None)
                else:
                    self._tell(turn, error)
            turn.judged = True
            self._judging.discard(turn)
            if turn.refusal is None or not turn.happened:
                decided()
            if turn.ending is not None and turn.refusal is None:
                turn.ending()

        turn.task = start(run(), as_task=turn.passage.pipeline.waits, name=turn.x.id)

    def _tell(self, turn: _Open, error: StockyardError) -> None:
        """Refuse an answer: the client is told why, and the session continues."""
        x = turn.x
        fault = fault_of(error, x)
        body = self._office.plain.encode_error(fault).body
        said = msgspec.json.decode(body).get("error", {})
        event = self._words.error_event(said, "event_" + x.id[4:], turn.asked)
        if self._relay is not None and event is not None:
            self._relay.tell(event)
        elif self._relay is not None:
            self._relay.refuse(str(error))
        x.status = fault.status
        self._finish(turn, error)

    def _close(self, turn: _Open, error: StockyardError | None) -> None:
        """An answer has ended: tell the modules, then announce the call as finished."""
        if turn in self._judging:
            turn.ending = partial(self._close, turn, error)
            return
        modules = turn.passage.stream_modules
        ending = modules.ended() if error is None else modules.broke(error)

        async def run() -> None:
            refusal = error
            try:
                await ending
            except StockyardError as said:
                refusal = said
            self._finish(turn, refusal)

        turn.task = start(run(), as_task=turn.passage.pipeline.waits, name=turn.x.id)

    def _finish(self, turn: _Open, error: StockyardError | None) -> None:
        x = turn.x
        if error is not None:
            x.failed_with(error)
        if x.abandoned:
            x.status = GONE
        self._office.finished(turn)
