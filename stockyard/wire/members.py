"""Locate the members of a JSON object in its bytes.

The parser skips the values at a gigabyte a second and says how long each is; their places follow
by walking from member to member.
"""

import re
from typing import NamedTuple

import msgspec

from stockyard.wire.strict import MAX_KEYS, MAX_VALUES, not_json, without_strings

_BETWEEN = re.compile(rb"[ \t\r\n]*")
_KEY = re.compile(rb'[ \t\r\n]*"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_OPENING = re.compile(rb"[ \t\r\n]*\{")
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Member(NamedTuple):
    key: str
    start: int
    end: int
    """Where its value stands."""


def members_of(body: bytes) -> list[Member] | None:
    """All members in their order; None when a key is repeated.

    Raises the parser's own errors for what is not a JSON object, and Refused (400) for one with
    more members than any may have.
    """
    check_width(body)
    values = _decode(body)
    if len(values) > MAX_KEYS:
        raise not_json(f"The JSON body has more than {MAX_KEYS} keys.")
    opening = _OPENING.match(body)
    position = opening.end() if opening else 0
    members = []
    for key, raw in values.items():
        quoted = _KEY.match(body, position)
        value = memoryview(raw)
        # The parser keeps the last of a repeated key, so the walk and it then disagree.
        if quoted is None or not body.startswith(value, quoted.end()):
            return None
        members.append(Member(key, quoted.end(), quoted.end() + value.nbytes))
        position = _after_blanks(body, members[-1].end) + 1
    last = position - 1 if members else _after_blanks(body, position)
    return members if body[last : last + 1] == b"}" else None


def check_width(body: bytes) -> None:
    """Refuse a body with so many keys that taking it apart would take too much memory.

    Numbers do not count: a request for embeddings may hold millions.
    """
    if len(body) < MAX_VALUES or body.count(b",") < MAX_VALUES:
        return
    if without_strings(body, MAX_VALUES).count(b":") > MAX_VALUES:
        raise not_json(f"The JSON body holds more than {MAX_VALUES} keys.")


def _after_blanks(body: bytes, position: int) -> int:
    blanks = _BETWEEN.match(body, position)
    return blanks.end() if blanks else position
