"""A provider whose script is a function, and answers cut where readers of frames go wrong."""

import pytest

from stockyard.testing import RawClient, ReceivedRequest, ReplayingProvider, cut_nastily
from stockyard.testing.play import Play
from stockyard.testing.replaying import recorded

STREAM = b'data: {"text":"h\xc3\xa9"}\r\n\r\n' * 20


def by_path(request: ReceivedRequest) -> Play | None:
    if request.path != "/known":
        return None
    headers = {"content-type": "text/event-stream"}
    return recorded(201, headers, STREAM, framing="chunked", cuts=cut_nastily(7))


async def test_the_request_decides() -> None:
    async with ReplayingProvider(by_path) as provider, RawClient.to(provider.url) as client:
        client.ask("/known", b"one")
        answer = await client.answer()
        assert (answer.status, answer.body) == (201, STREAM)
        assert answer.header("content-type") == "text/event-stream"
        assert len(answer.pieces) > 10
        client.ask("/other", b"two")
        assert (await client.answer()).status == 501
        assert [request.body for request in provider.requests] == [b"one", b"two"]


@pytest.mark.parametrize("data", [STREAM, b"", b"x", b"\n\n", b"\x00\x00\x00\x10:event-type\x07"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nasty_cuts_lose_nothing_and_are_the_same_for_the_same_seed(data: bytes, seed: int) -> None:
    pieces = cut_nastily(seed)(data) if data else []
    assert b"".join(pieces) == data
    assert all(pieces)
    assert pieces == (cut_nastily(seed)(data) if data else [])


def test_nasty_cuts_go_byte_by_byte_around_the_ends_of_frames() -> None:
    pieces = cut_nastily(1)(STREAM)
    assert sum(len(piece) == 1 for piece in pieces) > 12
    assert pieces != cut_nastily(2)(STREAM)
