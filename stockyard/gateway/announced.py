"""Uploads that are announced first, and then sent to an address that the provider gives the caller.

What comes of such an upload is never seen here. So it gets its name here, before it begins, and
the name is the team's.
"""

import secrets
from typing import Any

import msgspec

from stockyard.errors import Refused
from stockyard.gateway.http import Head

COMMAND = b"x-goog-upload-command"
"""The field of a head that announces one."""
NAME_BYTES = 16


def announced(head: Head, body: bytes) -> tuple[str, bytes]:
    """The name that an announced upload gets, and its announcement with that name; no name where
    there is none. Raises Refused (400) for one that brings a name: whose that is, is not known."""
    if b"start" not in (head.field(COMMAND) or b""):
        return "", body
    told = _object(body)
    file = told.get("file") or {}
    if not isinstance(file, dict) or file.get("name"):
        message = "Files are named by the gateway here. Leave the name out; the answer tells it."
        raise Refused(400, "invalid_request", message, param="file.name")
    name = f"files/{secrets.token_hex(NAME_BYTES)}"
    return name, msgspec.json.encode(told | {"file": file | {"name": name}})


def _object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        told = msgspec.json.decode(body[:])
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Refused(400, "json_invalid", "The announcement of an upload is a JSON object.")
    return told
