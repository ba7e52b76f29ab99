"""Requests: those of Messages, with the model and whether to stream in the path."""

import msgspec

from stockyard.core.request import Content, Request
from stockyard.wire.anthropic_messages import request
from stockyard.wire.codec import Dropped, Traits

VERSION = "bedrock-2023-05-31"
"""What a request says that was translated to this format (the client could not)."""

_IN_THE_PATH = ("model", "stream")


def decode_request(body: bytes) -> Content:
    return request.decode_request(body)


def encode_request(request_: Request, *, features: Traits, max_output: int | None) -> Dropped:
    fields, dropped = request.encode_fields(request_, features=features, max_output=max_output)
    body = {key: value for key, value in fields.items() if key not in _IN_THE_PATH}
    return Dropped(msgspec.json.encode({"anthropic_version": VERSION, **body}), dropped)
