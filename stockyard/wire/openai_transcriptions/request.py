"""Requests for transcriptions. Written again, they are what they were with another model or prompt.

The recording stays where it stands in the original bytes.
"""

import msgspec

from stockyard.core.request import Request
from stockyard.core.transcription import TranscriptionContent
from stockyard.wire.codec import Dropped, RequestHead
from stockyard.wire.head import quoted, read_head
from stockyard.wire.multipart import Form
from stockyard.wire.recordings import seconds_of
from stockyard.wire.upload import Upload, form_in, head_of, upload_of, with_texts

FORMAT = "openai.transcriptions"
_SAMPLE = 256 * 1024
"""Of the beginning and of the end of a recording: one of the two has its headers."""


class _Head(msgspec.Struct, gc=False):
    """Some providers take the recording in a JSON object too."""

    model: str | None = None
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "stream")


def peek(body: bytes) -> RequestHead:
    form = form_in(body)
    if form is not None:
        return head_of(form)
    head = read_head(body, _HEAD, _KEYS)
    return RequestHead(head.model or "", head.stream is True, wants_usage=True)


def decode_request(body: bytes) -> TranscriptionContent:
    upload = upload_of(body)
    return TranscriptionContent(
        prompt=upload.text("prompt"), seconds=_seconds(body, upload), original=body
    )


def encode_request(request: Request) -> Dropped:
    content = request.read_as(TranscriptionContent)
    texts = {"model": request.model, "prompt": content.prompt}
    return Dropped(with_texts(content.original, texts))


def _seconds(body: bytes, upload: Upload) -> int:
    part = upload.file("file") if isinstance(upload, Form) else None
    if part is None:
        return 0
    size = part.end - part.start
    if size <= 2 * _SAMPLE:
        return seconds_of(body[part.start : part.end], size)
    ends = body[part.start : part.start + _SAMPLE] + body[part.end - _SAMPLE : part.end]
    return seconds_of(ends, size)
