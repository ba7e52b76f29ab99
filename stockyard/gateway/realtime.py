"""Realtime sessions: a WebSocket for the client, one to the provider, and us in between.

The modules see the upgrade as one call: who may call, how often, where to. Each answer in the
session is announced as a call of its own, with what it used, so it is limited, priced and traced
like any other. A Key that is revoked ends its sessions within a second.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode

from msgspec import Struct

from stockyard.core.exchange import Asked, Caller, Constraints, Exchange, Inbound
from stockyard.core.pipeline import Passage
from stockyard.core.request import Content, Request
from stockyard.core.stream import Answer, Stream
from stockyard.core.target import Attempt, Credential, Target
from stockyard.errors import Abandoned, Refused, StockyardError, UpstreamError
from stockyard.gateway import egress
from stockyard.gateway.contract import Reply, Running, Whole
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.faults import fault_of
from stockyard.gateway.http import Head, field_lines
from stockyard.gateway.line import Line
from stockyard.gateway.office import Office
from stockyard.gateway.relay import Relay
from stockyard.gateway.reply import LaneReply
from stockyard.providers.directory import Directory
from stockyard.providers.provider import Entry
from stockyard.upstream.frames import accepting, is_key
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Timers
from stockyard.upstream.plan import USER_AGENT
from stockyard.upstream.websocket import Refusal, WebSocket
from stockyard.wire.codec import Codec
from stockyard.wire.realtime import done_in

FORMAT = "openai.realtime"
KEY_PROTOCOL = b"openai-insecure-api-key."
"""Before the Key, where a client can send no header field."""
PASSED = (b"openai-beta", b"openai-safety-identifier")
BEGUN = b'"response.created"'
SWITCHED = 101
GONE = 499
NO_CONTENT = Content()


class Connect(Protocol):
    def __call__(
        self, protocol: asyncio.BaseProtocol, origin: Origin, timers: Timers
    ) -> Awaitable[None]:
        """Connect the protocol to that place. Raises UpstreamError."""


class Hall(Struct, frozen=True, eq=False):
    """What all sessions need of the data plane."""

    line: Line
    office: Office
    directory: Callable[[], Directory]
    connect: Connect
    words: Codec
    """Says errors in the client's dialect."""
    max_inflight: int
    new_id: Callable[[], str]


class Realtime:
    """An Opening for one session."""

    max_body = 0

    def __init__(
        self,
        hall: Hall,
        head: Head,
        endpoint: Endpoint,
        caller: Caller,
        asked: Asked,
        own: Credential | None,
        welcome: Callable[[], bool],
        refused: Callable[[Refused], Whole],
    ) -> None:
        self._hall = hall
        self._head = head
        self._endpoint = endpoint
        self._caller = caller
        self._asked = asked
        self._own = own
        self._welcome = welcome
        self._refused = refused

    def refuse(self, status: int, code: str, message: str) -> Whole:
        return self._refused(Refused(status, code, message))

    def start(self, reply: Reply, body: bytes) -> Running | None:
        hall = self._hall
        try:
            if not isinstance(reply, LaneReply):
                raise Refused(404, "not_found", "There is no WebSocket at this path.")
            if len(hall.office.running) >= hall.max_inflight:
                raise Refused(503, "overloaded", "Too many calls are running.", retry_after=1)
            key = key_of(self._head)
            session = Session(hall, self._exchange(), key, reply, self._welcome)
        except Refused as refusal:
            whole = self._refused(refusal)
            reply.whole(whole.status, whole.fields, whole.body)
            return None
        session.begin()
        return session

    def _exchange(self) -> Exchange:
        query = dict(parse_qsl(self._head.query))
        model = query.pop("model", "")
        if not model:
            raise Refused(400, "invalid_request", "The query has no 'model'.", param="model")
        target, entry = self._target(model)
        query["model"] = target.model
        inbound = Inbound(
            FORMAT,
            "GET",
            self._head.path,
            urlencode(query, quote_via=quote),
            b"",
            _Fields(self._head),
            target.provider,
            entry.path,
            entry.origin,
            entry.auth,
        )
        x = Exchange(
            id=self._hall.new_id(),
            kind="realtime",
            needs="realtime",
            caller=self._caller,
            inbound=inbound,
            received=Request(model=model, content=NO_CONTENT),
            asked=self._asked,
        )
        x.targets = (target,)
        x.constraints = Constraints(providers=(target.provider,))
        return x

    def _target(self, model: str) -> tuple[Target, Entry]:
        """Who has sessions with this model. Raises Refused (404)."""
        directory = self._hall.directory()
        wanted = self._endpoint.native or self._asked.provider
        if self._endpoint.native is not None:
            credentials = (self._own,) if self._own else directory.credentials(wanted) or (None,)
            name = directory.named_at(wanted, model)
            targets = tuple(Target(wanted, name, credential) for credential in credentials)
        elif self._own is not None:
            found = directory.own_target(model, "chat", self._own)
            targets = (found,) if found is not None else ()
        else:
            targets = directory.targets(model, "chat")
        for target in targets:
            provider = directory.provider(target.provider)
            entry = provider.endpoints.get("realtime") if provider is not None else None
            fits = entry is not None and entry.certain and entry.format == FORMAT
            if entry is not None and fits and wanted in ("", None, target.provider):
                return target, entry
        raise Refused(
            404,
            "model_not_found",
            f"No provider that is configured has realtime sessions with '{model[:128]}'.",
            param="model",
        )


