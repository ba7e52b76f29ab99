"""All recorded calls to Bedrock: their frames hold, they are read, and they pass as they are."""

import asyncio
from functools import cache
from pathlib import Path

import pytest

from stockyard.core.folding import fold
from stockyard.errors import UpstreamError
from stockyard.wire.codec import NotReadable
from stockyard.wire.eventstream import Frames
from stockyard.wire.formats import FORMATS
from tests.traffic.passing import pass_through
from tests.traffic.recordings import ABSENT, ROOT, Recording, recordings

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

NONE: frozenset[str] = frozenset()
FRAMES_RECORDED = 1451
UNREAD = 50
"""Invoke bodies of other models than Claude."""


@cache
def recorded() -> tuple[Recording, ...]:
    apis = ("bedrock.converse", "bedrock.invoke")
    return tuple(one for one in recordings() if one.format in apis)


def streams() -> list[Recording]:
    return [one for one in recorded() if one.streamed]


def is_read(one: Recording) -> bool:
    try:
        FORMATS[one.format].peek(one.request)
    except NotReadable:
        return False
    return True


def test_every_frame_holds_and_is_made_again_as_it_was() -> None:
    frames = [frame for one in streams() for frame in Frames().feed(one.answer)]
    assert len(frames) == FRAMES_RECORDED
    assert b"".join(f.raw for f in frames) == b"".join(one.answer for one in streams())


def test_every_request_is_read_or_of_another_model() -> None:
    unread = [one for one in recorded() if not is_read(one)]
    assert len(unread) == UNREAD
    assert {one.format for one in unread} == {"bedrock.invoke"}
    for one in recorded():
        if is_read(one):
            assert FORMATS[one.format].decode_request(one.request)


def test_every_answer_is_read_and_counted() -> None:
    for one in filter(is_read, recorded()):
        codec = FORMATS[one.format]
        if one.status >= 400:
            error = codec.decode_error(one.status, (), one.answer)
            assert isinstance(error, UpstreamError)
        elif one.streamed:
            reader = codec.reader(traits=NONE)
            output, usage = fold([*reader.feed(one.answer), *reader.end()])
            assert output.choices[0].finish, one.id
            assert usage is not None, one.id
            assert not usage.flags, one.id
        else:
            usage = codec.facts(one.answer, traits=NONE).usage
            assert usage is not None, one.id
            assert not usage.flags, one.id
            assert codec.decode_response(one.answer, traits=NONE), one.id


@pytest.mark.parametrize("size", [1, 13, 4096])
def test_every_stream_is_forwarded_as_it_came(size: int) -> None:
    for one in filter(is_read, streams()):
        look = FORMATS[one.format].look(traits=NONE, keep_usage=True, native=True)
        pieces = (one.answer[at : at + size] for at in range(0, len(one.answer), size))
        passed = b"".join(map(look.feed, pieces)) + look.end() + look.terminator
        assert passed == one.answer, one.id
        assert look.complete, one.id
        assert look.usage is not None, one.id


def test_everything_passes_through_the_gateway_as_it_is(tmp_path: Path) -> None:
    passages = asyncio.run(pass_through(list(recorded()), tmp_path, seed=1))
    assert len(passages) == len(recorded())
    verdicts = {(p.forwarded.kind, p.metered.kind) for p in passages.values()}
    assert verdicts <= {("same", "same"), ("same", "none")}
