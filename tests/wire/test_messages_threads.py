"""Messages that ask the provider to keep the conversation (`thread`)."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.wire.anthropic_messages.threads import UNSUPPORTED, asks_for_thread
from stockyard.wire.codec import Fault
from stockyard.wire.formats import FORMATS

MESSAGES = FORMATS["anthropic.messages"]
NONE: frozenset[str] = frozenset()
BEGUN = {"type": "create"}


def asking(**more: Any) -> bytes:
    turns = [{"role": "user", "content": "Go"}]
    return json.dumps({"model": "m", "max_tokens": 5, "messages": turns, **more}).encode()


@pytest.mark.parametrize("thread", [BEGUN, {"type": "continue", "previous_message_id": "msg_1"}])
def test_such_a_request_is_tied_to_its_format_and_keeps_the_field_there(thread: Any) -> None:
    content = MESSAGES.decode_request(asking(thread=thread))
    assert content.tie is not None
    assert (content.tie.code, content.tie.param) == (UNSUPPORTED, "thread")
    again = MESSAGES.encode_request(
        Request(model="m", content=content), features=NONE, traits=NONE, max_output=None
    )
    assert json.loads(again.body)["thread"] == thread


@pytest.mark.parametrize("more", [{}, {"thread": None}])
def test_any_other_request_is_not(more: dict[str, Any]) -> None:
    assert MESSAGES.decode_request(asking(**more)).tie is None


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        (asking(thread=BEGUN), True),
        (asking(thread=BEGUN).replace(b'"thread"', b'"\\u0074hread"'), True),
        (asking(thread=None), False),
        (asking(metadata={"thread": "x"}), False),
        (b'{"thread":', False),
        (b"[1]", False),
    ],
)
def test_the_field_is_seen_however_it_is_spelled(body: bytes, asks: bool) -> None:
    assert asks_for_thread(body) == asks


@pytest.mark.parametrize(("code", "told"), [(UNSUPPORTED, True), ("invalid_request", False)])
def test_official_clients_find_the_word_in_the_details(code: str, told: bool) -> None:
    fault = Fault(status=400, kind="bad_request", code=code, message="No.")
    error = json.loads(MESSAGES.encode_error(fault).body)["error"]
    assert error.get("details") == ({"error_code": UNSUPPORTED} if told else None)
