"""Parts of a content: text, thoughts, media, calls and their results."""

from collections.abc import Callable
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
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from stockyard.wire.arguments import compact, given_to
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.gemini.names import CALL, FORMAT, MEDIA, PART, fields_of, inside
from stockyard.wire.layout import has_word, layout_of, opaque_writer, own_fields, with_layout
from stockyard.wire.media import from_data_url, sniffed, unbroken
from stockyard.wire.read_out import as_text, is_text, text_of

# Layout words of a part.
EMPTY = "empty"
"""A text that is empty, as the client had it: this format allows that."""
TEXTLESS = "textless"
"""A thought of which only the signature came."""
TYPELESS = "typeless"
"""Media that came without a type."""
UNNAMED = "unnamed"
"""A call or result without an id: here a result may belong to its call by name and order."""
BARE = "bare"
"""A call without arguments, not even empty ones."""
WRAPPED = "wrapped"
"""A result that was the text under `output`."""

_KINDS = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
_MEDIA = ("inlineData", "fileData")
_OUTPUT, _ERROR = "output", "error"

# Other names of types that the neutral form knows by one word.
_AUDIO = {"mpeg": "mp3", "mpga": "mp3", "x-wav": "wav", "wave": "wav", "x-aac": "aac"}
_BY_ENDING = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "mp4": "video/mp4",
}


def decode_parts(items: list[Any], path: str) -> tuple[AnyPart, ...]:
    """Decode a list of parts. The service flattens nested lists."""
    return tuple(
        decode_part(inner, f"{path}[{i}]")
        for i, item in enumerate(items)
        for inner in (item if isinstance(item, list) else [item])
    )


def decode_part(item: Any, path: str) -> AnyPart:
    """A part. A call or result that came without an id has an empty one."""
    fields = fields_of(item, PART, path)
    kinds = [kind for kind in _KINDS if fields.rest.get(kind) is not None]
    thought = fields.rest.get("thought") is True
    if thought and kinds in ([], ["text"]):
        return _read_thought(fields)
    if len(kinds) != 1 or (thought and kinds[0] in _MEDIA):
        # Also a picture that the model only thought of: it is no part of the answer.
        return Opaque(format=FORMAT, value=fields.rest)
    read: Callable[[Fields], AnyPart] = _READERS[kinds[0]]
    return read(fields)


def encode_parts(parts: tuple[AnyPart, ...], drops: Drops, path: str) -> list[dict[str, Any]]:
    """Parts in this format. What it cannot express is left out and reported in `drops`."""
    return [item for part in parts if (item := encode_part(part, drops, path)) is not None]


def encode_part(part: AnyPart, drops: Drops, path: str) -> dict[str, Any] | None:
    write = _WRITERS.get(type(part))
    item: dict[str, Any] | None = write(part, drops) if write else None
    if item is None:
        if not isinstance(part, Text | Refusal):
            drops.add(f"{path}.{part.__struct_config__.tag}")
        return None
    if part.cache is not None:
        drops.add("cache_control")
    if not isinstance(part, Reasoning):
        # What a piece of thinking says of its kind and place is said by the part and its place.
        drops.foreign(part.extra, path)
    return {**own_fields(part.extra, FORMAT), **item}


def _read_text(fields: Fields) -> AnyPart:
    text = fields.required_text("text")
    extra = with_layout(fields.left(FORMAT), FORMAT, "" if text else EMPTY)
    return Text(text=text, extra=extra)


def _read_thought(fields: Fields) -> AnyPart:
    fields.any("thought")
    text, signature = fields.text("text"), fields.text("thoughtSignature")
    extra = with_layout(fields.left(FORMAT), FORMAT, TEXTLESS if text is None else "")
    return Reasoning(text=text or "", signature=signature, made_by=FORMAT, extra=extra)


