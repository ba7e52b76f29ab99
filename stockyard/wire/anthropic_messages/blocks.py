"""Content blocks of Messages: text, images, documents, thinking, tool calls and results."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Cache,
    Document,
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
from stockyard.errors import Refused
from stockyard.wire.arguments import compact, given_to
from stockyard.wire.content_list import decode_content_list
from stockyard.wire.drops import Drops
from stockyard.wire.expressible import Expressible
from stockyard.wire.fields import Fields
from stockyard.wire.layout import layout_of, opaque_writer, own_fields, with_layout
from stockyard.wire.media import from_data_url, readable, sniffed, unbroken
from stockyard.wire.search_results import result_document, result_pieces, texts_alone

FORMAT = "anthropic.messages"

BILLING_LINE = "x-anthropic-billing-header:"
"""Start of a system block that one client adds for Anthropic only. It changes with every version
and would defeat another provider's prompt cache."""

_TTLS = {"5m": "5m", "30m": "1h", "1h": "1h", "12h": "1h"}
"""Requested minimum lifetime of a cache mark -> the lifetime this format can ask for."""


def decode_blocks(content: Any, path: str) -> tuple[AnyPart, ...]:
    """The parts of a `content` field: a string or a list of blocks."""
    return decode_content_list(content, path, decode_block)


def decode_block(item: Any, path: str) -> AnyPart:
    if (text := _plain_text(item)) is not None:
        return text
    fields = Fields(item, path)
    kind = fields.rest.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return Opaque(format=FORMAT, value=item, cache=take_cache(fields))
    fields.any("type")
    return read(fields) or Opaque(format=FORMAT, value=item)


def encode_blocks(parts: tuple[AnyPart, ...], drops: Drops, path: str) -> list[dict[str, Any]]:
    """Parts as blocks. What Messages cannot express is left out and reported in `drops`."""
    return [block for part in parts if (block := encode_block(part, drops, path)) is not None]


def encode_block(part: AnyPart, drops: Drops, path: str) -> dict[str, Any] | None:
    write = _WRITERS.get(type(part))
    block = write(part, drops) if write else None
    if block is None:
        if not isinstance(part, Text):
            drops.add(f"{path}.{part.__struct_config__.tag}")
        return None
    if not isinstance(part, Reasoning):
        # What a piece of thinking says of its kind and place is said by the block and its place.
        drops.foreign(part.extra, path)
    return with_cache({**own_fields(part.extra, FORMAT), **block}, part.cache)


def take_cache(fields: Fields) -> Cache | None:
    """The cache mark from a block's `cache_control`, which also stays among the own fields if it
    has unknown ones."""
    mark = fields.rest.get("cache_control")
    if not isinstance(mark, dict):
        return None
    ttl = mark.get("ttl")
    if mark.keys() <= {"type", "ttl"} and mark.get("type") == "ephemeral":
        del fields.rest["cache_control"]
    return Cache(ttl=ttl if isinstance(ttl, str) else None)


def with_cache(said: dict[str, Any], cache: Cache | None) -> dict[str, Any]:
    """The block with this cache mark, unless it already has one."""
    if cache is None or "cache_control" in said:
        return said
    ttl = {"ttl": _TTLS[cache.ttl]} if cache.ttl in _TTLS else {}
    return {**said, "cache_control": {"type": "ephemeral", **ttl}}


def _plain_text(item: Any) -> Text | None:
    """A block that is a text and nothing else, read quickly; None for any other."""
    if type(item) is not dict or len(item) != 2 or item.get("type") != "text":
        return None
    text = item.get("text")
    if type(text) is not str or text.startswith(BILLING_LINE):
        return None
    return Text(text=text)


def _read_text(fields: Fields) -> AnyPart:
    cache, text = take_cache(fields), fields.required_text("text")
    if text.startswith(BILLING_LINE):
        value = {"type": "text", "text": text, **fields.rest}
        return Opaque(format=FORMAT, value=value, cache=cache)
    citations = fields.items("citations")
    layout = "cited" if citations == [] else ""
    extra = with_layout(fields.left(FORMAT), FORMAT, layout)
    return Text(text=text, citations=tuple(citations or ()), cache=cache, extra=extra)


