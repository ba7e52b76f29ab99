"""Fold an answer that came as a stream although a whole one was requested.

Some servers always stream, so clients that request a whole answer would never get one from them.
"""

from stockyard.core.folding import Folder
from stockyard.core.response import Response
from stockyard.errors import StockyardError
from stockyard.wire.codec import Codec, Traits

MAX_BODY = 16 * 1024 * 1024
PIECE = 64 * 1024
MAX_LINES = 400_000
"""Those of a hundred thousand events. Nothing else happens while they are folded."""


def folded(codec: Codec, body: bytes, traits: Traits) -> Response | None:
    """The folded answer; None if the body is not a stream, an incomplete one or one too long."""
    if len(body) > MAX_BODY or body.count(b"\n") + body.count(b"\r") > MAX_LINES:
        return None
    reader, folder = codec.reader(traits=traits), Folder()
    try:
        for start in range(0, len(body), PIECE):
            for event in reader.feed(body[start : start + PIECE]):
                folder.add(event)
        for event in reader.end():
            folder.add(event)
    except StockyardError:
        return None
    output, usage = folder.result()
    return Response(output, usage=usage) if reader.complete and output.choices else None
