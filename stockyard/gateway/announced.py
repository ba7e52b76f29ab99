"""Resumable uploads: announced through us, then sent to an address that the provider issues.

Such an upload does not pass through us, so only the caller learns its id. We remember that the team
announced one, and the id that it asks for next becomes the team's (`HeldIds.claim`).
"""

import msgspec

from stockyard.gateway.http import Head

COMMAND = b"x-goog-upload-command"
"""The header field that announces an upload."""


class _File(msgspec.Struct):
    name: str = ""


class _Announcement(msgspec.Struct):
    file: _File | None = None


def announces(head: Head) -> bool:
    return b"start" in (head.field(COMMAND) or b"")


def named_in(body: bytes) -> str:
    """The name that the caller chose for the upload; usually empty."""
    try:
        announced = msgspec.json.decode(body[:], type=_Announcement)
    except (ValueError, RecursionError):
        return ""
    return announced.file.name if announced.file is not None else ""
