"""What an answer names that was made along with it, however its answer comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.exchange import Exchange
from stockyard.gateway.noticing import ANSWERS, KEPT_CHATS, MOST_BYTES, RUN_CODE, Notice, Noticing
from tests.builders import an_exchange

EVENTS = b"content-type: text/event-stream\r\n"
CONTAINER = {"container": {"id": "container_1"}}
FILES = {"content": [{"content": {"content": [{"file_id": "a"}, {"file_id": "b"}]}}]}


class Heard:
    """A Reply that keeps what it is told."""

    def __init__(self) -> None:
        self.body = b""

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self.body = body

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self.body += first

    def push(self, data: bytes) -> None:
        self.body += data

    def finish(self, last: bytes = b"") -> None:
        self.body += last

    def cut(self) -> None: ...


def watching(notice: Notice) -> tuple[Noticing, Heard, list[str]]:
    heard, held = Heard(), []

    def hold(x: Exchange, thing: str) -> None:
        held.append(thing)

    noticing = Noticing(heard, notice, hold)
    noticing.x = an_exchange()
    return noticing, heard, held


@pytest.mark.parametrize(
    ("notice", "answer", "named"),
    [
        (RUN_CODE, CONTAINER, ["container_1"]),
        (RUN_CODE, FILES, ["a", "b"]),
        (RUN_CODE, {"content": [{"type": "tool_use", "input": CONTAINER}]}, []),
        (RUN_CODE, {"content": [{"type": "text", "text": json.dumps(CONTAINER)}]}, []),
        (KEPT_CHATS, {"id": "chatcmpl-1", "choices": [{"id": "x"}]}, ["chatcmpl-1"]),
        (ANSWERS, {"output": [{"container_id": "c"}], "metadata": {"container_id": "d"}}, ["c"]),
        (ANSWERS, {"output": [{"environment": {"container_id": "c"}}]}, ["c"]),
        (ANSWERS, {"tools": [{"container": "c"}], "output": "odd"}, []),
        (KEPT_CHATS, {"id": 1}, []),
        (KEPT_CHATS, [], []),
    ],
)
@pytest.mark.parametrize("relayed", [False, True])
def test_names_are_found_where_only_a_provider_writes(
    notice: Notice, answer: object, named: list[str], relayed: bool
) -> None:
    noticing, heard, held = watching(notice)
    body = json.dumps(answer).encode()
    if relayed:
        noticing.begin(200, b"", body[:3])
        noticing.push(body[3:])
        noticing.finish()
    else:
        noticing.whole(200, b"", body)
    assert (held, heard.body) == (named, body)


def stream(*said: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in said)


@given(st.lists(st.integers(0, 400), max_size=6))
def test_a_stream_is_read_however_it_is_cut(cuts: list[int]) -> None:
    told = stream({"message": CONTAINER}, {"content_block": FILES["content"][0]}, {"delta": {}})
    noticing, heard, held = watching(RUN_CODE)
    noticing.begin(200, EVENTS, b"")
    at = 0
    for cut in sorted(cuts):
        noticing.push(told[at:cut])
        at = max(at, cut)
    noticing.finish(told[at:])
    assert (held, heard.body) == (["container_1", "a", "b"], told)


def test_the_first_name_of_a_kept_chat_is_its_name() -> None:
    noticing, _, held = watching(KEPT_CHATS)
    noticing.begin(200, EVENTS, stream({"id": "first"}, {"id": "second"}))
    assert held == ["first"]


@pytest.mark.parametrize("fields", [EVENTS, b""])
def test_an_answer_too_large_to_be_looked_at_passes(fields: bytes) -> None:
    noticing, heard, held = watching(KEPT_CHATS)
    body = b'data: {"id":"x","a":"%b"}' % (b"y" * MOST_BYTES)
    noticing.begin(200, fields, body)
    noticing.finish(b"\n\n")
    assert (held, heard.body) == ([], body + b"\n\n")


def test_an_error_names_nothing() -> None:
    noticing, _, held = watching(KEPT_CHATS)
    noticing.whole(400, b"", b'{"id": "x"}')
    assert not held