def _read_image(fields: Fields) -> AnyPart | None:
    cache, found = take_cache(fields), _take_source(fields)
    if not found or "text" in found:
        return None
    return Image(**found, cache=cache, extra=fields.left(FORMAT))


def _take_source(fields: Fields) -> dict[str, Any] | None:
    """The source of a block as neutral fields; None for kinds of source that only this format
    has."""
    source = fields.inside("source")
    if source is None:
        return None
    kind = source.any("type")
    found: dict[str, Any] = {}
    if kind == "base64":
        data = unbroken(source.required_text("data"))
        found = {"data": data, "media_type": source.text("media_type")}
    elif kind == "text":
        found = {"text": source.required_text("data"), "media_type": source.text("media_type")}
    elif kind == "url":
        found = {"url": source.required_text("url")}
    elif kind == "file":
        found = {"file_id": source.required_text("file_id")}
    return None if source.rest else found


def _read_document(fields: Fields) -> AnyPart | None:
    cache, found = take_cache(fields), _take_source(fields)
    if not found:
        return None
    return Document(**found, title=fields.text("title"), cache=cache, extra=fields.left(FORMAT))


def _read_search_result(fields: Fields) -> AnyPart | None:
    texts = texts_alone(fields.rest.get("content"), {"type": "text"})
    if texts is None:
        return None
    fields.any("content")
    cache, title = take_cache(fields), fields.text("title")
    return replace(result_document(texts, title, fields.left(FORMAT), FORMAT), cache=cache)


def _read_thinking(fields: Fields) -> AnyPart:
    text, signature = fields.text("thinking") or "", fields.text("signature")
    # Written by us for a provider that signs nothing: an empty signature vouches for nothing.
    made_by = FORMAT if signature else None
    layout = "unsigned" if signature == "" else ""
    extra = with_layout(fields.left(FORMAT), FORMAT, layout)
    return Reasoning(text=text, signature=signature or None, made_by=made_by, extra=extra)


def _read_redacted(fields: Fields) -> AnyPart:
    data = fields.required_text("data")
    return Reasoning(redacted=data, made_by=FORMAT, extra=fields.left(FORMAT))


def _read_tool_use(fields: Fields) -> AnyPart:
    cache = take_cache(fields)
    given = fields.any("input")
    return ToolCall(
        id=fields.required_text("id"),
        name=fields.required_text("name"),
        arguments=given if isinstance(given, str) else compact(given or {}),
        cache=cache,
        extra=fields.left(FORMAT),
    )


def _read_result(fields: Fields) -> AnyPart:
    cache, content = take_cache(fields), fields.any("content")
    call_id, is_error = fields.required_text("tool_use_id"), fields.flag("is_error")
    layout = " ".join(
        word
        for word, holds in (
            ("list", isinstance(content, list)),
            ("absent", content is None),
            ("fine", is_error is False),
        )
        if holds
    )
    return ToolResult(
        call_id=call_id,
        parts=decode_blocks(content, fields.at("content")),
        is_error=is_error or False,
        cache=cache,
        extra=with_layout(fields.left(FORMAT), FORMAT, layout),
    )


_READERS = {
    "text": _read_text,
    "image": _read_image,
    "document": _read_document,
    "search_result": _read_search_result,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
    "tool_use": _read_tool_use,
    "tool_result": _read_result,
}


def _write_text(part: Text, _: Drops) -> dict[str, Any] | None:
    if not part.text:
        # Empty text blocks are refused.
        return None
    block: dict[str, Any] = {"type": "text", "text": part.text}
    citations = [citation for citation in part.citations if cites_here(citation)]
    if citations or layout_of(part.extra, FORMAT) == "cited":
        block["citations"] = citations
    return block


def cites_here(citation: Any) -> bool:
    """Whether it is one of this format: `char_location`, `web_search_result_location` and so on."""
    kind = citation.get("type") if isinstance(citation, Mapping) else None
    return isinstance(kind, str) and kind.endswith("_location")


def cites_all(text: Text) -> bool:
    return all(map(cites_here, text.citations))


SAYS = Expressible(cites=cites_here, blocks=FORMAT)


def _write_refusal(part: Refusal, _: Drops) -> dict[str, Any] | None:
    return {"type": "text", "text": part.text} if part.text else None