class _Open(Stream):
    """The answer to an upgrade: a connection."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket

    def cancel(self) -> None:
        self.socket.abort()


class _Turn:
    """One answer in a session, as a call of its own."""

    def __init__(self, x: Exchange) -> None:
        self.x = x


class Session:
    """A Running: the upgrade first, and then the Relay."""

    def __init__(
        self, hall: Hall, x: Exchange, key: bytes, reply: LaneReply, welcome: Callable[[], bool]
    ) -> None:
        self.x = x
        self._hall = hall
        self._key = key
        self._reply = reply
        self._welcome = welcome
        self._passage = Passage(hall.line.pipelines["realtime"], x)
        self._task: asyncio.Task[None] | None = None
        self._socket: WebSocket | None = None
        self._relay: Relay | None = None
        self._finished = False
        self._turn_began = x.started

    def begin(self) -> None:
        self._hall.office.running.add(self)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self.x.id)
        self._task.add_done_callback(self._ran)

    async def _run(self) -> None:
        try:
            answer = await self._passage.run(self._connected, lambda x: None)
            if not isinstance(answer, _Open):
                raise Refused(403, "kind_not_allowed", "A module answered in place of a session.")
            self._switch(answer.socket)
        except Abandoned as error:
            self._finish(GONE, error)
        except StockyardError as error:
            self._refuse(error)

    def _ran(self, task: "asyncio.Task[None]") -> None:
        """Nobody may wait for a session whose beginning broke in a way that nobody foresaw."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._hall.office.unexpected(self.x, error)
            self._refuse(Refused(500, "internal", "Something went wrong inside Stockyard."))
        elif task.cancelled():
            self._finish(GONE, Abandoned())

    # The provider's side

    async def _connected(self, x: Exchange) -> Answer:
        """As a dispatch: one try at the Target, for a connection instead of an answer."""
        target = x.target = x.targets[0]
        plan = self._hall.office.dispatch.plans.of(target, x)
        if plan.prover is not None or not x.constraints.allow(target):
            raise Refused(503, "no_target", "No provider that this call may use has sessions.")
        attempt = Attempt(target=target, started_us=x.elapsed_us(), format=FORMAT)
        x.attempts.append(attempt)
        socket = self._socket = WebSocket(plan.start)
        try:
            await self._hall.connect(socket, plan.origin, plan.stream)
            async with asyncio.timeout(plan.stream.first_byte_seconds):
                await socket.agreed
        except TimeoutError:
            attempt.outcome, attempt.timer = "failed", "timeout.first_byte"
            raise UpstreamError(
                "timeout",
                "The provider did not open the connection in time (timeout.first_byte).",
                timer="timeout.first_byte",
                provider=target.provider,
            ) from None
        except UpstreamError as error:
            attempt.status, attempt.error, attempt.outcome = error.status, error.kind, "failed"
            raise self._told(error, target) from None
        finally:
            attempt.ended_us = x.elapsed_us()
        attempt.status, attempt.outcome = SWITCHED, "ok"
        attempt.first_byte_us = attempt.ended_us
        return _Open(socket)

    def _told(self, error: UpstreamError, target: Target) -> UpstreamError:
        """What a refusal of the provider means."""
        if isinstance(error, Refusal) and error.status is not None and error.status >= 400:
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
        fields = [
            (b"upgrade", b"websocket"),
            (b"sec-websocket-accept", accepting(self._key)),
        ]
        if socket.subprotocol:
            fields.append((b"sec-websocket-protocol", socket.subprotocol))
        relay = Relay(socket, welcome=self._welcome, said=self._heard, over=self._ended)
        lines = b"connection: Upgrade\r\n" + field_lines(fields) + egress.own_fields(x)
        if self._reply.switch(lines, relay):
            self._relay = relay
        else:
            self._finish(GONE, Abandoned())

    def _refuse(self, error: StockyardError) -> None:
        x = self.x
        fault = fault_of(error, x)
        x.status = fault.status
        self._passage.head()
        whole = egress.refusal(self._hall.words, fault, egress.refused_fields(x))
        self._finish(whole.status, error)
        self._reply.whole(whole.status, whole.fields, whole.body)

    # What is said, and what it costs

    def _heard(self, message: bytes) -> None:
        if BEGUN in message:
            self._turn_began = perf_counter_ns()
        done = done_in(message)
        if done is None:
            return
        session = self.x
        x = Exchange(
            id=self._hall.new_id(),
            kind="realtime",
            needs="realtime",
            caller=session.caller,
            inbound=session.inbound,
            received=session.received,
            asked=session.asked,
            started=self._turn_began,
        )
        x.target, x.tags, x.capture = session.target, session.tags, session.capture
        x.partition, x.sampled, x.alias = session.partition, session.sampled, session.alias
        x.status, x.streamed, x.usage = 200, True, done.usage
        self._hall.office.finished(_Turn(x))

    def _ended(self) -> None:
        """The relay is over."""
        if not self._passage.ends:
            self._finish(SWITCHED, None)
            return
        self._task = asyncio.get_running_loop().create_task(self._tell(), name=self.x.id)

    async def _tell(self) -> None:
        error: StockyardError | None = None
        try:
            await self._passage.ended()
        except StockyardError as refusal:
            error = refusal
        finally:
            self._finish(SWITCHED, error)

    def _finish(self, status: int, error: Exception | None) -> None:
        if self._finished:
            return
        self._finished = True
        if self._relay is None and self._socket is not None:
            self._socket.abort()
        self.x.status = status
        if error is not None:
            self.x.error = error
            if isinstance(error, Refused):
                self.x.refused_by = error.module or ""
        self._hall.office.finished(self)

    # What happens to the client meanwhile

    def gone(self) -> None:
        """Before there is a Relay, which hears of it itself."""
        self.x.abandoned = self._relay is None
        if self._relay is None and self._task is not None:
            self._task.cancel()

    def pause(self) -> None:
        """The Relay hears of it itself."""

    def resume(self) -> None:
        """The Relay hears of it itself."""

    def shutdown(self) -> None:
        if self._relay is not None:
            self._relay.shutdown()
        elif not self._finished:
            self._refuse(Refused(503, "server_shutdown", "The gateway is stopping.", retry_after=1))
            if self._task is not None:
                self._task.cancel()


