"""Uploads that are announced first, and then sent to an address that the provider gives the caller.

What comes of such an upload is never seen here, so its id is told to the caller alone. That the
team began one is remembered, and the id that it asks for then is the team's (`HeldIds.claim`).
"""

import msgspec

from stockyard.gateway.http import Head

COMMAND = b"x-goog-upload-command"
"""The field of a head that announces one."""


class _File(msgspec.Struct):
    name: str = ""


class _Announcement(msgspec.Struct):
    file: _File | None = None


def announces(head: Head) -> bool:
    return b"start" in (head.field(COMMAND) or b"")


def named_in(body: bytes) -> str:
    """The name that the caller gives what it announces; usually none."""
    try:
        told = msgspec.json.decode(body[:], type=_Announcement)
    except (ValueError, RecursionError):
        return ""
    return told.file.name if told.file is not None else ""
