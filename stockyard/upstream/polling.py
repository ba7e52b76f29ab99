"""How a provider is asked for an answer that it makes later: it says 202, and a name to ask by."""

import re

from msgspec import Struct

from stockyard.core.response import Raw

ACCEPTED = 202

_NAME = re.compile(rb"[A-Za-z0-9_-]{1,64}")
"""It becomes part of a path, so it must be nothing else."""


class Pending(Exception):
    """The provider has accepted a call, and has not answered it yet."""

    def __init__(self, name: bytes) -> None:
        super().__init__()
        self.name = name


class Polling(Struct, frozen=True, eq=False):
    field: bytes
    """The header field that names what is made."""
    before: bytes
    """The head of a question up to the name, and what follows it."""
    after: bytes

    def check(self, raw: Raw) -> None:
        """Raises Pending for what is no answer yet."""
        name = dict(raw.fields).get(self.field, b"") if raw.status == ACCEPTED else b""
        if _NAME.fullmatch(name):
            raise Pending(name)

    def head(self, name: bytes) -> bytes:
        return b"%b%b%b\r\n" % (self.before, name, self.after)