class _Fields:
    """The Headers of a session: hardly anything of them goes on."""

    def __init__(self, head: Head) -> None:
        self._head = head

    def field(self, name: bytes) -> bytes | None:
        return self._head.field(name)

    def forward(self, format: str) -> bytes:  # noqa: A002  the word of the field everywhere
        return b""

    def forward_native(self) -> list[tuple[bytes, bytes]]:
        fields = [(b"user-agent", USER_AGENT)]
        fields += [(n, v) for n in PASSED if (v := self._head.field(n)) is not None and v.isascii()]
        offered = [name for name in protocols_in(self._head) if not name.startswith(KEY_PROTOCOL)]
        if offered:
            fields.append((b"sec-websocket-protocol", b", ".join(offered)))
        return fields


def protocols_in(head: Head) -> list[bytes]:
    """The subprotocols that a client offers."""
    offered = head.field(b"sec-websocket-protocol") or b""
    return [name for part in offered.split(b",") if (name := part.strip())]


def key_in_protocols(head: Head) -> str | None:
    """The secret that a client offers as a subprotocol; browsers can send it in no other way."""
    keys = (p for p in protocols_in(head) if p.startswith(KEY_PROTOCOL))
    found = next(keys, None)
    return None if found is None else found[len(KEY_PROTOCOL) :].decode("latin-1")


def key_of(head: Head) -> bytes:
    """The key of the client's handshake. Raises Refused (400, 426)."""
    if (head.field(b"sec-websocket-version") or b"") != b"13":
        raise Refused(426, "upgrade_refused", "Version 13 of WebSockets is spoken here.")
    key = head.field(b"sec-websocket-key") or b""
    if not is_key(key):
        raise Refused(400, "invalid_request", "The handshake has no usable key.")
    return key
