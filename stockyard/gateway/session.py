"""A realtime session, from the upgrade to its end.

The modules see the upgrade as one call: who may call, how often, where to. After that, each answer
is a call of its own (`session_answers.py`). Revoking a Key ends its sessions within a second.
"""

import asyncio
from collections.abc import Callable, Mapping

from msgspec import Struct

from stockyard.core.exchange import Exchange
from stockyard.core.passage import Passage
from stockyard.core.stream import Answer, Stream
from stockyard.core.target import Attempt, Target
from stockyard.errors import Abandoned, Refused, StockyardError, UpstreamError
from stockyard.gateway import egress
from stockyard.gateway.faults import GONE, fault_of
from stockyard.gateway.line import Line
from stockyard.gateway.office import Office
from stockyard.gateway.refusals import internal
from stockyard.gateway.relay import Relay
from stockyard.gateway.session_answers import SessionAnswers
from stockyard.gateway.session_clock import Lasting
from stockyard.gateway.upgrade import Upgrade
from stockyard.providers.directory import Directory
from stockyard.upstream.socket_opening import Connect, SocketOpening
from stockyard.upstream.websocket import HandshakeRefused, WebSocket
from stockyard.wire.codec import Codec
from stockyard.wire.live import LiveWords
from stockyard.wire.realtime import RealtimeWords, Words

FORMAT = "openai.realtime"
WORDS: Mapping[str, Callable[[], Words]] = {FORMAT: RealtimeWords, "gemini.live": LiveWords}
"""The dialects of sessions. Only the first is served on unified paths."""
SWITCHED = 101


class Hall(Struct, frozen=True, eq=False):
    """What sessions need from the data plane."""

    line: Line
    office: Office
    directory: Callable[[], Directory]
    connect: Connect
    words: Codec
    """Encodes errors in the client's dialect."""
    lasting: Lasting
    new_id: Callable[[], str]


class _Opened(Stream):
    """The answer to an upgrade, for the modules: a connection instead of Events."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket

    def cancel(self) -> None:
        self.socket.abort()


class Session:
    """A realtime session: a Running while it is opened, then the Moderator of its Relay."""

    def __init__(
        self, hall: Hall, x: Exchange, upgrade: Upgrade, welcome: Callable[[], bool]
    ) -> None:
        self.x = x
        self.welcome = welcome
        self._hall = hall
        self._upgrade = upgrade
        self._passage = Passage(hall.line.pipelines["realtime"], x)
        self._task: asyncio.Task[None] | None = None
        self._opening: SocketOpening | None = None
        self._relay: Relay | None = None
        self._finished = False
        words = self._words = WORDS[x.inbound.format]()
        self._answers = SessionAnswers(
            x, hall.office, lambda: hall.line.pipelines["realtime"], hall.new_id, words
        )

    def begin(self) -> None:
        self._hall.office.running.add(self)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self.x.id)
        self._task.add_done_callback(self._ran)

    async def _run(self) -> None:
        try:
            answer = await self._passage.run(self._connected, lambda x: None)
            if not isinstance(answer, _Opened):
                raise Refused(403, "kind_not_allowed", "A module answered in place of a session.")
            self._switch(answer.socket)
        except Abandoned as error:
            self._finish(GONE, error)
        except StockyardError as error:
            self._refuse(error)

    def _ran(self, task: "asyncio.Task[None]") -> None:
        """End a session whose opening raised an unexpected error or was cancelled."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._hall.office.unexpected(self.x, error)
            self._refuse(internal())
        elif task.cancelled():
            self._finish(GONE, Abandoned())

    # The provider's side

    async def _connected(self, x: Exchange) -> Answer:
        """Like a dispatch: one try at the Target, for a connection instead of an answer."""
        target = x.target = x.targets[0]
        dispatch = self._hall.office.dispatch
        plan = dispatch.plans.of(target, x)
        dispatch.check_model(x, plan)
        if not x.constraints.allow(target):
            raise Refused(503, "no_target", "No provider that this call may use has sessions.")
        if self._opening is not None:
            self._opening.abort()  # a try that a module was not content with
        attempt = Attempt(target=target, started_us=x.elapsed_us(), format=x.inbound.format)
        x.attempts.append(attempt)
        opening = self._opening = SocketOpening(plan, attempt, self._hall.connect)
        try:
            socket = await opening.opened()
        except UpstreamError as error:
            attempt.status, attempt.error, attempt.outcome = error.status, error.kind, "failed"
            attempt.timer = error.timer
            raise self._told(error, target) from None
        finally:
            attempt.ended_us = x.elapsed_us()
        attempt.status, attempt.outcome = SWITCHED, "ok"
        attempt.first_byte_us = attempt.ended_us
        return _Opened(socket)

    def _told(self, error: UpstreamError, target: Target) -> UpstreamError:
        """The provider's refusal as an error, decoded from its body."""
        if isinstance(error, HandshakeRefused) and error.status is not None and error.status >= 400:
            error = self._hall.words.decode_error(error.status, error.fields, error.body)
        error.provider = target.provider
        error.own_credential = not (target.credential is not None and target.credential.own)
        return error

    # The client's side

    def _switch(self, socket: WebSocket) -> None:
        x = self.x
        x.status = SWITCHED
        x.streamed = True
        self._passage.head()
        relay = Relay(socket, self, self._hall.lasting, binary=self._words.binary)
        self._answers.through(relay)
        self._relay = relay
        if not self._upgrade.switch(socket.subprotocol, egress.own_fields(x), relay):
            self._relay = None
            self._finish(GONE, Abandoned())

    def _refuse(self, error: StockyardError) -> None:
        x = self.x
        fault = fault_of(error, x)
        x.status = fault.status
        self._passage.head()
        whole = egress.refusal(self._hall.words, fault, egress.refused_fields(x))
        self._finish(whole.status, error)
        self._upgrade.whole(whole.status, whole.fields, whole.body)

    # What is said

    def client_said(self, message: bytes) -> bool | None:
        return self._answers.client_said(message)

    def provider_said(self, message: bytes) -> None:
        self._answers.provider_said(message)

    def last_words(self) -> list[bytes] | None:
        return self._answers.last_words()

    def over(self) -> None:
        """The Relay has ended the session."""
        self._answers.over()
        if not self._passage.stream_modules.await_end:
            self._finish(SWITCHED, None)
            return
        self._task = asyncio.get_running_loop().create_task(self._tell(), name=self.x.id)

    async def _tell(self) -> None:
        error: StockyardError | None = None
        try:
            await self._passage.stream_modules.ended()
        except StockyardError as refusal:
            error = refusal
        finally:
            self._finish(SWITCHED, error)

    def _finish(self, status: int, error: Exception | None) -> None:
        if self._finished:
            return
        self._finished = True
        if self._relay is None and self._opening is not None:
            self._opening.abort()
        self.x.status = status
        if error is not None:
            self.x.failed_with(error)
        self._hall.office.finished(self)

    # What happens to the client meanwhile

    def gone(self) -> None:
        """The client left while the session was being opened. Later the Relay handles that."""
        self.x.abandoned = self._relay is None
        if self._relay is None and self._task is not None:
            self._task.cancel()

    def pause(self) -> None:
        """Nothing to do: the Relay pauses on its own."""

    def resume(self) -> None:
        """Nothing to do: the Relay resumes on its own."""

    def shutdown(self) -> None:
        if self._relay is not None:
            self._relay.shutdown()
        elif not self._finished:
            self._refuse(Refused(503, "server_shutdown", "The gateway is stopping.", retry_after=1))
            if self._task is not None:
                self._task.cancel()
