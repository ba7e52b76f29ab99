"""Parts of a message: text, images, and the documents that a tool found."""

from typing import Any

import msgspec

from stockyard.core.messages import (
    AnyPart,
    Document,
    Extra,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    Text,
)
from stockyard.wire.arguments import compact
from stockyard.wire.content_list import decode_content_list
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.layout import layout_of, opaque_writer, own_fields, with_layout
from stockyard.wire.media import from_data_url, to_data_url

FORMAT = "cohere.chat"

BARE = "bare"
"""Layout of an image whose address was no object."""
DOCUMENT, DOCUMENT_TEXT = "document", "document_text"
"""Layouts of a text that came as a document: as an object, or as a string."""


def decode_parts(content: Any, path: str) -> tuple[AnyPart, ...]:
    """The parts of a `content` field: null, a string, or a list."""
    return decode_content_list(content, path, _decode_part)


def encode_parts(parts: tuple[AnyPart, ...], drops: Drops) -> list[dict[str, Any]]:
    """Parts as a content list. What the format cannot express is reported in `drops`."""
    return [item for part in parts if (item := _encode_part(part, drops)) is not None]


def document_of(part: Document) -> dict[str, Any] | None:
    """A document of text as an entry of the request's `documents`; None for a file."""
    if part.text is None:
        return None
    title = part.title or part.name
    return {"data": {**({"title": title} if title else {}), "text": part.text}}


def thought(part: Reasoning) -> str:
    """A thinking part as this format has it: text only, since nothing is signed."""
    return part.text or "".join(part.summary)


def _decode_part(item: Any, path: str) -> AnyPart:
    fields = Fields(item, path)
    kind = fields.any("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    return Opaque(format=FORMAT, value=item) if read is None else read(fields)


def _read_text(fields: Fields) -> AnyPart:
    return Text(text=fields.required_text("text"), extra=fields.left(FORMAT))


def _read_thinking(fields: Fields) -> AnyPart:
    return Reasoning(text=fields.text("thinking") or "", extra=tagged(fields))


def _read_image(fields: Fields) -> AnyPart:
    value = fields.any("image_url")
    bare = isinstance(value, str)
    image = Fields({"url": value} if bare else value, fields.at("image_url"))
    url, detail = image.required_text("url"), image.text("detail")
    if image.rest:
        fields.rest["image_url"] = image.rest
    extra = with_layout(fields.left(FORMAT), FORMAT, BARE if bare else "")
    if media := from_data_url(url):
        return Image(data=media.data, media_type=media.media_type, detail=detail, extra=extra)
    return Image(url=url, detail=detail, extra=extra)


def _read_document(fields: Fields) -> AnyPart:
    """As text, which every other format has a place for."""
    document = Fields(fields.any("document"), fields.at("document"))
    data = document.any("data")
    if document.rest:
        fields.rest["document"] = document.rest
    said = isinstance(data, str)
    extra = with_layout(fields.left(FORMAT), FORMAT, DOCUMENT_TEXT if said else DOCUMENT)
    return Text(text=data if said else compact(data), extra=extra)


_READERS = {
    "text": _read_text,
    "thinking": _read_thinking,
    "image_url": _read_image,
    "document": _read_document,
}


def tagged(fields: Fields) -> Extra:
    """Tagged even when empty: the tag tells that the thinking came in this format."""
    return {FORMAT: fields.rest}


def _encode_part(part: AnyPart, drops: Drops) -> dict[str, Any] | None:
    write = _WRITERS.get(type(part))
    item = write(part) if write else None
    if item is None:
        drops.add(f"messages.content.{part.__struct_config__.tag}")
        return None
    drops.foreign(part.extra, "messages.content")
    return {**own_fields(part.extra, FORMAT), **item}


def _write_text(part: Text) -> dict[str, Any]:
    layout = layout_of(part.extra, FORMAT)
    if layout not in (DOCUMENT, DOCUMENT_TEXT):
        return {"type": "text", "text": part.text}
    data = part.text if layout == DOCUMENT_TEXT else _value(part.text)
    inner = own_fields(part.extra, FORMAT).get("document", {})
    return {"type": "document", "document": {**inner, "data": data}}


def _write_refusal(part: Refusal) -> dict[str, Any]:
    return {"type": "text", "text": part.text}


def _write_thinking(part: Reasoning) -> dict[str, Any] | None:
    text = thought(part)
    if not text and FORMAT not in part.extra:
        return None
    return {"type": "thinking", "thinking": text}


def _write_image(part: Image) -> dict[str, Any] | None:
    if part.data is not None:
        url = to_data_url(part.media_type or "image/png", part.data)
    elif part.url is not None:
        url = part.url
    else:
        return None
    if layout_of(part.extra, FORMAT) == BARE:
        return {"type": "image_url", "image_url": url}
    inner = own_fields(part.extra, FORMAT).get("image_url", {})
    detail = {} if part.detail is None else {"detail": part.detail}
    return {"type": "image_url", "image_url": {**inner, "url": url, **detail}}


_WRITERS: dict[type[Any], Any] = {
    Text: _write_text,
    Refusal: _write_refusal,
    Reasoning: _write_thinking,
    Image: _write_image,
    Opaque: opaque_writer(FORMAT),
}


def _value(text: str) -> Any:
    """A document's fields; a module may have turned them into something that is not JSON."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return text
