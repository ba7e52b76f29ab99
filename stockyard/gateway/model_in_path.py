"""The body of a call whose path names the model, as it would be on the format's own path.

Clients in the mode of a cloud leave out of the body what their path says, or say there something
that the cloud ignores. From here on nobody needs to know.
"""

import msgspec

from stockyard.gateway.endpoints import Endpoint
from stockyard.wire.members import members_of
from stockyard.wire.openai_images.request import MAX_PARTS as MOST_PARTS
from stockyard.wire.upload import with_model

CLOUDS_VERSION = "anthropic_version"
"""Said in the body where the format's own path has a header field for it."""


def completed(body: bytes, endpoint: Endpoint) -> bytes:
    """The very same bytes when they say what the path says, or when they cannot be understood: then
    the format's codec tells the caller why. Raises Refused (400) for a malformed form."""
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
