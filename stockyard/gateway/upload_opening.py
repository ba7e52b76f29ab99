"""An Opening for bodies with files: recordings, images, and bodies without a codec.

Such a body may be larger than others, because it is collected in a file (`spool.py`) and sent from
there.
"""

from stockyard.errors import Refused
from stockyard.gateway.contract import Opening, Reply, Running, Whole
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.http import Head
from stockyard.gateway.spool import Spool, Spooling

_FORM, _JSON = b"multipart/form-data", b"application/json"
_WITH_FILES = frozenset({"audio", "images"})


def brings_file(head: Head, endpoint: Endpoint) -> bool:
    """Whether a body with this head is not decoded, or is a form with files."""
    if endpoint.kind == "passthrough":
        return True
    return endpoint.kind in _WITH_FILES and _type_of(head).startswith(_FORM)


class UploadOpening(Spooling):
    def __init__(self, opening: Opening, head: Head, spool: Spool, max_upload: int) -> None:
        self._opening = opening
        self.spool = spool
        is_json = _type_of(head).startswith(_JSON)
        self.max_body = opening.max_body if is_json else max_upload

    def start(self, reply: Reply, body: bytes) -> Running | None:
        return self._opening.start(reply, body)

    def refuse(self, refusal: Refused) -> Whole:
        return self._opening.refuse(refusal)


def _type_of(head: Head) -> bytes:
    return (head.field(b"content-type") or b"").lower()
