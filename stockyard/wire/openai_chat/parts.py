"""Parts of a chat message: text, images, audio, files."""

from typing import Any

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Cache,
    Document,
    Extra,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
)
from stockyard.wire.content_list import decode_content_list
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.layout import layout_of, opaque_writer, own_fields, with_layout
from stockyard.wire.media import from_data_url, named, sniffed_sound, to_data_url, unbroken

FORMAT = "openai.chat"

SUMMARY = "summary"
URL = "url"
"""Layout of a file that is given by its address where others give its data."""
FLAT = "flat"
"""Layout of a file that is named beside its type, as Mistral has it."""


def decode_parts(content: Any, path: str) -> tuple[AnyPart, ...]:
    """The parts of a `content` field: null, a string, or a list."""
    return decode_content_list(content, path, _decode_part)


def encode_parts(parts: tuple[AnyPart, ...], drops: Drops) -> list[dict[str, Any]]:
    """Parts as a content list. What chat cannot express is left out and reported in `drops`."""
    return [item for part in parts if (item := encode_part(part, drops)) is not None]


def encode_part(part: AnyPart, drops: Drops) -> dict[str, Any] | None:
    write = _WRITERS.get(type(part))
    item = write(part) if write else None
    if item is None:
        drops.add(f"messages.content.{part.__struct_config__.tag}")
        return None
    drops.foreign(part.extra, "messages.content")
    return {**own_fields(part.extra, FORMAT), **item}


def cache_of(fields: Fields) -> Cache | None:
    """The cache mark among unknown fields. It stays there too, so that it goes back as it came."""
    for key in _CACHE_KEYS:
        mark = fields.rest.get(key)
        if isinstance(mark, dict):
            ttl = mark.get("ttl")
            return Cache(ttl=ttl if isinstance(ttl, str) else None)
    return None


_CACHE_KEYS = ("prompt_cache_breakpoint", "cache_control")


def _decode_part(item: Any, path: str) -> AnyPart:
    fields = Fields(item, path)
    kind = fields.rest.get("type", "text" if "text" in fields.rest else None)
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return Opaque(format=FORMAT, value=item)
    fields.any("type")
    return read(fields)


def _read_text(fields: Fields) -> AnyPart:
    text = fields.required_text("text")
    return Text(text=text, cache=cache_of(fields), extra=fields.left(FORMAT))


def _read_image(fields: Fields) -> AnyPart:
    cache, value = cache_of(fields), fields.any("image_url")
    bare = isinstance(value, str)
    image = Fields({"url": value} if bare else value, fields.at("image_url"))
    url, detail = image.required_text("url"), image.text("detail")
    if image.rest:
        fields.rest["image_url"] = image.rest
    extra = with_layout(fields.left(FORMAT), FORMAT, "bare" if bare else "")
    if media := from_data_url(url):
        return Image(
            data=media.data, media_type=media.media_type, detail=detail, cache=cache, extra=extra
        )
    return Image(url=url, detail=detail, cache=cache, extra=extra)


def _read_audio(fields: Fields) -> AnyPart:
    cache, value = cache_of(fields), fields.any("input_audio")
    if isinstance(value, str):
        # Mistral's own clients send the sound alone.
        return _read_bare_audio(value, cache, fields)
    audio = Fields(value, fields.at("input_audio"))
    data, form = audio.text("data"), audio.text("format")
    if audio.rest:
        fields.rest["input_audio"] = audio.rest
    data = data and unbroken(data)
    return Audio(data=data, format=form, cache=cache, extra=fields.left(FORMAT))


def _read_bare_audio(value: str, cache: Cache | None, fields: Fields) -> AnyPart:
    media = from_data_url(value)
    if media is None and "://" in value[:16]:
        item = {"type": "input_audio", "input_audio": value, **fields.rest}
        return Opaque(format=FORMAT, value=item)
    kind, data = media or (sniffed_sound(value), unbroken(value))
    form = kind.partition("/")[2]
    return Audio(data=data, format=form, cache=cache, extra=fields.left(FORMAT))


def _read_file(fields: Fields) -> AnyPart:
    cache, value = cache_of(fields), fields.any("file")
    if value is None and (flat := fields.text("file_id")):
        extra = with_layout(fields.left(FORMAT), FORMAT, FLAT)
        return Document(file_id=flat, cache=cache, extra=extra)
    file = Fields(value, fields.at("file"))
    data, file_id, name = file.text("file_data"), file.text("file_id"), file.text("filename")
    if file.rest:
        fields.rest["file"] = file.rest
    extra = fields.left(FORMAT)
    if data is None:
        return Document(file_id=file_id, name=name, cache=cache, extra=extra)
    if media := from_data_url(data):
        return Document(
            data=media.data, media_type=media.media_type, name=name, cache=cache, extra=extra
        )
    if "://" in data[:16]:
        # Not documented, and passed on by several providers.
        kind, extra = named(name or data), with_layout(extra, FORMAT, URL)
        return Document(url=data, media_type=kind, name=name, cache=cache, extra=extra)
    # Some clients send the bare base64 text.
    extra = with_layout(extra, FORMAT, "bare")
    kind = "application/pdf"
    return Document(data=unbroken(data), media_type=kind, name=name, cache=cache, extra=extra)


