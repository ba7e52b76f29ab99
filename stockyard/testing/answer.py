"""Build the answer for one line of the script: frames, edited and cut as it says.

First what is said becomes frames in the caller's format; then the frames are dropped, doubled,
inserted; then the halt, if there is one, is placed between two of them, splitting one if need be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stockyard.testing.cuts import Cuts
from stockyard.testing.formats import Format, format_of
from stockyard.testing.frames import Frame, FrameKind, frames_of
from stockyard.testing.play import Body, Halt, Insertion, Play, Point
from stockyard.testing.received import ReceivedRequest
from stockyard.testing.steps import Repeat
from stockyard.testing.turn import Failure, Turn

_JSON = ("content-type", "application/json")
IN_THE_HEAD = ("nothing", "half_status_line", "half_header", "head")
"""The points that lie before the body."""


@dataclass(slots=True)
class Answer:
    """An answer on its way to the wire."""

    status: int
    headers: list[tuple[str, str]]
    frames: list[Frame]
    events: bool
    endless: Repeat | None = None
    halt_at: int | None = None
    """The halt comes before the frame with this number, or inside it."""


def answer_of(said: Turn | Failure | Body, play: Play, request: ReceivedRequest) -> Answer:
    """What is said to this request, with everything the line adds to it."""
    spoken = format_of(request.path)
    if isinstance(said, Body):
        answer = _of_bytes(said)
    elif spoken is None:
        text = f"Nothing but `sends` and `plays` can answer {request.path}."
        return _whole(501, [("content-type", "text/plain")], text.encode())
    elif isinstance(said, Failure):
        hint = [] if said.retry_after is None else [("retry-after", f"{said.retry_after:g}")]
        answer = _whole(said.status, [_JSON, *hint], spoken.speaker.error_body(said))
    elif request.streamed or (spoken.streams_unasked and "stream" not in request.fields):
        frames = spoken.speaker.frames(said, request.fields, counts_unasked=play.counts_unasked)
        answer = Answer(200, [("content-type", spoken.stream_type)], frames, events=True)
    else:
        answer = _whole(200, [_JSON], spoken.speaker.whole(said, request.fields))
    _edit(answer, play, spoken)
    return answer


def _of_bytes(said: Body) -> Answer:
    if said.events:
        return Answer(said.status, list(said.headers), frames_of(said.data), events=True)
    return _whole(said.status, list(said.headers), said.data)


def _whole(status: int, headers: list[tuple[str, str]], body: bytes) -> Answer:
    return Answer(status, headers, [Frame("content", body)], events=False)


# Frames, edited.


def _edit(answer: Answer, play: Play, spoken: Format | None) -> None:
    for name, value in play.headers:
        answer.headers = [h for h in answer.headers if h[0].lower() != name.lower()]
        answer.headers += [] if value is None else [(name, value)]
    if answer.events:
        answer.frames = _rearranged(answer.frames, play)
        for insertion in play.insertions:
            _insert(answer, insertion, spoken)
    _place_halt(answer, play.halt)
    if play.cuts is not None:
        _cut(answer, play.cuts, play.between)


def _rearranged(frames: Sequence[Frame], play: Play) -> list[Frame]:
    """Frames dropped, doubled, delayed and moved, by what they mean."""
    counting: FrameKind = "usage" if any(f.kind == "usage" for f in frames) else "finish"
    doubled = {counting if kind == "usage" else kind for kind in play.doubled}
    pauses = {counting if kind == "usage" else kind: s for kind, s in play.pauses.items()}
    out: list[Frame] = []
    for frame in frames:
        if frame.kind in play.dropped:
            continue
        pause = pauses.get(frame.kind, play.between if out else 0.0)
        out += [replace(frame, pause=pause)] * (2 if frame.kind in doubled else 1)
    if play.counts_after_end:
        out = [f for f in out if f.kind != counting] + [f for f in out if f.kind == counting]
    return out


def _insert(answer: Answer, insertion: Insertion, spoken: Format | None) -> None:
    at = _index(answer.frames, insertion.after)
    data = _bytes_of(insertion, spoken)
    rest = [] if insertion.instead_of_the_rest else answer.frames[at:]
    if insertion.repeat_every is None:
        answer.frames = [*answer.frames[:at], Frame("content", data), *rest]
    else:
        answer.frames, answer.endless = answer.frames[:at], Repeat(data, insertion.repeat_every)


def _bytes_of(insertion: Insertion, spoken: Format | None) -> bytes:
    if isinstance(insertion.what, bytes):
        return insertion.what
    if spoken is None:
        raise ValueError("An event in the caller's format needs a path whose format is known.")
    if isinstance(insertion.what, Failure):
        return spoken.speaker.error_event(insertion.what)
    return insertion.what[spoken.name]


def _index(frames: Sequence[Frame], point: Point) -> int:
    """How many frames have been sent when this point is reached."""
    if isinstance(point, int):
        return min(point, len(frames))
    if point in IN_THE_HEAD:
        return 0
    first = next((i for i, f in enumerate(frames) if f.kind == "content"), len(frames))
    if point == "open" or point.startswith("half_"):
        return first
    if point == "first_content":
        return min(first + 1, len(frames))
    if point == "end":
        return len(frames)
    kinds = ("open", "content", "finish", "usage")
    sent = kinds[: kinds.index(point) + 1]
    return 1 + max((i for i, f in enumerate(frames) if f.kind in sent), default=-1)


# Halts and cuts.


def _place_halt(answer: Answer, halt: Halt | None) -> None:
    """Decide before which frame to halt; where that is inside one, split it there."""
    if halt is None:
        return
    if halt.after is None:
        _split(answer, halt.after_bytes or 0)
        return
    answer.halt_at = at = _index(answer.frames, halt.after)
    if halt.after not in ("half_event", "half_character"):
        return
    sent = sum(len(f.data) for f in answer.frames[:at])
    data = b"".join(f.data for f in answer.frames[at:])
    if halt.after == "half_event":
        _split(answer, sent + len(answer.frames[at].data) // 2)
    else:
        _split(answer, sent + _inside_a_character(data))


def _split(answer: Answer, count: int) -> None:
    """Halt after so many bytes of the body; from the end, if negative."""
    total = sum(len(f.data) for f in answer.frames)
    left = min(count if count >= 0 else max(0, total + count), total)
    for i, frame in enumerate(answer.frames):
        answer.halt_at = i
        if left == 0:
            return
        if left < len(frame.data):
            parts = [replace(frame, data=frame.data[:left])]
            parts.append(Frame(frame.kind, frame.data[left:]))
            answer.frames[i : i + 1] = parts
            answer.halt_at = i + 1
            return
        left -= len(frame.data)
    answer.halt_at = len(answer.frames)


def _inside_a_character(data: bytes) -> int:
    for i, byte in enumerate(data):
        if byte & 0xC0 == 0x80:  # not the first byte of a character
            return i
    raise ValueError("There is no character of several bytes to halt in.")


def _cut(answer: Answer, cuts: Cuts, pause: float) -> None:
    """Forget the events; cut the bytes on either side of the halt as the script says."""
    at = len(answer.frames) if answer.halt_at is None else answer.halt_at
    sides = []
    for frames in (answer.frames[:at], answer.frames[at:]):
        data = b"".join(f.data for f in frames)
        pieces = cuts(data) if data else []
        sides.append([Frame("content", piece, pause) for piece in pieces])
    answer.frames = [*sides[0], *sides[1]]
    if answer.halt_at is not None:
        answer.halt_at = len(sides[0])
