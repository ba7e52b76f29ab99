"""Requests for transcriptions. Written again, they are what they were with another model or prompt.

The recording stays where it stands in the original bytes.
"""

import msgspec

from stockyard.core.request import Request
from stockyard.core.transcription import TranscriptionContent
from stockyard.wire.codec import Dropped, RequestHead
from stockyard.wire.head import quoted, read_head
from stockyard.wire.upload import form_in, head_of, upload_of, with_texts


class _Head(msgspec.Struct, gc=False):
    """Some providers take the recording in a JSON object too."""

    model: str
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "stream")


def peek(body: bytes) -> RequestHead:
    form = form_in(body)
    if form is not None:
        return head_of(form)
    head = read_head(body, _HEAD, _KEYS)
    return RequestHead(head.model, head.stream is True, wants_usage=True)


def decode_request(body: bytes) -> TranscriptionContent:
    upload = upload_of(body)
    return TranscriptionContent(prompt=upload.text("prompt"), original=body)


def encode_request(request: Request) -> Dropped:
    content = request.read_as(TranscriptionContent)
    texts = {"model": request.model, "prompt": content.prompt}
    return Dropped(with_texts(content.original, texts))