def _read_refusal(fields: Fields) -> AnyPart:
    text = fields.required_text("refusal")
    return Refusal(text=text, extra=with_layout(fields.left(FORMAT), FORMAT, "part"))


def _read_thinking(fields: Fields) -> AnyPart:
    text, signature = thought_in(fields.rest), fields.text("signature")
    fields.any("thinking")
    return Reasoning(
        text=text,
        signature=signature,
        made_by=FORMAT if signature else None,
        extra=with_layout(fields.left(FORMAT), FORMAT, "content"),
    )


def _read_summary(fields: Fields) -> AnyPart:
    # What it says besides its text, signatures among it, stays where it was.
    text = thought_in(fields.rest)
    return Reasoning(
        text=text, made_by=FORMAT, extra=with_layout(fields.left(FORMAT), FORMAT, "content")
    )


def thought_in(item: dict[str, Any]) -> str:
    """The thinking that an entry of a content list holds: `thinking` of texts, or `reasoning` with
    a `summary` of texts."""
    said = item.get("thinking", item.get(SUMMARY))
    pieces = said if isinstance(said, list) else [said]
    texts = [p.get("text") if isinstance(p, dict) else p for p in pieces]
    return "".join(t for t in texts if isinstance(t, str))


def is_reference(item: Any) -> bool:
    """Whether an entry of a content list only says what the text before it rests on."""
    return isinstance(item, dict) and item.get("type") == "reference"


THOUGHTS = frozenset({"thinking", "reasoning"})
"""Types of the entries of a content list that hold thinking."""

_READERS = {
    "text": _read_text,
    "image_url": _read_image,
    "input_audio": _read_audio,
    "file": _read_file,
    "refusal": _read_refusal,
    "thinking": _read_thinking,
    "reasoning": _read_summary,
}


def _write_text(part: Text) -> dict[str, Any]:
    return {"type": "text", "text": part.text}


def _write_image(part: Image) -> dict[str, Any] | None:
    if part.data is not None:
        url = to_data_url(part.media_type or "image/png", part.data)
    elif part.url is not None:
        url = part.url
    else:
        return None
    if layout_of(part.extra, FORMAT) == "bare":
        return {"type": "image_url", "image_url": url}
    image: dict[str, Any] = {"url": url}
    if part.detail is not None:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": _with_inner(part.extra, "image_url", image)}


def _write_audio(part: Audio) -> dict[str, Any] | None:
    if part.data is None:
        return None
    audio = {"data": part.data, "format": part.format or "wav"}
    return {"type": "input_audio", "input_audio": _with_inner(part.extra, "input_audio", audio)}


def _write_document(part: Document) -> dict[str, Any] | None:
    if part.text is not None:
        return {"type": "text", "text": f"{part.title}\n\n{part.text}" if part.title else part.text}
    file: dict[str, Any] = {}
    if part.data is not None:
        bare = layout_of(part.extra, FORMAT) == "bare"
        media_type = part.media_type or "application/pdf"
        file["file_data"] = part.data if bare else to_data_url(media_type, part.data)
    elif part.file_id is not None:
        if layout_of(part.extra, FORMAT) == FLAT:
            return {"type": "file", "file_id": part.file_id}
        file["file_id"] = part.file_id
    elif part.url is not None and layout_of(part.extra, FORMAT) == URL:
        file["file_data"] = part.url
    else:
        return None
    name = part.name or part.title
    if name or (part.file_id is None and FORMAT not in part.extra):
        file["filename"] = name or "document.pdf"
    return {"type": "file", "file": _with_inner(part.extra, "file", file)}


def _write_refusal(part: Refusal) -> dict[str, Any]:
    return {"type": "refusal", "refusal": part.text}


def _write_thinking(part: Reasoning) -> dict[str, Any] | None:
    if layout_of(part.extra, FORMAT) != "content":
        return None
    own = part.extra.get(FORMAT, {})
    if SUMMARY in own:
        said = own if thought_in(own) == part.text else {SUMMARY: [_summed_up(part)]}
        return {"type": "reasoning", SUMMARY: said[SUMMARY]}
    item: dict[str, Any] = {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}
    if part.signature is not None:
        item["signature"] = part.signature
    return item


def _summed_up(part: Reasoning) -> dict[str, Any]:
    return {"type": "summary_text", "text": part.text}


_WRITERS: dict[type[Part], Any] = {
    Text: _write_text,
    Image: _write_image,
    Audio: _write_audio,
    Document: _write_document,
    Refusal: _write_refusal,
    Reasoning: _write_thinking,
    Opaque: opaque_writer(FORMAT),
}


def _with_inner(extra: Extra, key: str, value: dict[str, Any]) -> dict[str, Any]:
    """An inner object with its unknown fields, which are kept under the same key of `extra`."""
    inner = extra.get(FORMAT, {}).get(key)
    return {**value, **inner} if isinstance(inner, dict) else value
