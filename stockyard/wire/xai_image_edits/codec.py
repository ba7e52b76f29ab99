"""xAI's image edits: asked in JSON of its own, answered as OpenAI's."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from stockyard.core.images import ImagesContent
from stockyard.core.request import Request
from stockyard.errors import Refused
from stockyard.wire import strict
from stockyard.wire.codec import Addressee, Dropped
from stockyard.wire.drops import Drops
from stockyard.wire.media import sniffed, to_data_url
from stockyard.wire.multipart import Form
from stockyard.wire.openai_images.codec import ImagesCodec
from stockyard.wire.openai_images.request import GIVEN
from stockyard.wire.upload import form_in

FORMAT = "xai.image_edits"
_SAID = ("n", "response_format", "user")
"""What may be said besides model, prompt and images."""
MAX_INLINE = 20 * 1024 * 1024
"""Bytes of all images of a form. They become text, and that is held in memory."""


class XaiImageEditsCodec(ImagesCodec):
    name = FORMAT

    def write_request(self, request: Request, to: Addressee, /) -> Dropped:
        content, drops = request.read_as(ImagesContent), Drops(FORMAT)
        form = form_in(content.original, max_parts=self.max_parts)
        if form is None:
            given = strict.parse(content.original)
            urls = list(_urls_in(given, drops))
        else:
            given = _fields_of(form)
            urls = list(_urls_of(form, content.original))
        drops.add(*(given.keys() - {*_SAID, *GIVEN, "model", "prompt", "stream"}))
        body: dict[str, Any] = {"model": request.model, "prompt": content.prompt or ""}
        body |= {name: given[name] for name in _SAID if given.get(name) is not None}
        body["images"] = [{"type": "image_url", "url": url} for url in urls]
        return Dropped(msgspec.json.encode(body), drops.names)


def _fields_of(form: Form) -> dict[str, Any]:
    """What a form says in words, and what it brings besides images."""
    fields: dict[str, Any] = {part.name: "" for part in form.parts}
    for name in _SAID:
        fields[name] = form.number(name) if name == "n" else form.text(name)
    return {name: value for name, value in fields.items() if value is not None}


def _urls_of(form: Form, body: bytes) -> Iterator[str]:
    room = MAX_INLINE
    for part in form.parts:
        if part.is_file and part.name in GIVEN:
            room -= part.end - part.start
            if room < 0:
                raise _too_large()
            data = b64encode(body[part.start : part.end]).decode()
            yield to_data_url(sniffed(data, "image/png"), data)


def _too_large() -> Refused:
    message = f"This provider takes images only as text, and at most {MAX_INLINE} bytes here."
    return Refused(413, "body_too_large", message, param="image")


def _urls_in(given: dict[str, Any], drops: Drops) -> Iterator[str]:
    for item in given.get("images") or ():
        # The first is how OpenAI spells it, the second how xAI does.
        url = (item.get("image_url") or item.get("url")) if isinstance(item, dict) else None
        if isinstance(url, str):
            yield url
        else:
            drops.add("images.file_id")
