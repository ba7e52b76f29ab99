"""Serve one client connection: check its requests, answer calls, and hand the rest to uvicorn.

Requests are served in order and one at a time: data that arrives early waits in `_ahead`, and the
socket is not read while too much waits there. What a lane is doing is its Phase (`phase.py`), which
also has a `deadline` (`deadlines.py`). `collecting.py` collects bodies, and `passing.py` handles
requests that are not calls.

The head of a data-plane request is often the same as the one before it, see `known_head.py`.

This is a plain Protocol, not a `BufferedProtocol`: with uvloop the latter costs a small request 1
to 3 microseconds more. So one read may bring up to 256 KiB before reading pauses.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from stockyard.errors import Refused
from stockyard.gateway.bodies import TOO_LARGE
from stockyard.gateway.collecting import Collecting
from stockyard.gateway.contract import Opening, Running, Whole
from stockyard.gateway.deadlines import NEVER
from stockyard.gateway.front import Front
from stockyard.gateway.http import (
    HEAD_END,
    Head,
    HttpError,
    check_size,
    read_head,
)
from stockyard.gateway.inner import InnerTransport
from stockyard.gateway.known_head import MAX_BYTES, KnownHead
from stockyard.gateway.phase import BETWEEN, RUNNING, Phase
from stockyard.gateway.refusals import ALLOWED, CODES, control_refusal, refusal, refused_by
from stockyard.gateway.reply import LaneReply

OPTIONS = Whole(204, ALLOWED, b"")
LAST_WORDS_S = 2.0
"""How long an idle connection stays open for one more call when another process takes over."""
STOPPING = "This server is stopping. Try again."
HANDSHAKE = b"\x16"
"""The first byte of a TLS connection."""


class Lane(Collecting):
    def __init__(
        self,
        front: Front,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        loop = _loop or asyncio.get_running_loop()
        super().__init__(front, config, server_state, app_state, loop)
        self._plane = front.plane
        self._searched = 0
        """How many bytes of `_ahead` are known not to contain the end of a head."""
        self._waits_for = "http.first_byte_timeout"
        """The name of the deadline that applies between requests."""
        self._known: KnownHead | None = None
        """The last head of a call."""
        self._reply: LaneReply | None = None
        """The Reply to the current call."""
        self._running: Running | None = None
        """The current call."""

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.take(transport)
        front = self.front
        refused_by = front.turns_away(self.peer)
        if refused_by is not None:
            front.http_rejects[refused_by] += 1
            self._phase = Phase.CLOSED
            self.abort()
            return
        full = front.full_for(self.peer)
        front.enter(self, self._loop)
        self.deadline = self.clock.now + self.limits.first_byte_timeout_s
        if full:
            self._refuse(HttpError(503, "connections", "Too many connections are open."))

    def data_received(self, data: bytes) -> None:
        phase = self._phase
        if phase is BETWEEN:
            self._serve(self._ahead + data if self._ahead else data)
        elif self._arriving is not None:
            if self._inner is None or phase is Phase.BODY:
                self._serve(self._collect(self._arriving, data))
            else:
                self._stream(self._arriving, self._inner, data)
        elif phase is Phase.SKIP:
            self._skip(data)
        elif phase is Phase.TUNNEL and self._tunnel is not None:
            self._tunnel.data_received(data)
        elif phase is Phase.LINGER:
            self.ignore(data)
        elif phase is not Phase.CLOSED:
            self._hold(data)

    def eof_received(self) -> bool:
        """The client sends nothing more. Returns whether we may still write to it."""
        self.finished = True
        more = self._ahead and self._waits_for != "http.head_timeout"
        if self._phase is Phase.INNER or (self._phase is BETWEEN and more):
            self.deadline = self.clock.now + self.limits.half_close_grace_s
            return not self.transport.get_extra_info("sslcontext")
        if self._phase is Phase.TUNNEL and self._tunnel is not None:
            self.deadline = self.watch_writes()
            return bool(self._tunnel.eof_received())
        self._client_left()
        self._close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.front.leave(self)
        self.deadline = NEVER
        self._phase = Phase.CLOSED
        self._ahead = b""
        self._client_left()
        self._leave_inner()
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            tunnel.connection_lost(exc)

    def _client_left(self) -> None:
        reply, self._reply = self._reply, None
        running, self._running = self._running, None
        if reply is not None:
            reply.detach()
        if running is not None:
            running.gone()

    def pause_writing(self) -> None:
        self.write_paused = True
        until = self.watch_writes()
        if self._phase in (BETWEEN, RUNNING, Phase.INNER, Phase.TUNNEL):
            self.deadline = until
        for writer in (self._inner, self._tunnel):
            if writer is not None:
                writer.pause_writing()
        if self._running is not None:
            self._running.pause()

    def resume_writing(self) -> None:
        self.write_paused = False
        for writer in (self._inner, self._tunnel):
            if writer is not None:
                writer.resume_writing()
        if self._running is not None:
            self._running.resume()
        if self._phase is BETWEEN:
            self._rest()
            self._next()

    # Heads

    def _serve(self, data: bytes) -> None:
        """Handle the requests in `data`, until one must be waited for."""
        self._ahead = b""
        while data and self._phase is BETWEEN and not self.write_paused:
            data = self._take_up(data)
        if data and self._phase not in (Phase.LINGER, Phase.CLOSED):
            self._hold(data)

    def _next(self) -> None:
        """Go on with data that came early; close if there is none and none will come."""
        if self._phase is not BETWEEN:
            return
        if self._ahead:
            self._serve(self._ahead)
        elif self.finished:
            self._close()
        self._go_on_reading()

    def _take_up(self, data: bytes) -> bytes:
        """Handle the first request in `data`. Returns the bytes that follow it."""
        known = self._known
        if known is not None and known.generation == self._plane.generation:
            begins = known.begins(data)
            if begins is not None:
                opening = known.opening
                start, length = begins
                if length <= opening.max_body:
                    self._searched = 0
                    return self._receive(known.head, opening, data, start, length)
        end = data.find(HEAD_END, self._searched)
        try:
            if end < 0:
                self._wait_for_head(data)
                return b""
            self._searched = 0
            head = read_head(data[: end + 4], self.limits)
            self.front.dropped_fields += head.dropped
            return self._open(head, self._find(head), data, end + 4)
        except HttpError as error:
            self._refuse(error)
            return b""

    def _wait_for_head(self, data: bytes) -> None:
        limits = self.limits
        if data.startswith(HANDSHAKE):
            # The client waits for our half of the handshake, so the end of a head never comes.
            raise HttpError(400, "HS04", "This port speaks plain HTTP: http://, not https://.")
        if len(data) > limits.max_head_bytes or (
            len(data) > limits.max_line_bytes and b"\r\n" not in data[2 : limits.max_line_bytes + 4]
        ):
            check_size(data.removeprefix(b"\r\n"), limits)
        if self._waits_for != "http.head_timeout":
            self._waits_for = "http.head_timeout"
            self.deadline = self.clock.now + limits.head_timeout_s
        self._searched = max(0, len(data) - 3)
        self._ahead = data
        if self.finished:
            self._close()

    def _find(self, head: Head) -> Opening | Whole | None:
        if head.target == "*":
            return OPTIONS
        if head.method in ("GET", "HEAD"):
            probe = self.front.health.answer(head.path)
            if probe is not None:
                return probe
        generation = self._plane.generation
        peer = self.front.proxies.client_of(head, self.peer) if self.proxied else self.peer
        found = self._plane.open(head, peer)
        if found is not None and not isinstance(found, Whole):
            if head.length > found.max_body:
                return found.refuse(Refused(413, CODES[413], TOO_LARGE))
            if len(head.raw) <= MAX_BYTES:
                self._known = KnownHead(head, found, generation)
        return found

    def _open(self, head: Head, found: Opening | Whole | None, data: bytes, start: int) -> bytes:
        """Act on what `_find` returned for the head at the beginning of `data`. Returns the bytes
        that follow the request."""
        if isinstance(found, Whole):
            return self._answer_early(head, found, data[start:])
        if self.front.draining and (found is None or self.front.refusing):
            return self._answer_early(head, _stopping(found), data[start:])
        if found is not None:
            return self._receive(head, found, data, start, head.length)
        if head.chunked:
            return self._await_body(head, None, data[start:], 0)
        return self._pass_on(head, data[start:])

    def _receive(self, head: Head, opening: Opening, data: bytes, start: int, length: int) -> bytes:
        """Begin the call whose body is at `start`, once that is complete. Returns the bytes that
        follow it."""
        end = start + length
        if head.chunked or len(data) < end:
            return self._await_body(head, opening, data[start:], length)
        self._start(head, opening, data[start:end])
        return data[end:]

    def _rest(self) -> None:
        """Wait for the next request."""
        self._phase = BETWEEN
        self._waits_for = "http.keepalive_timeout"
        self.deadline = self.clock.now + self.front.keepalive_s

    # Answers

    def _start(self, head: Head, opening: Opening, body: bytes) -> None:
        self._phase = RUNNING
        self.deadline = NEVER
        reply = LaneReply(self, head.method, http11=head.http11, keep_alive=head.keep_alive)
        self._reply = reply
        running = opening.start(reply, body)
        if self._reply is not reply or running is None:
            return
        self._running = running
        self.front.busy_poll.begin()
        if self.finished:
            self._client_left()
            self._close()
        elif self.write_paused:
            running.pause()

    def answered(self, *, keep_alive: bool) -> None:
        """The answer is written."""
        self._reply = self._running = self._arriving = None
        if not keep_alive:
            self._close()
            return
        self._rest()
        if self._ahead or self.finished:
            # Not at once: the code that finished this answer is still on the stack.
            self._loop.call_soon(self._next)

    def switched(self, protocol: asyncio.Protocol) -> None:
        """The data plane switched protocols: bytes from here on are for `protocol`."""
        ahead, self._ahead = self._ahead, b""
        self._reply = None
        self.tunnel_to(protocol)
        protocol.connection_made(InnerTransport(self))
        if ahead:
            protocol.data_received(ahead)
        self._go_on_reading()

    def _answer_early(self, head: Head, whole: Whole, data: bytes) -> bytes:
        """Answer without reading the body, of which `data` has a part. Returns the bytes that
        follow the request."""
        missing = head.length - len(data)
        takes_rest = missing <= self.limits.drain_bytes and not head.expects_continue
        keep_alive = head.keep_alive and not head.chunked and (missing <= 0 or takes_rest)
        whole.to(LaneReply(self, head.method, http11=head.http11, keep_alive=keep_alive))
        if self._phase is BETWEEN and missing > 0:
            self._phase = Phase.SKIP
            self._need = missing
            self.deadline = self.clock.now + self.limits.drain_timeout_s
        return data[head.length :]

    def _skip(self, data: bytes) -> None:
        rest = data[self._need :]
        self._need = max(0, self._need - len(data))
        if not self._need:
            self._rest()
            self._serve(rest)

    def _refuse(self, error: HttpError) -> None:
        """Answer an error of HTTP itself and close. Nothing after it is read (HS21)."""
        self.front.http_rejects[error.rule] += 1
        arriving, self._arriving = self._arriving, None
        if arriving is None or error.status not in (408, 413):
            whole = refusal(error)
        elif arriving.opening is None:
            whole = control_refusal(error)
        else:
            whole = arriving.opening.refuse(refused_by(error))
        whole.to(LaneReply(self, "GET", http11=True, keep_alive=False))

    def _close(self) -> None:
        self._phase = Phase.LINGER
        self._ahead = b""
        self._arriving = None
        self._leave_inner()
        self.linger()

    # Deadlines

    def overdue(self) -> None:
        phase = self._phase
        if phase is BETWEEN and not self.write_paused:
            self._tired_of_waiting()
        elif self._arriving is not None:
            self._judge_body(self._arriving)
        elif phase is Phase.SKIP:
            self._close()
        elif phase is Phase.LINGER:
            self.lingered()
        elif phase is Phase.INNER and self.finished:
            self._close()
        else:
            self.judge_writes()

    def _tired_of_waiting(self) -> None:
        name = self._waits_for
        self.front.timeouts[name] += 1
        if name == "http.head_timeout":
            self._refuse(HttpError(408, "HS01", "The head of the request took too long."))
        elif self.undelivered():
            # It never read its last answer, so `close` would wait for ever to send the rest.
            self.abort()
        else:
            self.close()

    # Stopping

    def drain(self) -> None:
        """The process is stopping: close unless there is something to finish."""
        self._known = None
        if self._phase is BETWEEN and not self._ahead and not self.write_paused:
            if self.front.refusing:
                self.close()
            else:
                # A request may be on its way already.
                self.deadline = min(self.deadline, self.clock.now + LAST_WORDS_S)
        elif self._phase in (Phase.STREAM, Phase.INNER) and self._inner is not None:
            self._inner.shutdown()

    def shutdown(self) -> None:
        """The time for calls to finish is over: end the one that is running."""
        if self._running is not None:
            self._running.shutdown()


def _stopping(opening: Opening | None) -> Whole:
    error = HttpError(503, "draining", STOPPING)
    return control_refusal(error) if opening is None else opening.refuse(refused_by(error))
