"""Content parts of Responses messages: text, images, files, audio, refusals.

What a part's surroundings looked like means nothing elsewhere, so it is remembered in the layout of
the part and never reported as dropped.
"""

from typing import Any

import msgspec

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Document,
    Extra,
    Image,
    Opaque,
    Part,
    Refusal,
    Text,
)
from stockyard.wire.content_list import decode_content_list
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import layout_of, opaque_writer, own_fields, with_layout
from stockyard.wire.media import from_data_url, to_data_url, unbroken
from stockyard.wire.openai_chat.parts import cache_of
from stockyard.wire.surrogates import encode

FORMAT = "openai.responses"

_BESIDE = ("annotations", "logprobs")
"""Fields beside the text of an earlier answer. It decorates; no other format wants it back."""


def remember(extra: Extra, **facts: Any) -> Extra:
    """Store facts about a value's layout in this format."""
    known = {**remembered(extra), **facts}
    return with_layout(extra, FORMAT, encode(known).decode()) if known else extra


def remembered(extra: Extra) -> dict[str, Any]:
    layout = layout_of(extra, FORMAT)
    known: dict[str, Any] = msgspec.json.decode(layout) if layout else {}
    return known


def decode_content(content: Any, path: str) -> tuple[AnyPart, ...]:
    """The parts of a `content` or `output` field: null, a string, or a list."""
    return decode_content_list(content, path, _decode_part)


def encode_content(
    parts: tuple[AnyPart, ...], drops: Drops, *, spoken: bool
) -> list[dict[str, Any]]:
    """Parts as a content list. `spoken`: the model said them, so text is `output_text`."""
    found = (encode_part(part, drops, spoken=spoken) for part in parts)
    return [item for item in found if item is not None]


def encode_part(part: AnyPart, drops: Drops, *, spoken: bool) -> dict[str, Any] | None:
    write = _WRITERS.get(type(part))
    item = write(part) if write else None
    if item is None:
        drops.add(f"input.content.{part.__struct_config__.tag}")
        return None
    drops.foreign(part.extra, "input.content")
    if part.cache is not None and FORMAT not in part.extra:
        drops.add("cache_control")
    if isinstance(part, Text):
        item["type"] = "output_text" if spoken else "input_text"
        item |= remembered(part.extra).get("beside", {})
    return {**own_fields(part.extra, FORMAT), **item}


def is_bare(part: AnyPart) -> bool:
    """Whether a part is text and nothing else, so that a string can stand for it."""
    return isinstance(part, Text) and not part.citations and not own_fields(part.extra, FORMAT)


def type_of(fields: Fields) -> str:
    """The type of an item; `message` if it has none."""
    kind = fields.rest.get("type")
    if kind is not None and not isinstance(kind, str):
        raise FieldError(fields.at("type"), "a string")
    return kind or "message"


def _decode_part(item: Any, path: str) -> AnyPart:
    fields = Fields(item, path)
    kind = fields.rest.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return Opaque(format=FORMAT, value=item)
    fields.any("type")
    return read(fields)


def _read_text(fields: Fields) -> AnyPart:
    text, cache = fields.required_text("text"), cache_of(fields)
    beside = {key: fields.rest.pop(key) for key in _BESIDE if key in fields.rest}
    extra = fields.left(FORMAT)
    if beside:
        extra = remember(extra, beside=beside)
    return Text(text=text, cache=cache, extra=extra)


def _read_image(fields: Fields) -> AnyPart:
    cache = cache_of(fields)
    url, file_id, detail = fields.text("image_url"), fields.text("file_id"), fields.text("detail")
    extra = fields.left(FORMAT)
    if url is not None and (media := from_data_url(url)):
        return Image(
            data=media.data, media_type=media.media_type, detail=detail, cache=cache, extra=extra
        )
    return Image(url=url, file_id=file_id, detail=detail, cache=cache, extra=extra)


def _read_file(fields: Fields) -> AnyPart:
    cache, data, name = cache_of(fields), fields.text("file_data"), fields.text("filename")
    url, file_id = fields.text("file_url"), fields.text("file_id")
    extra = fields.left(FORMAT)
    if data is None:
        return Document(url=url, file_id=file_id, name=name, cache=cache, extra=extra)
    media = from_data_url(data)
    if media is None:
        # Some clients send the bare base64 text.
        extra = remember(extra, bare=True)
        return Document(
            data=unbroken(data), media_type="application/pdf", name=name, cache=cache, extra=extra
        )
    return Document(
        data=media.data, media_type=media.media_type, name=name, cache=cache, extra=extra
    )


def _read_audio(fields: Fields) -> AnyPart:
    audio = Fields(fields.any("input_audio"), fields.at("input_audio"))
    data, form = audio.text("data"), audio.text("format")
    if audio.rest:
        fields.rest["input_audio"] = audio.rest
    return Audio(data=data and unbroken(data), format=form, extra=fields.left(FORMAT))


def _read_refusal(fields: Fields) -> AnyPart:
    return Refusal(text=fields.required_text("refusal"), extra=fields.left(FORMAT))


_READERS = {
    "input_text": _read_text,
    "output_text": _read_text,
    "text": _read_text,
    "input_image": _read_image,
    "input_file": _read_file,
    "input_audio": _read_audio,
    "refusal": _read_refusal,
}


def _write_text(part: Text) -> dict[str, Any]:
    return {"type": "", "text": part.text}


def _write_image(part: Image) -> dict[str, Any] | None:
    item: dict[str, Any] = {"type": "input_image"}
    if part.data is not None:
        item["image_url"] = to_data_url(part.media_type or "image/png", part.data)
    elif part.url is not None:
        item["image_url"] = part.url
    elif part.file_id is not None:
        item["file_id"] = part.file_id
    else:
        return None
    if part.detail is not None:
        item["detail"] = part.detail
    return item


def _write_document(part: Document) -> dict[str, Any] | None:
    if part.text is not None:
        text = f"{part.title}\n\n{part.text}" if part.title else part.text
        return {"type": "input_text", "text": text}
    item: dict[str, Any] = {"type": "input_file"}
    name = part.name or part.title
    if part.data is not None:
        bare = remembered(part.extra).get("bare")
        kind = part.media_type or "application/pdf"
        item["file_data"] = part.data if bare else to_data_url(kind, part.data)
        name = name or (None if bare else "document.pdf")
    elif part.url is not None:
        item["file_url"] = part.url
    elif part.file_id is not None:
        item["file_id"] = part.file_id
    else:
        return None
    return {**item, "filename": name} if name else item


def _write_audio(part: Audio) -> dict[str, Any] | None:
    if part.data is None:
        return None
    inner = own_fields(part.extra, FORMAT).get("input_audio", {})
    audio = {**inner, "data": part.data, "format": part.format or "wav"}
    return {"type": "input_audio", "input_audio": audio}


def _write_refusal(part: Refusal) -> dict[str, Any]:
    return {"type": "refusal", "refusal": part.text}


_WRITERS: dict[type[Part], Any] = {
    Text: _write_text,
    Image: _write_image,
    Document: _write_document,
    Audio: _write_audio,
    Refusal: _write_refusal,
    Opaque: opaque_writer(FORMAT),
}