def _read_inline(fields: Fields) -> AnyPart:
    media = inside(fields, "inlineData", MEDIA) or Fields({})
    kind, data = media.text("mimeType") or "", unbroken(media.required_text("data"))
    if media.rest:
        fields.rest["inlineData"] = media.rest
    extra = fields.left(FORMAT)
    family, _, subtype = kind.partition("/")
    if family == "image":
        return Image(data=data, media_type=kind, extra=extra)
    if family == "audio":
        known = _AUDIO.get(subtype)
        extra = with_layout(extra, FORMAT, kind if known else "")
        return Audio(data=data, format=known or subtype, extra=extra)
    if family == "video":
        return Video(data=data, media_type=kind, extra=extra)
    extra = with_layout(extra, FORMAT, "" if kind else TYPELESS)
    return Document(data=data, media_type=kind or None, extra=extra)


def _read_file(fields: Fields) -> AnyPart:
    media = inside(fields, "fileData", MEDIA) or Fields({})
    kind, uri = media.text("mimeType"), media.required_text("fileUri")
    if media.rest:
        fields.rest["fileData"] = media.rest
    extra = with_layout(fields.left(FORMAT), FORMAT, "" if kind else TYPELESS)
    public = uri.startswith(("https://", "http://"))
    url, file_id = (uri, None) if public else (None, uri)
    family = (kind or "").partition("/")[0]
    if family == "image":
        return Image(url=url, file_id=file_id, media_type=kind, extra=extra)
    if family == "video":
        return Video(url=url, file_id=file_id, media_type=kind, extra=extra)
    return Document(url=url, file_id=file_id, media_type=kind, extra=extra)


def _read_call(fields: Fields) -> AnyPart:
    call = inside(fields, "functionCall", CALL) or Fields({})
    name, call_id, args = call.text("name") or "", call.text("id"), call.object("args")
    if call.rest:
        fields.rest["functionCall"] = call.rest
    signature = fields.text("thoughtSignature")
    return ToolCall(
        id=call_id or "",
        name=name,
        arguments="" if args is None else compact(args),
        signature=signature,
        extra=_with_words(fields, UNNAMED if not call_id else "", BARE if args is None else ""),
    )


def _read_result(fields: Fields) -> AnyPart:
    result = inside(fields, "functionResponse", CALL) or Fields({})
    # The name stays among the own fields until it is known that a call says it, too.
    name, call_id, said = result.text("name"), result.text("id"), result.object("response")
    parts: tuple[AnyPart, ...] = ()
    is_error, layout = False, ""
    if said is not None:
        text, is_error, layout = _result_text(said)
        parts = (Text(text=text),)
    parts += decode_parts(result.items("parts") or [], result.at("parts"))
    if name is not None:
        result.rest["name"] = name
    if result.rest:
        fields.rest["functionResponse"] = result.rest
    return ToolResult(
        call_id=call_id or "",
        parts=parts,
        is_error=is_error,
        extra=_with_words(fields, layout, UNNAMED if not call_id else ""),
    )


def _result_text(said: dict[str, Any]) -> tuple[str, bool, str]:
    """The text of a result, whether it tells of a failure, and how it was laid out."""
    if len(said) == 1:
        if isinstance(said.get(_OUTPUT), str):
            return said[_OUTPUT], False, WRAPPED
        if isinstance(said.get(_ERROR), str):
            return said[_ERROR], True, ""
    return compact(said), False, ""


_READERS: dict[str, Any] = {
    "text": _read_text,
    "inlineData": _read_inline,
    "fileData": _read_file,
    "functionCall": _read_call,
    "functionResponse": _read_result,
}


def _write_text(part: Text, _: Drops) -> dict[str, Any] | None:
    if not part.text and FORMAT not in part.extra:
        return None
    return {"text": part.text}


def _write_refusal(part: Refusal, _: Drops) -> dict[str, Any] | None:
    return {"text": part.text} if part.text else None


def _write_thought(part: Reasoning, _: Drops) -> dict[str, Any] | None:
    """Thoughts of this format only: the model would take another's for its own words."""
    if part.made_by != FORMAT or part.encrypted is not None or part.redacted is not None:
        return None
    item: dict[str, Any] = {"thought": True}
    if not has_word(layout_of(part.extra, FORMAT), TEXTLESS):
        item["text"] = part.text or "".join(part.summary)
    if part.signature is not None:
        item["thoughtSignature"] = part.signature
    return item


