"""What a check says of one recording: the same, different for a reason, failed, or nothing."""

from typing import Literal, NamedTuple


class Verdict(NamedTuple):
    kind: Literal["same", "different", "failed", "none"]
    detail: str = ""
    """The reason of a difference, or what went wrong."""


SAME = Verdict("same")
NONE = Verdict("none")
"""The check does not apply."""


def different(reason: str) -> Verdict:
    return Verdict("different", reason)


def failed(what: str) -> Verdict:
    return Verdict("failed", what)
