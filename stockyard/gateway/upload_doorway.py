"""The way of a call that brings a file with it: a recording, images, or what nobody here reads.

Its body waits in a file (`spool.py`) while what is asked for is found out, and leaves from there.
"""

from typing import TYPE_CHECKING

from stockyard.core.exchange import Asked, Caller
from stockyard.core.target import Credential
from stockyard.gateway.doorway import Doorway
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.http import Head
from stockyard.gateway.spool import MAX_UPLOAD, Spooling

if TYPE_CHECKING:
    from stockyard.gateway.plane import DataPlane

_FORM, _JSON = b"multipart/form-data", b"application/json"
_WITH_FILES = frozenset({"audio", "images"})


def brings_file(head: Head, endpoint: Endpoint) -> bool:
    """Whether a body below this head may be large, and is not read but where a form says things."""
    if endpoint.kind == "passthrough":
        return True
    return endpoint.kind in _WITH_FILES and _type_of(head).startswith(_FORM)


def _type_of(head: Head) -> bytes:
    return (head.field(b"content-type") or b"").lower()


class UploadDoorway(Doorway, Spooling):
    def __init__(
        self,
        plane: "DataPlane",
        head: Head,
        endpoint: Endpoint,
        caller: Caller,
        asked: Asked,
        own: Credential | None,
    ) -> None:
        super().__init__(plane, head, endpoint, caller, asked, own)
        self.spool = plane.spool
        if not _type_of(head).startswith(_JSON):
            self.max_body = MAX_UPLOAD