def _write_image(part: Image, _: Drops) -> dict[str, Any] | None:
    return _media(part.extra, part.url, part.data, part.media_type, part.file_id, "image/png")


def _write_video(part: Video, _: Drops) -> dict[str, Any] | None:
    return _media(part.extra, part.url, part.data, part.media_type, part.file_id, "video/mp4")


def _write_document(part: Document, _: Drops) -> dict[str, Any] | None:
    if part.text is not None:
        return {"text": text_of(part)}
    return _media(part.extra, part.url, part.data, part.media_type, part.file_id, "application/pdf")


def _write_audio(part: Audio, _: Drops) -> dict[str, Any] | None:
    if part.data is None:
        return None
    kind = layout_of(part.extra, FORMAT) or f"audio/{part.format or 'wav'}"
    inline = {"mimeType": kind, "data": part.data}
    return {"inlineData": {**_inner(part.extra, "inlineData"), **inline}}


def _media(
    extra: Extra,
    url: str | None,
    data: str | None,
    kind: str | None,
    file_id: str | None,
    default: str,
) -> dict[str, Any] | None:
    if url is not None and (media := from_data_url(url)):
        data, kind = media.data, media.media_type
    guess = None if has_word(layout_of(extra, FORMAT), TYPELESS) else default
    if data is not None:
        declared = kind or guess
        typed = {"mimeType": sniffed(data, declared)} if declared else {}
        return {"inlineData": {**_inner(extra, "inlineData"), **typed, "data": data}}
    uri = url if url is not None else file_id
    if uri is None or "://" not in uri:
        # Files that another provider keeps are not known here.
        return None
    if kind is None and guess is not None:
        kind = _BY_ENDING.get(uri.partition("?")[0].rpartition(".")[2].lower(), guess)
    typed = {"mimeType": kind} if kind else {}
    return {"fileData": {**_inner(extra, "fileData"), **typed, "fileUri": uri}}


def _write_call(part: ToolCall, drops: Drops) -> dict[str, Any] | None:
    if part.kind == "server":
        return None
    layout = layout_of(part.extra, FORMAT)
    call: dict[str, Any] = _inner(part.extra, "functionCall")
    if part.id and not has_word(layout, UNNAMED):
        call["id"] = part.id
    call["name"] = part.name
    if part.arguments or part.kind == "custom" or not has_word(layout, BARE):
        call["args"] = given_to(part, drops)
    item: dict[str, Any] = {"functionCall": call}
    if part.signature is not None:
        item["thoughtSignature"] = part.signature
    return item


def _write_result(part: ToolResult, drops: Drops) -> dict[str, Any]:
    layout = layout_of(part.extra, FORMAT)
    result: dict[str, Any] = _inner(part.extra, "functionResponse")
    if part.call_id and not has_word(layout, UNNAMED):
        result["id"] = part.call_id
    result["response"] = _response(as_text(part.parts), layout, is_error=part.is_error)
    others = tuple(p for p in part.parts if not is_text(p))
    if others:
        result["parts"] = encode_parts(others, drops, "messages.content.content")
    return {"functionResponse": result}


def _response(text: str, layout: str, *, is_error: bool) -> dict[str, Any]:
    """A result must be an object: one that its text says, or one made around the text."""
    if is_error:
        return {_ERROR: text}
    if not has_word(layout, WRAPPED) and text.lstrip().startswith("{"):
        try:
            value = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
    return {_OUTPUT: text}


_WRITERS: dict[type[Part], Any] = {
    Text: _write_text,
    Refusal: _write_refusal,
    Reasoning: _write_thought,
    Image: _write_image,
    Video: _write_video,
    Document: _write_document,
    Audio: _write_audio,
    ToolCall: _write_call,
    ToolResult: _write_result,
    Opaque: opaque_writer(FORMAT),
}


def _inner(extra: Extra, key: str) -> dict[str, Any]:
    """The unknown fields of an inner object, kept under the same key of `extra`."""
    inner = extra.get(FORMAT, {}).get(key)
    return dict(inner) if isinstance(inner, dict) else {}


def _with_words(fields: Fields, *said: str) -> Extra:
    return with_layout(fields.left(FORMAT), FORMAT, " ".join(word for word in said if word))
