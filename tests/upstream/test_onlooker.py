"""Watching a stream on a native route: every byte passes once and in order."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.target import Attempt, Target
from stockyard.upstream.onlooker import Onlooker
from stockyard.wire.formats import FORMATS

CONTENT = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
ERROR = b'data: {"error":{"message":"The model is gone."}}\n\n'
CUTS = st.lists(st.integers(0, 400), max_size=20)


def onlooker() -> Onlooker:
    look = FORMATS["openai.chat"].look(traits=frozenset(), keep_usage=True, native=True)
    target = Target(provider="local", model="m", credential=None)
    return Onlooker(look, Attempt(target=target, started_us=0, format="openai.chat"))


def fed(watching: Onlooker, data: bytes, cuts: list[int]) -> bytes:
    places = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    pieces = (data[start:end] for start, end in pairwise(places))
    return b"".join(watching.feed(piece) for piece in pieces if piece)


@given(CUTS)
def test_events_pass_as_they_came(cuts: list[int]) -> None:
    watching = onlooker()
    assert fed(watching, CONTENT * 5, cuts) == CONTENT * 5
    assert watching.failure is None


@given(CUTS)
def test_an_error_passes_with_all_that_stands_around_it(cuts: list[int]) -> None:
    watching, stream = onlooker(), CONTENT * 2 + ERROR + CONTENT
    assert fed(watching, stream, cuts) + watching.rest() == stream
    assert watching.failure is not None


def test_an_event_of_many_reads_passes_whole() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"a" * 300_000)
    watching = onlooker()
    cuts = list(range(0, len(event), 1000))
    assert fed(watching, CONTENT + event + CONTENT, cuts) == CONTENT + event + CONTENT