def _write_image(part: Image, _: Drops) -> dict[str, Any] | None:
    source = _source(part.url, part.data, part.media_type, part.file_id, "image/png")
    return None if source is None else {"type": "image", "source": source}


def _write_document(part: Document, _: Drops) -> dict[str, Any] | None:
    if (pieces := result_pieces(part, FORMAT)) is not None:
        content = [{"type": "text", "text": piece} for piece in pieces]
        titled = {} if part.title is None else {"title": part.title}
        return {"type": "search_result", **titled, "content": content}
    text = _text_of(part)
    if text is not None:
        kind = part.media_type if part.text is not None else None
        source: dict[str, Any] | None = {
            "type": "text",
            "media_type": kind or "text/plain",
            "data": text,
        }
    else:
        source = _source(part.url, part.data, part.media_type, part.file_id, "application/pdf")
    if source is None:
        return None
    title = part.title or part.name
    return {"type": "document", "source": source, **({"title": title} if title else {})}


def _text_of(part: Document) -> str | None:
    """Of a document that is text. The service takes no bytes but those of a PDF."""
    if part.text is not None:
        return part.text
    media = from_data_url(part.url) if part.url is not None else None
    data = part.data if media is None else media.data
    kind = part.media_type if media is None else media.media_type
    return readable(data, kind) if data is not None and kind is not None else None


def _source(
    url: str | None, data: str | None, kind: str | None, file_id: str | None, default: str
) -> dict[str, Any] | None:
    if url is not None and (media := from_data_url(url)):
        data, kind = media.data, media.media_type
    if data is not None:
        declared = kind or default
        return {"type": "base64", "media_type": sniffed(data, declared), "data": data}
    if url is not None:
        return {"type": "url", "url": url}
    return {"type": "file", "file_id": file_id} if file_id is not None else None


def _write_reasoning(part: Reasoning, _: Drops) -> dict[str, Any] | None:
    """Thinking this format signed, else nothing: its provider refuses signatures it cannot verify,
    and thinking must never turn into text."""
    if part.redacted is not None and part.made_by == FORMAT:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature is not None and part.made_by == FORMAT:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    layout = layout_of(part.extra, FORMAT)
    if layout == "unsigned":
        return {"type": "thinking", "thinking": part.text, "signature": ""}
    return None


def _write_call(part: ToolCall, drops: Drops) -> dict[str, Any] | None:
    if part.kind == "server":
        return None
    head = {"type": "tool_use", "id": part.id, "name": part.name}
    return {**head, "input": given_to(part, drops)}


def _write_result(part: ToolResult, drops: Drops) -> dict[str, Any]:
    layout = layout_of(part.extra, FORMAT).split()
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id}
    single = part.parts[0] if len(part.parts) == 1 else None
    if "list" not in layout and isinstance(single, Text) and is_bare(single):
        block["content"] = single.text
    elif "absent" not in layout:
        blocks = encode_blocks(part.parts, drops, "messages.content.content")
        block["content"] = blocks if "list" in layout else without_blanks(blocks)
    if part.is_error or "fine" in layout:
        block["is_error"] = part.is_error
    return block


def is_blank(text: str) -> bool:
    return not text or text.isspace()


def without_blanks(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks without blank texts, which are refused in most places, as empty ones are. Who speaks
    this format knows where they are not."""
    return [b for b in blocks if b.get("type") != "text" or not is_blank(b["text"])]


def is_bare(text: Text) -> bool:
    """Whether a text has nothing else, so that a plain string can replace the block."""
    return text.cache is None and not text.citations and FORMAT not in text.extra


def _refuse_medium(part: Audio | Video, _: Drops) -> dict[str, Any] | None:
    """A question about a sound that was left out would get an answer about nothing."""
    kind = "sound" if isinstance(part, Audio) else "video"
    raise Refused(
        400,
        "invalid_request",
        f"The model cannot take {kind}. Send it as text, or ask a model that takes {kind}.",
        param="messages",
    )


_WRITERS: dict[type[Part], Any] = {
    Text: _write_text,
    Refusal: _write_refusal,
    Image: _write_image,
    Document: _write_document,
    Reasoning: _write_reasoning,
    ToolCall: _write_call,
    ToolResult: _write_result,
    Opaque: opaque_writer(FORMAT),
    Audio: _refuse_medium,
    Video: _refuse_medium,
}
