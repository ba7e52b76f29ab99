"""Requests that poll for an answer: the provider returned 202, and an id for polling."""

import re

from msgspec import Struct

from stockyard.core.response import Raw

ACCEPTED = 202

_NAME = re.compile(rb"[A-Za-z0-9_-]{1,64}")
"""An id. It becomes part of a path, so it must contain nothing else."""


class Pending(Exception):
    """The provider has accepted a call, and has not answered it yet."""

    def __init__(self, name: bytes) -> None:
        super().__init__()
        self.name = name


class Polling(Struct, frozen=True, eq=False):
    field: bytes
    """The header field with the id."""
    before: bytes
    """The head of a poll up to the id."""
    after: bytes
    """The head after the id."""

    def check(self, raw: Raw) -> None:
        """Raises Pending if this is not the answer yet."""
        name = dict(raw.fields).get(self.field, b"") if raw.status == ACCEPTED else b""
        if _NAME.fullmatch(name):
            raise Pending(name)

    def head(self, name: bytes) -> bytes:
        return b"%b%b%b\r\n" % (self.before, name, self.after)
