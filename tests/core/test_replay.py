"""Streams from memory."""

from collections.abc import Sequence
from itertools import repeat

from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.events import Event, TextDelta
from stockyard.core.replay import Replay
from stockyard.errors import UpstreamError
from tests.builders import HandClock, Taken


def some(count: int) -> list[Event]:
    return [TextDelta(key="t", text=str(number)) for number in range(count)]


class PausingAfter(Taken):
    """A reader that pauses whenever it has taken so many Events."""

    def __init__(self, stream: Replay, count: int) -> None:
        super().__init__()
        self._stream = stream
        self._count = count

    def events(self, batch: Sequence[Event]) -> None:
        super().events(batch)
        if len(self.taken) >= self._count:
            self._stream.pause()


def test_a_replay_gives_everything_and_is_done() -> None:
    sink = Taken()
    Replay(some(200)).start(sink)
    assert sink.taken == some(200)
    assert sink.ended == "done"
    assert max(sink.batches) == 64


def test_a_replay_fails_in_the_end_when_told_to() -> None:
    error, sink = UpstreamError("interrupted", "Cut."), Taken()
    Replay(some(3), error=error).start(sink)
    assert sink.taken == some(3)
    assert sink.ended is error


def test_a_replay_pauses_between_batches_and_goes_on() -> None:
    stream = Replay(some(200))
    sink = PausingAfter(stream, 1)
    stream.start(sink)
    for taken in (64, 128, 192):
        assert (len(sink.taken), sink.ended) == (taken, None)
        stream.resume()
    assert len(sink.taken) == 200
    assert sink.ended is None
    stream.resume()
    assert sink.ended == "done"


class Hesitating(Taken):
    """A reader that pauses and at once goes on, from within what it is given."""

    def __init__(self, stream: Replay) -> None:
        super().__init__()
        self._stream = stream
        self.depth = self.deepest = 0

    def events(self, batch: Sequence[Event]) -> None:
        super().events(batch)
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        self._stream.pause()
        self._stream.resume()
        self.depth -= 1


def test_going_on_from_within_does_not_nest() -> None:
    stream = Replay(some(500))
    sink = Hesitating(stream)
    stream.start(sink)
    assert sink.taken == some(500)
    assert (sink.ended, sink.deepest) == ("done", 1)


def test_nothing_comes_after_a_cancel() -> None:
    stream = Replay(some(200))
    sink = PausingAfter(stream, 1)
    stream.start(sink)
    stream.cancel()
    stream.resume()
    assert (len(sink.taken), sink.ended) == (64, None)


def test_a_replay_keeps_the_gaps_that_it_is_given() -> None:
    clock, sink = HandClock(), Taken()
    Replay(some(3), gaps=repeat(1.0), later=clock.later).start(sink)
    taken = [len(sink.taken)]
    for _ in range(2):
        clock.advance(1)
        taken.append(len(sink.taken))
    assert taken == [1, 2, 3]
    assert sink.ended == "done"
    assert clock.waiting == 0


def test_no_timer_outlives_a_cancel_or_a_pause() -> None:
    clock, sink = HandClock(), Taken()
    stream = Replay(some(5), gaps=repeat(1.0), later=clock.later)
    stream.start(sink)
    stream.pause()
    assert clock.waiting == 0
    stream.resume()
    stream.resume()
    assert len(sink.taken) == 2
    stream.cancel()
    assert clock.waiting == 0
    clock.advance(10)
    assert (len(sink.taken), sink.ended) == (2, None)


@given(
    st.integers(0, 150),
    st.lists(st.sampled_from(["pause", "resume", "advance"]), max_size=30),
    st.booleans(),
)
def test_however_it_is_paused_everything_comes_once_and_in_order(
    count: int, steps: list[str], paced: bool
) -> None:
    clock, sink = HandClock(), Taken()
    pace = {"gaps": repeat(1.0), "later": clock.later} if paced else {}
    stream = Replay(some(count), **pace)  # type: ignore[arg-type]  # the table holds both options
    stream.start(sink)
    for step in steps:
        if step == "advance":
            clock.advance(1)
        else:
            getattr(stream, step)()
    stream.resume()
    while clock.waiting:
        clock.advance(1)
    assert sink.taken == some(count)
    assert sink.ended == "done"
