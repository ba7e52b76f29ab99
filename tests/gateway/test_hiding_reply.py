"""Things of other teams are removed from lists in an answer; all else passes unchanged."""

import json

import pytest

from stockyard.gateway.hiding_reply import HidingReply


class Written:
    """A Reply that keeps what is written to it."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.was_cut = False

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self.status, self.body = status, body

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self.status, self.body = status, first

    def push(self, data: bytes) -> None:
        self.body += data

    def finish(self, last: bytes = b"") -> None:
        self.body += last

    def cut(self) -> None:
        self.was_cut = True


def hiding(written: Written) -> HidingReply:
    return HidingReply(written, lambda thing: thing in ("theirs", "voices/theirs"))


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"data": [{"id": "ours"}, {"id": "theirs"}]}, {"data": [{"id": "ours"}]}),
        ({"voices": [{"voice_id": "theirs"}], "more": 1}, {"voices": [], "more": 1}),
        ([{"name": "projects/1/voices/theirs"}, 2], [2]),
        ({"id": "theirs"}, {"id": "theirs"}),
    ],
)
@pytest.mark.parametrize("pieces", [1, 3])
def test_lists_lose_what_another_team_made(told: object, shown: object, pieces: int) -> None:
    body, written = json.dumps(told).encode(), Written()
    reply = hiding(written)
    if pieces == 1:
        reply.whole(200, b"", body)
    else:
        reply.begin(200, b"", b"")
        reply.push(body[:5])
        reply.finish(body[5:])
    assert json.loads(written.body) == shown


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"RIFF theirs"), (200, b'[{"id":"theirs"}'), (404, b'{"data":[{"id":"theirs"}]}')],
)
def test_sound_broken_json_and_errors_pass_as_they_came(status: int, body: bytes) -> None:
    written = Written()
    hiding(written).whole(status, b"", body)
    assert (written.status, written.body) == (status, body)


def test_an_answer_that_breaks_off_before_its_first_byte_still_has_its_head() -> None:
    written = Written()
    reply = hiding(written)
    reply.begin(200, b"", b"")
    reply.cut()
    assert (written.status, written.body, written.was_cut) == (200, b"", True)
