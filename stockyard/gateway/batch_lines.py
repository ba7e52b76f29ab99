"""Find the ids that the lines of a batch name. Each line is a call that its provider makes later.

A file that is uploaded for a batch is searched before it is forwarded, because its calls do not
pass through us. Other files are data, whatever they contain.
"""

from collections.abc import Iterator

from stockyard.errors import Refused
from stockyard.gateway.named import RESPONSES, Naming
from stockyard.wire.multipart import boundary_in, read_form

PIECE = 1024 * 1024
MOST_LINE = 16 * 1024 * 1024
CALLS = Naming(
    RESPONSES.fields | {"previous_response_id", "conversation"},
    (*RESPONSES.marks, b'"previous_response_id', b'"conversation'),
    bare=True,
)


def named_in(body: bytes) -> list[str]:
    """The ids in the lines of an upload, each once; none if it is not for a batch. Raises Refused
    (400) for ambiguous JSON."""
    boundary = boundary_in(body)
    if boundary is None:
        return []
    form = read_form(body, boundary)
    file = form.file("file")
    if file is None or form.text("purpose") != "batch":
        return []
    found: dict[str, None] = {}
    for piece in _pieces(body, file.start, file.end):
        if CALLS.may_be_in(piece):
            for line in piece.split(b"\n"):
                found.update(dict.fromkeys(CALLS.named_in(line)))
    return list(found)


def _pieces(body: bytes, start: int, end: int) -> Iterator[bytes]:
    """The file, in pieces of whole lines."""
    begun = b""
    while start < end:
        piece = begun + body[start : min(start + PIECE, end)]
        start += PIECE
        whole, newline, begun = piece.rpartition(b"\n")
        if len(begun) > MOST_LINE:
            message = f"A line of the file has more than {MOST_LINE} bytes."
            raise Refused(400, "invalid_request", message, param="file")
        if newline:
            yield whole
    if begun:
        yield begun
