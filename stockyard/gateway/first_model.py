"""Find the model that is named in a body which is not decoded otherwise.

The first line of an upload, or the first request of a batch, decides where all of it goes. Nothing
after that is read, however long the body is.
"""

import re

import msgspec

from stockyard.errors import UpstreamError
from stockyard.wire.json_array import Elements, element_of
from stockyard.wire.multipart import start_of_file
from stockyard.wire.resource_names import bare_model

LOOKED_AT = 1024 * 1024
"""Bytes of the file, or of the batch. What is not complete within them is not found."""
_PIECE = 4 * 1024
_LIST = re.compile(rb'\s*\{\s*"requests"\s*:\s*(?=\[)')


class _Line(msgspec.Struct, gc=False):
    """A JSON object that may name a model: the line of a batch, or the call in it."""

    model: str = ""
    body: "_Line | None" = None
    params: "_Line | None" = None
    requests: "list[_Line] | None" = None


class _Named(msgspec.Struct, gc=False):
    model: str = ""


_line = msgspec.json.Decoder(_Line).decode
_named = msgspec.json.Decoder(_Named).decode


def own_model(body: bytes) -> str:
    """The model that the body of a single call names; empty for none."""
    if len(body) > LOOKED_AT:
        return ""
    try:
        named = _named(body[:]).model
    except (ValueError, RecursionError):
        return ""
    return bare_model(named)


def first_model(body: bytes) -> str:
    """The model that is named first in an upload of lines, or in a batch; empty for none."""
    start = start_of_file(body, "file")
    if start is not None:
        text = body[start : start + LOOKED_AT].lstrip().partition(b"\n")[0]
    else:
        text = body[:] if len(body) <= LOOKED_AT else _first_request(body[:LOOKED_AT])
    try:
        line: _Line | None = _line(text)
    except (ValueError, RecursionError):
        return ""
    if line is not None and line.requests:
        line = line.requests[0]
    while line is not None and not line.model and (line.body or line.params):
        line = line.body or line.params
    return line.model if line is not None else ""


def _first_request(beginning: bytes) -> bytes:
    """The first request in the list of a batch; empty if it is not complete."""
    opening = _LIST.match(beginning)
    if opening is None:
        return b""
    elements = Elements()
    for at in range(opening.end(), len(beginning), _PIECE):
        try:
            found = elements.feed(beginning[at : at + _PIECE])
        except UpstreamError:
            return b""
        if found:
            return element_of(found[0])
    return b""
