"""Requests for images: new ones, edits and variations.

Written again, they are what they were with another model or prompt; the images in them stay where
they stand in the original bytes.
"""

import msgspec

from stockyard.core.images import ImagesContent
from stockyard.core.request import Request
from stockyard.wire.codec import Dropped, RequestHead
from stockyard.wire.head import quoted, read_head
from stockyard.wire.upload import form_in, head_of, upload_of, with_texts

FORMAT = "openai.images"
MAX_PARTS = 40
"""An edit takes 16 images, a mask, and as many fields again that say what to do with them."""
GIVEN = frozenset({"image", "image[]", "images", "images[]"})


class _Head(msgspec.Struct, gc=False):
    model: str = ""
    """Optional: the service has a default."""
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET


MOST_WANTED = 128
"""Nobody paints more in one call. What a caller writes there is counted where nothing else is
known, and must neither earn nor cost a fortune."""
_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "stream")


def peek(body: bytes) -> RequestHead:
    form = form_in(body, max_parts=MAX_PARTS)
    if form is not None:
        return head_of(form)
    head = read_head(body, _HEAD, _KEYS)
    return RequestHead(head.model, head.stream is True, wants_usage=True)


def decode_request(body: bytes) -> ImagesContent:
    upload = upload_of(body, max_parts=MAX_PARTS)
    return ImagesContent(
        prompt=upload.text("prompt"),
        given=sum(map(upload.count, GIVEN)),
        wanted=min(max(upload.number("n") or 1, 1), MOST_WANTED),
        original=body,
    )


def encode_request(request: Request) -> Dropped:
    content = request.read_as(ImagesContent)
    texts = {"model": request.model, "prompt": content.prompt}
    return Dropped(with_texts(content.original, texts, max_parts=MAX_PARTS))


def is_edit(body: bytes) -> bool:
    """Whether a request brought images with it, rather than words alone."""
    return decode_request(body).given > 0
