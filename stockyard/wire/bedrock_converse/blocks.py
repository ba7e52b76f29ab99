"""Content blocks: text, media, tool calls and their results, thinking.

A block is an object with one key, its type. A mark for the prompt cache is a block of its own,
behind the one that it is about.
"""

from typing import Any

import msgspec
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
from stockyard.wire.arguments import arguments_object, compact, given_to
from stockyard.wire.bedrock_converse import media
from stockyard.wire.bedrock_converse.names import FORMAT
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.layout import has_word, layout_of, opaque_writer, own_fields, with_layout
from stockyard.wire.search_results import result_document, result_pieces, texts_alone

CACHE_POINT = "cachePoint"
_TTLS = {"5m": "5m", "30m": "1h", "1h": "1h", "12h": "1h"}
"""Requested minimum lifetime of a cache mark -> the lifetime this format can ask for."""

# Layout words of a part.
_JSON = "json"
"""A piece of a result that was an object, not text."""
_FINE = "fine"
"""A result that says of itself that it is not a failure."""
_CITED = "cited"
"""A text that came with its citations."""
_BLANK = "blank"
"""A text without a visible sign, as it came. Such a text of ours would be refused."""


def decode_blocks(items: list[Any], path: str) -> tuple[AnyPart, ...]:
    parts: list[AnyPart] = []
    for i, item in enumerate(items):
        cache = cache_point(item)
        if cache is not None and parts:
            parts[-1] = msgspec.structs.replace(parts[-1], cache=cache)
        else:
            parts.append(decode_block(item, f"{path}[{i}]"))
    return tuple(parts)


def decode_block(item: Any, path: str) -> AnyPart:
    fields = Fields(item, path)
    kind = next(iter(fields.rest), "")
    read = _READERS.get(kind) if len(fields.rest) == 1 else None
    part = read(fields) if read is not None else None
    return Opaque(format=FORMAT, value=item) if part is None else part


def encode_blocks(parts: tuple[AnyPart, ...], drops: Drops, path: str) -> list[dict[str, Any]]:
    """Parts as blocks. What this format cannot express is left out and reported in `drops`."""
    return [block for part in parts for block in encode_block(part, drops, path)]


def encode_block(part: AnyPart, drops: Drops, path: str) -> list[dict[str, Any]]:
    """The block of a part, followed by its cache point; empty if the part cannot be expressed."""
    write = _WRITERS.get(type(part))
    block = write(part, drops) if write else None
    if block is None:
        if not isinstance(part, Text | Refusal):
            drops.add(f"{path}.{part.__struct_config__.tag}")
        return []
    drops.foreign(part.extra, path)
    return [block, *cache_blocks(_mark_of(part))]


def kept_blank(part: Text) -> Text:
    """Mark a whitespace text to be written: in an answer it separates words."""
    if layout_of(part.extra, FORMAT):
        return part
    return replace(part, extra=with_layout(part.extra, FORMAT, _BLANK))


def _mark_of(part: AnyPart) -> Cache | None:
    """The cache mark of a part. A mark inside a tool result moves behind the result."""
    if part.cache is None and isinstance(part, ToolResult):
        marks = (inner.cache for inner in reversed(part.parts))
        return next((mark for mark in marks if mark is not None), None)
    return part.cache


def cache_point(item: Any) -> Cache | None:
    """The mark, if this block is one that we know all of."""
    mark = item.get(CACHE_POINT) if isinstance(item, dict) and len(item) == 1 else None
    if not isinstance(mark, dict) or not mark.keys() <= {"type", "ttl"}:
        return None
    ttl = mark.get("ttl")
    return Cache(ttl=ttl if isinstance(ttl, str) else None)


def cache_blocks(cache: Cache | None) -> list[dict[str, Any]]:
    if cache is None:
        return []
    ttl = {"ttl": _TTLS[cache.ttl]} if cache.ttl in _TTLS else {}
    return [{CACHE_POINT: {"type": "default", **ttl}}]


def _read_text(fields: Fields) -> AnyPart:
    text = fields.required_text("text")
    return Text(text=text, extra=with_layout({}, FORMAT, "" if text.strip() else _BLANK))


def _read_cited(fields: Fields) -> AnyPart | None:
    said = fields.inside("citationsContent") or Fields({})
    pieces, citations = said.items("content") or [], said.items("citations") or []
    texts = [piece.get("text") if isinstance(piece, dict) else None for piece in pieces]
    if said.rest or not all(isinstance(text, str) for text in texts):
        return None
    extra = with_layout({}, FORMAT, _CITED)
    return Text(text="".join(map(str, texts)), citations=tuple(citations), extra=extra)


OWN_CALL = "tool_use"
"""What newer models of Anthropic say of a call that waits for the client; others say nothing."""


def _read_call(fields: Fields) -> AnyPart | None:
    call = fields.inside("toolUse") or Fields({})
    if call.rest.get("type", OWN_CALL) != OWN_CALL:
        # A tool that the provider runs itself.
        return None
    return ToolCall(
        id=call.required_text("toolUseId"),
        name=call.required_text("name"),
        arguments=compact(call.any("input") or {}),
        extra=call.left(FORMAT),
    )


