"""How a call has ended: what tests of every ending look at."""

from collections.abc import Callable
from typing import Any

from stockyard.testing.heard import Heard
from stockyard.testing.yard import MESSAGES, Yard

Asking = Callable[..., Any]


async def ended_once(yard: Yard, *, status: int) -> None:
    """Exactly one end was announced, with this status, and nothing goes on."""
    assert await yard.quiet()
    assert [call.status for call in yard.calls] == [status]
    assert yard.stockyard.office.running == set()


async def ended(yard: Yard, calls: int, status: int) -> None:
    """So many calls have ended, each once, and the last of them so."""
    assert await yard.ended(calls)
    assert await yard.quiet()
    assert len(yard.calls) == calls
    assert yard.last.status == status


def assert_interrupted(answer: Heard) -> None:
    """The stream says that it is not complete, and HTTP comes to its proper end."""
    assert answer.status == 200
    assert answer.error is not None
    assert not answer.ended
    assert answer.complete


def assert_in_dialect(path: str, body: bytes, kind: str, code: str) -> None:
    """An error is told in the words of the path, Messages or chats."""
    if path == MESSAGES:
        assert b'{"type":"error","error":{"type":"%b"' % kind.encode() in body
    else:
        assert b'"code":"%b"' % code.encode() in body
        assert body.startswith(b'{"error":{"message":')
