"""Rewrite the body of a call whose path names the model to what the format's own path takes.

Cloud clients omit from the body what their path says, or say something there that the cloud
ignores. After this rewrite no other code needs to know.
"""

import msgspec

from stockyard.gateway.endpoints import Endpoint
from stockyard.wire.members import members_of
from stockyard.wire.openai_images.request import MAX_PARTS as MOST_PARTS
from stockyard.wire.upload import with_model

CLOUDS_VERSION = "anthropic_version"
"""A field of cloud bodies that is a header field on the format's own path."""


def completed(body: bytes, endpoint: Endpoint) -> bytes:
    """The body with the model and stream of the path. The same bytes if nothing changes, or if they
    cannot be parsed, which the codec will report. Raises Refused (400) for a malformed form."""
    if body.startswith(b"--"):
        return with_model(body, endpoint.model, max_parts=MOST_PARTS)
    try:
        members = members_of(body)
    except (ValueError, RecursionError):
        return body
    if members is None:
        return body
    said = {member.key: body[member.start : member.end] for member in members}
    wanted = said | {"model": msgspec.json.encode(endpoint.model)}
    wanted.pop(CLOUDS_VERSION, None)
    if endpoint.stream:
        wanted["stream"] = b"true"
    if wanted == said:
        return body
    fields = (b"%b:%b" % (msgspec.json.encode(key), value) for key, value in wanted.items())
    return b"{%b}" % b",".join(fields)
