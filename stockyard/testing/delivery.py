"""Turn a line of the script and a request into steps for the connection. No I/O."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus

from stockyard.testing.answer import IN_THE_HEAD, Answer, answer_of
from stockyard.testing.frames import Frame
from stockyard.testing.play import Framing, Halt, Play, Point, Wire
from stockyard.testing.received import ReceivedRequest
from stockyard.testing.steps import HangUp, Send, Stall, Step, Wait
from stockyard.testing.turn import Failure


def steps_of(play: Play | None, request: ReceivedRequest) -> list[Step]:
    """What to do for this request; None: nothing was scripted, which is an answer too."""
    if play is None:
        play = Play(Failure(501, "This provider has nothing scripted."))
    if isinstance(play.says, Wire):
        steps: list[Step] = [Send(play.says.data)]
    else:
        steps = list(_written(answer_of(play.says, play, request), play, request))
    if play.closes:
        steps.append(HangUp("fin"))
    if play.drip is not None:
        steps = list(_dripped(steps, *play.drip))
    return [Wait(play.before), *steps] if play.before else steps


def _written(answer: Answer, play: Play, request: ReceivedRequest) -> Iterator[Step]:
    for status in play.interims:
        yield Send(b"HTTP/1.1 %d %b\r\n\r\n" % (status, _reason(status)))
    if play.gzip == "always" or (play.gzip == "asked" and _accepts_gzip(request)):
        answer.frames = _gzipped(answer.frames)
        answer.headers.append(("content-encoding", "gzip"))
    framing = _frame(answer, play)
    halt, head = play.halt, _head(answer)
    if halt is not None and halt.after in IN_THE_HEAD:
        yield from _broken(head, _split_of_head(head, halt.after), halt.then)
        halt = None
    else:
        yield Send(head)
    yield from _body(answer, halt, chunked=framing == "chunked")
    if framing == "close":
        yield HangUp("fin")


def _frame(answer: Answer, play: Play) -> Framing | None:
    """Add the header that tells where the body ends, unless the script tells its own story."""
    names = {name.lower() for name, _ in answer.headers}
    if play.framing is None and names & {"content-length", "transfer-encoding"}:
        return None
    framing = play.framing or ("chunked" if answer.events else "length")
    length = str(sum(len(f.data) for f in answer.frames))
    header = {
        "chunked": ("transfer-encoding", "chunked"),
        "length": ("content-length", length),
        "close": ("connection", "close"),
    }
    answer.headers.append(header[framing])
    return framing


def _body(answer: Answer, halt: Halt | None, *, chunked: bool) -> Iterator[Step]:
    for i, frame in enumerate(answer.frames):
        wire = _chunk(frame.data) if chunked else frame.data
        if halt is not None and i == answer.halt_at:
            at = _split_of_chunk(wire, halt.after) if chunked else 0
            yield from _broken(wire, at, halt.then)
            continue
        if frame.pause:
            yield Wait(frame.pause)
        yield Send(wire)
    if halt is not None and answer.halt_at == len(answer.frames):
        yield halt.then
    if answer.endless is not None:
        data = answer.endless.data
        yield replace(answer.endless, data=_chunk(data) if chunked else data)
    if chunked:
        yield Send(b"0\r\n\r\n")


def _broken(wire: bytes, at: int, then: Stall | HangUp) -> Iterator[Step]:
    """A write with a halt in it, or before it."""
    if at:
        yield Send(wire[:at])
    yield then
    yield Send(wire[at:])


def _split_of_head(head: bytes, point: Point | None) -> int:
    places = {
        "nothing": 0,
        "half_status_line": 6,
        "half_header": head.index(b"\r\n") + 6,
        "head": len(head),
    }
    return places[str(point)]


def _split_of_chunk(wire: bytes, point: Point | None) -> int:
    if point == "half_chunk_size":
        return 1
    if point == "half_chunk_data":
        return (wire.index(b"\r\n") + len(wire)) // 2
    return 0


def _head(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_reason(answer.status).decode()}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Scripted"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _accepts_gzip(request: ReceivedRequest) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _gzipped(frames: Sequence[Frame]) -> list[Frame]:
    """Each frame flushed, so that a reader has it before the next one is sent."""
    press = zlib.compressobj(wbits=31)
    out = [replace(f, data=press.compress(f.data) + press.flush(zlib.Z_SYNC_FLUSH)) for f in frames]
    return [*out, Frame("end", press.flush())]


def _dripped(steps: Sequence[Step], size: int, every: float) -> Iterator[Step]:
    for step in steps:
        if not isinstance(step, Send):
            yield step
            continue
        for i in range(0, len(step.data), size):
            yield Send(step.data[i : i + size])
            yield Wait(every)