def _read_result(fields: Fields) -> AnyPart | None:
    result = fields.inside("toolResult") or Fields({})
    if "type" in result.rest:
        return None
    path, status = result.at("content"), result.text("status")
    return ToolResult(
        call_id=result.required_text("toolUseId"),
        parts=tuple(
            _read_piece(item, f"{path}[{i}]")
            for i, item in enumerate(result.items("content") or [])
        ),
        is_error=status == "error",
        extra=with_layout(result.left(FORMAT), FORMAT, _FINE if status == "success" else ""),
    )


def _read_piece(item: Any, path: str) -> AnyPart:
    if isinstance(item, dict) and len(item) == 1 and _JSON in item:
        return Text(text=compact(item[_JSON]), extra=with_layout({}, FORMAT, _JSON))
    return decode_block(item, path)


def _read_search_result(fields: Fields) -> AnyPart | None:
    said = fields.inside("searchResult") or Fields({})
    texts = texts_alone(said.rest.get("content"), {})
    if texts is None:
        return None
    said.any("content")
    return result_document(texts, said.text("title"), said.left(FORMAT), FORMAT)


def _read_reasoning(fields: Fields) -> AnyPart | None:
    said = fields.inside("reasoningContent") or Fields({})
    sealed = said.text("redactedContent")
    if sealed is not None:
        return Reasoning(redacted=sealed, made_by=FORMAT)
    inner = said.inside("reasoningText")
    if inner is None or said.rest:
        return None
    text, signature = inner.text("text") or "", inner.text("signature")
    return Reasoning(
        text=text,
        signature=signature,
        made_by=FORMAT,
        extra=inner.left(FORMAT),
    )


_READERS: dict[str, Any] = {
    "text": _read_text,
    "citationsContent": _read_cited,
    "toolUse": _read_call,
    "toolResult": _read_result,
    "reasoningContent": _read_reasoning,
    "image": media.read_image,
    "document": media.read_document,
    "searchResult": _read_search_result,
    "video": media.read_video,
    "audio": media.read_audio,
}


def _write_text(part: Text, _: Drops) -> dict[str, Any] | None:
    layout = layout_of(part.extra, FORMAT)
    if not part.text.strip() and not layout:
        return None
    if has_word(layout, _CITED):
        said = {"content": [{"text": part.text}]} if part.text else {}
        return {"citationsContent": {**said, "citations": list(part.citations)}}
    return {"text": part.text}


def _write_refusal(part: Refusal, _: Drops) -> dict[str, Any] | None:
    return {"text": part.text} if part.text.strip() else None


def _write_call(part: ToolCall, drops: Drops) -> dict[str, Any] | None:
    if part.kind == "server":
        return None
    call = {"toolUseId": part.id, "name": part.name, "input": given_to(part, drops)}
    return {"toolUse": {**own_fields(part.extra, FORMAT), **call}}


def _write_result(part: ToolResult, drops: Drops) -> dict[str, Any]:
    content = [piece for inner in part.parts for piece in _write_piece(inner, drops)]
    result: dict[str, Any] = {
        **own_fields(part.extra, FORMAT),
        "toolUseId": part.call_id,
        # A result says something, if only that there is nothing to say.
        "content": content or [{"text": "."}],
    }
    if part.is_error:
        result["status"] = "error"
    elif has_word(layout_of(part.extra, FORMAT), _FINE):
        result["status"] = "success"
    return {"toolResult": result}


def _write_piece(part: AnyPart, drops: Drops) -> list[dict[str, Any]]:
    if isinstance(part, Text) and has_word(layout_of(part.extra, FORMAT), _JSON):
        return [{_JSON: _value(part.text)}]
    # Cache points follow results; they are not allowed inside.
    return encode_block(part, drops, "messages.content.content")[:1]


def _value(text: str) -> Any:
    """What a piece of a result was, or says now that its text was changed."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return arguments_object(text)


def _write_reasoning(part: Reasoning, _: Drops) -> dict[str, Any] | None:
    """Thinking this format signed, else nothing: its provider refuses signatures it cannot verify,
    and thinking must never turn into text."""
    if part.made_by != FORMAT or part.encrypted is not None:
        return None
    if part.redacted is not None:
        return {"reasoningContent": {"redactedContent": part.redacted}}
    text = part.text or "".join(part.summary)
    said: dict[str, Any] = {**own_fields(part.extra, FORMAT), "text": text}
    if part.signature is not None:
        said["signature"] = part.signature
    return {"reasoningContent": {"reasoningText": said}}


def _write_document(part: Document, drops: Drops) -> dict[str, Any] | None:
    pieces = result_pieces(part, FORMAT)
    if pieces is None:
        return media.write_document(part, drops)
    titled = {} if part.title is None else {"title": part.title}
    content = [{"text": piece} for piece in pieces]
    return {"searchResult": {**own_fields(part.extra, FORMAT), **titled, "content": content}}


_WRITERS: dict[type[Part], Any] = {
    Text: _write_text,
    Refusal: _write_refusal,
    ToolCall: _write_call,
    ToolResult: _write_result,
    Reasoning: _write_reasoning,
    Image: media.write_image,
    Document: _write_document,
    Video: media.write_video,
    Audio: media.write_audio,
    Opaque: opaque_writer(FORMAT),
}
