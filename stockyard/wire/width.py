"""Refuse what a provider sends if taking it apart would hold up all other calls.

Texts, sound and images may fill an event or an answer: they cost next to nothing. What costs is how
many things are told apart, up to a microsecond and several hundred bytes each, and three bytes are
enough for one. Real answers have at least twenty for each, even where they consist of nothing but
the probabilities of tokens.
"""

from collections.abc import Sized
from typing import Any

from stockyard.errors import UpstreamError
from stockyard.wire.skeleton import outside_strings, without_escaped_quotes

LARGE = 64 * 1024
"""A document of no more bytes than that is never looked at here."""
MAX_THINGS = 100_000
"""Objects, arrays and texts in arrays, in one document, except those that tell probabilities."""
MAX_KEYS = 10_000
"""Keys of one object, in a document that has very many of them."""
MAX_OPEN = 32_768
"""Choices, calls or parts of one answer that are remembered at the same time."""
MAX_AT_ONCE = 65_536
"""Events of ours that one read may become. Ten thousand items in one event become half as many."""
MAX_EVENTS = 1_000_000
"""Events of one stream."""

FEW = 32_768
"""So many objects and arrays may any document have, and twice as many keys."""
BYTES_PER_THING = 16
_BYTES_PER_KEY = 12
_THINGS = (dict, list)
_LISTED = (dict, list, str)
_PROBABILITIES = frozenset({"logprobs", "top_logprobs", "logprobsResult"})
"""What stands under these names goes on as it came."""


def weighed(document: bytes) -> bytes:
    """The same, if it may be decoded. Raises `bad_answer` for JSON of which too little is text."""
    if len(document) > LARGE:
        _check_density(document)
    return document


def check_things(document: bytes, value: Any) -> None:
    """Raise `bad_answer` if this value, decoded from a LARGE document, has more than MAX_THINGS."""
    if _things_in(document) <= MAX_THINGS and document.count(b'"') <= 2 * MAX_THINGS:
        return
    found, level = 0, [value]
    while level:
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                if len(item) > MAX_KEYS:
                    raise too_much("parts")
                below += [
                    inner
                    for name, inner in item.items()
                    if type(inner) in _THINGS and name not in _PROBABILITIES
                ]
            elif type(item) is list:
                below += [inner for inner in item if type(inner) in _LISTED]
        found += len(below)
        if found > MAX_THINGS:
            raise too_much("parts")
        level = below


def check_room(held: Sized) -> None:
    """Raise `bad_answer` if no more may be remembered along with what is held."""
    if len(held) >= MAX_OPEN:
        raise too_much("parts")


def too_much(noun: str) -> UpstreamError:
    return UpstreamError(
        "bad_answer", f"The provider's answer has too many {noun}.", code="limit_exceeded"
    )


def _check_density(document: bytes) -> None:
    size = len(document)
    things = max(FEW, size // BYTES_PER_THING)
    keys = max(2 * FEW, size // _BYTES_PER_KEY)
    if _things_in(document) <= things and document.count(b":") <= keys:
        return
    # Texts may hold any number of brackets and colons, so count again without them.
    for piece in outside_strings(without_escaped_quotes(document)):
        things -= _things_in(piece)
        keys -= piece.count(b":")
        if things < 0 or keys < 0:
            raise too_much("parts")


def _things_in(document: bytes) -> int:
    return document.count(b"{") + document.count(b"[")
