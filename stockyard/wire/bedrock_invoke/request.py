"""Requests: those of Messages, with the model and whether to stream in the path, and with the
version and the betas in the body, which elsewhere are header fields."""

import msgspec
from msgspec.structs import replace

from stockyard.core.request import Content, Request
from stockyard.wire.anthropic_messages import request
from stockyard.wire.anthropic_messages.blocks import FORMAT as MESSAGES
from stockyard.wire.codec import Dropped, Traits
from stockyard.wire.layout import own_fields

FORMAT = "bedrock.invoke"
VERSION = "bedrock-2023-05-31"
"""What a request says that was translated to this format (the client could not)."""

_IN_THE_PATH = ("model", "stream")
_HEAD_ELSEWHERE = ("anthropic_version", "anthropic_beta")


def decode_request(body: bytes) -> Content:
    content = request.decode_request(body)
    messages = content.extra.get(MESSAGES, {})
    here = {key: messages[key] for key in _HEAD_ELSEWHERE if key in messages}
    if not here:
        return content
    rest = {key: value for key, value in messages.items() if key not in here}
    return replace(content, extra={**content.extra, MESSAGES: rest, FORMAT: here})


def encode_request(request_: Request, *, features: Traits, max_output: int | None) -> Dropped:
    content = request_.content
    own = own_fields(content.extra, FORMAT)
    if own:
        extra = {name: fields for name, fields in content.extra.items() if name != FORMAT}
        request_ = request_.with_content(replace(content, extra=extra))
    fields, dropped = request.encode_fields(request_, features=features, max_output=max_output)
    body = {key: value for key, value in fields.items() if key not in _IN_THE_PATH}
    return Dropped(msgspec.json.encode({"anthropic_version": VERSION, **own, **body}), dropped)
