"""What a provider is going to do, written as sentences: `provider.streams("a", "b").cuts_after(1)`.

A first word says what the next call gets (`says`, `streams`, `calls_tool`, `fails`, `sends`,
`plays`, `sends_exactly`); further words change what was said last. Calls use up the script in
order, and its last line answers every call after that: `fails(503).says("hello")` fails once.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, Self

from stockyard.testing.cuts import Cuts
from stockyard.testing.frames import FrameKind
from stockyard.testing.play import Body, Frames, Framing, Halt, Insertion, Play, Point, Wire
from stockyard.testing.steps import Farewell, HangUp, Stall
from stockyard.testing.turn import Failure, ToolCall, Turn, Usage, tool_call


class Script:
    """What a provider will do. Every word returns the script, so that words make sentences."""

    def __init__(self) -> None:
        self._coming: deque[Play] = deque()
        self._current: Play | None = None
        self._last_said = 0

    # First words: what the next call gets.

    def says(self, *texts: str) -> Self:
        """One answer per text, for one call each: whole, or streamed word by word if asked."""
        return self._add(*(Play(Turn(pieces=_words(text))) for text in texts))

    def streams(self, *pieces: str) -> Self:
        """One answer whose stream has exactly these pieces of text."""
        return self._add(Play(Turn(pieces=pieces)))

    def calls_tool(self, name: str, arguments: Mapping[str, object], *, text: str = "") -> Self:
        """One answer that calls a tool, after some text perhaps. `and_calls` adds calls."""
        pieces = _words(text) if text else ()
        return self._add(Play(Turn(pieces=pieces, tools=(tool_call(0, name, arguments),))))

    def fails(
        self,
        status: int,
        message: str = "This provider was told to fail.",
        *,
        kind: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        times: int = 1,
    ) -> Self:
        """An error in the caller's format. `kind` and `code` replace those of the status."""
        return self._add(*[Play(Failure(status, message, kind, code, retry_after))] * times)

    def sends(self, status: int, headers: Mapping[str, str], body: bytes) -> Self:
        """A whole answer in any format, or in none."""
        return self._add(Play(Body(status, tuple(headers.items()), body)))

    def plays(self, stream: bytes, *, cuts: Cuts | None = None, delays: float = 0.0) -> Self:
        """Event-stream bytes as they are, cut into pieces, with so many seconds between those."""
        headers = (("content-type", "text/event-stream; charset=utf-8"),)
        return self._add(Play(Body(200, headers, stream, events=True), cuts=cuts, between=delays))

    def sends_exactly(self, wire: bytes) -> Self:
        """These bytes, head included, and nothing else. `closes` ends the connection after them."""
        return self._add(Play(Wire(wire)))

    def says_nothing(self) -> Self:
        """The connection is accepted and never read: not even TLS is answered."""
        return self._add(Play(Wire(b""), accepts=False))

    # What else is said.

    def and_calls(self, name: str, arguments: Mapping[str, object]) -> Self:
        def more(turn: Turn) -> Turn:
            tool = tool_call(len(turn.tools), name, arguments)
            return replace(turn, tools=(*turn.tools, tool))

        return self._say(more)

    def calls(self, *tools: ToolCall) -> Self:
        """Tool calls spelled out, when the pieces of their arguments matter."""
        return self._say(lambda turn: replace(turn, tools=tools))

    def thinks(self, *pieces: str) -> Self:
        return self._say(lambda turn: replace(turn, reasoning=pieces))

    def finishes(self, reason: str) -> Self:
        """The finish, spelled as the caller's format spells it."""
        return self._say(lambda turn: replace(turn, finish=reason))

    # Token counts.

    def counts(self, input: object = 9, output: object = 12, *, cached: int = 0) -> Self:  # noqa: A002  the word of the field everywhere
        """The token counts; see `turn.Usage` for what a count may be."""
        return self._say(lambda turn: replace(turn, usage=Usage(input, output, cached)))

    def counts_nothing(self) -> Self:
        return self._say(lambda turn: replace(turn, usage=None))

    def counts_unasked(self) -> Self:
        """Counts in every stream, as some providers send them, asked for or not."""
        return self._change(counts_unasked=True)

    def counts_twice(self) -> Self:
        return self._double("usage")

    def counts_late(self, seconds: float) -> Self:
        """Finish first, then silence, then the counts."""
        return self._pause("usage", seconds)

    def counts_after_the_end(self) -> Self:
        """The counts follow the terminator."""
        return self._change(counts_after_end=True)

    # The end of a stream.

    def without_terminator(self) -> Self:
        return self._drop("end")

    def without_finish(self) -> Self:
        return self._drop("finish")

    def ends_twice(self) -> Self:
        return self._double("end")

    def cuts_after(self, point: Point, *, how: Farewell = "fin") -> Self:
        """Hang up there."""
        return self._change(halt=Halt(point, None, HangUp(how)))

    def cuts_after_bytes(self, count: int, *, how: Farewell = "fin") -> Self:
        """Hang up after so many bytes of the body, before any compression."""
        return self._change(halt=Halt(None, count, HangUp(how)))

    def stalls_after(self, point: Point) -> Self:
        """Say nothing more from there until `goes_on()`."""
        return self._change(halt=Halt(point, None, Stall()))

    def stalls_after_bytes(self, count: int) -> Self:
        return self._change(halt=Halt(None, count, Stall()))

    def closes(self) -> Self:
        """Close the connection after the answer, without having announced it."""
        return self._change(closes=True)

    # Things inside a stream that do not belong there.

    def fails_after(
        self,
        point: Point,
        message: str = "This provider was told to fail.",
        *,
        status: int = 529,
        kind: str | None = None,
    ) -> Self:
        """An error event instead of the rest, spelled as the format spells that status."""
        failure = Failure(status, message, kind)
        return self._insert(Insertion(point, failure, instead_of_the_rest=True))

    def inserts(self, frame: Frames, *, after: Point) -> Self:
        """Bytes between two events: a comment, a bad frame, another format's error."""
        return self._insert(Insertion(after, frame))

    def ends_with(self, frame: Frames, *, after: Point) -> Self:
        """Bytes instead of the rest."""
        return self._insert(Insertion(after, frame, instead_of_the_rest=True))

    def repeats(self, frame: Frames, *, after: Point, every: float = 0.0) -> Self:
        """The same bytes for ever: pings without content, or an answer without an end."""
        return self._insert(Insertion(after, frame, every, instead_of_the_rest=True))

    # How it is sent.

    def slowly(self, *, before: float = 0.0, between: float = 0.0) -> Self:
        """Seconds before the head, and between events."""
        return self._change(before=before, between=between)

    def drips(self, size: int = 1, *, every: float = 0.001) -> Self:
        """The whole wire, head included, so many bytes at a time."""
        return self._change(drip=(size, every))

    def in_pieces(self, cuts: Cuts) -> Self:
        """The body cut anywhere, not at its events. Each piece is one chunk and one write."""
        return self._change(cuts=cuts)

    def gzips(self, when: Literal["asked", "always"] = "asked") -> Self:
        """Compressed, each event flushed, if the request accepts that; or even if it does not."""
        return self._change(gzip=when)

    def with_headers(self, headers: Mapping[str, str | None]) -> Self:
        """Add or replace headers of the answer; None takes one away."""
        return self._each(lambda p: replace(p, headers=(*p.headers, *headers.items())))

    def interims(self, *statuses: int) -> Self:
        """1xx answers before the real one."""
        return self._change(interims=statuses)

    def framed(self, framing: Framing) -> Self:
        return self._change(framing=framing)

    # Reading the script.

    def next_play(self) -> Play | None:
        """Take the line for the next call; None when nothing was ever scripted."""
        if self._coming:
            self._current = self._coming.popleft()
            self._last_said = min(self._last_said, len(self._coming))
        return self._current

    def peek(self) -> Play | None:
        return self._coming[0] if self._coming else self._current

    # How words work.

    def _add(self, *plays: Play) -> Self:
        self._coming.extend(plays)
        self._last_said = len(plays)
        return self

    def _each(self, change: Callable[[Play], Play]) -> Self:
        """Change the lines that the last first word added."""
        if not 0 < self._last_said <= len(self._coming):
            raise RuntimeError("There is nothing left to change: say something first.")
        for i in range(len(self._coming) - self._last_said, len(self._coming)):
            self._coming[i] = change(self._coming[i])
        return self

    def _change(self, **fields: Any) -> Self:
        return self._each(lambda play: replace(play, **fields))

    def _say(self, change: Callable[[Turn], Turn]) -> Self:
        def changed(play: Play) -> Play:
            if not isinstance(play.says, Turn):
                raise TypeError("Only what `says`, `streams` or `calls_tool` began can go on so.")
            return replace(play, says=change(play.says))

        return self._each(changed)

    def _insert(self, insertion: Insertion) -> Self:
        return self._each(lambda p: replace(p, insertions=(*p.insertions, insertion)))

    def _drop(self, kind: FrameKind) -> Self:
        return self._each(lambda p: replace(p, dropped=p.dropped | {kind}))

    def _double(self, kind: FrameKind) -> Self:
        return self._each(lambda p: replace(p, doubled=p.doubled | {kind}))

    def _pause(self, kind: FrameKind, seconds: float) -> Self:
        return self._each(lambda p: replace(p, pauses={**p.pauses, kind: seconds}))


def _words(text: str) -> tuple[str, ...]:
    """A text as models stream it: each word with the blank before it."""
    first, *rest = text.split(" ")
    return (first, *(f" {word}" for word in rest))
