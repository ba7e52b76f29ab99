"""Reasoning in chat messages, which every provider spells differently.

As one text field (`reasoning_content`, `reasoning`), as `reasoning_details` (pieces with
signatures), or as `thinking_blocks` (sent back by some clients).
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Reasoning
from stockyard.wire.codec import REASONING_FIELD
from stockyard.wire.fields import Fields
from stockyard.wire.layout import PIECES, layout_of, own_fields, with_layout
from stockyard.wire.openai_chat.parts import FORMAT

DEFAULT_FIELD = REASONING_FIELD
TEXT_FIELDS = (DEFAULT_FIELD, "reasoning")
SIGNED_BY_BLOCKS = "anthropic.messages"

_TEXT, _SUMMARY = "reasoning.text", "reasoning.summary"
READABLE = (_TEXT, _SUMMARY)
"""Types of entries that hold text, which streams send piece by piece."""

# Who made a piece, as `reasoning_details[].format` names it on the wire.
MAKERS = {
    "anthropic-claude-v1": SIGNED_BY_BLOCKS,
    "openai-responses-v1": "openai.responses",
    "google-gemini-v1": "gemini",
}
_MAKER_NAMES = {maker: name for name, maker in MAKERS.items()}


def text_field(traits: frozenset[str]) -> str | None:
    """The field for reasoning text that a provider's traits name."""
    named = (trait.partition(":")[2] for trait in traits if trait.startswith("reasoning_field:"))
    return next(named, None)


def take_reasoning(fields: Fields, preferred: str | None = None) -> list[AnyPart]:
    """The reasoning of a message, taken out of its fields."""
    names = (preferred, *TEXT_FIELDS) if preferred else TEXT_FIELDS
    field = next((n for n in names if isinstance(fields.rest.get(n), str) and fields.rest[n]), "")
    text = fields.rest[field] if field else ""
    pieces, layout = _take_pieces(fields)
    if not pieces:
        if not field:
            return []
        del fields.rest[field]
        return [Reasoning(text=text, extra=with_layout({}, FORMAT, field))]
    if field and text == joined_text(pieces):
        del fields.rest[field]
        layout = f"{layout} {field}"
    first = pieces[0]
    marked = with_layout(first.extra, FORMAT, layout)
    return [replace(first, extra=marked), *pieces[1:]]


def reasoning_fields(parts: Sequence[Reasoning], default: str | None) -> dict[str, Any]:
    """The fields that say this reasoning: as they came, or as `default` and details if signed.

    `default` None: only what came in this format is said at all.
    """
    layout = layout_of(parts[0].extra, FORMAT).split() if parts else []
    if layout[:1] == ["content"] or not parts:
        return {}
    fields: dict[str, Any] = {}
    if layout:
        field = next((w for w in layout if w not in ("details", "blocks")), None)
        signed = layout[0] == "details"
        if layout[0] == "blocks":
            fields["thinking_blocks"] = [_block(part) for part in parts]
    elif default is None:
        return {}
    else:
        field, signed = default, any(map(_sealed, parts))
    text = joined_text(parts)
    if field and text:
        fields[field] = text
    if signed:
        fields["reasoning_details"] = [e for i, part in enumerate(parts) for e in _details(part, i)]
    return fields


def _details(part: Reasoning, index: int) -> list[dict[str, Any]]:
    """The entries that say one part: as many as it came in, if it is what they said."""
    pieces = part.extra.get(FORMAT, {}).get(PIECES, ())
    said = "".join(piece.get("text") or "" for piece in pieces)
    if pieces and said == part.text and pieces[-1].get("signature") == part.signature:
        return list(pieces)
    return [detail(part, index)]


def detail(part: Reasoning, index: int) -> dict[str, Any]:
    """One entry of `reasoning_details`."""
    sealed = part.redacted if part.redacted is not None else part.encrypted
    own, text = own_fields(part.extra, FORMAT), part.text or "".join(part.summary)
    entry: dict[str, Any] = {"type": _TEXT}
    if sealed is not None:
        entry = {"type": "reasoning.encrypted", "data": sealed}
    elif part.summary or own.get("type") == _SUMMARY:
        entry = {"type": _SUMMARY, "summary": text}
    elif text:
        entry["text"] = text
    if part.signature is not None:
        entry["signature"] = part.signature
    if FORMAT in part.extra:
        return {**entry, **own}
    maker = _MAKER_NAMES.get(part.made_by or "", "unknown")
    return {**entry, "format": maker, "index": index}


def decode_detail(item: Any, path: str) -> Reasoning:
    """A piece of reasoning. Its type and what it says of itself stay among the own fields."""
    fields = Fields(item, path)
    kind, name = fields.rest.get("type"), fields.rest.get("format")
    maker = _maker(name) if isinstance(name, str) else FORMAT
    said: dict[str, Any] = {}
    if kind == "reasoning.encrypted" and fields.rest.get("data") is not None:
        said["redacted" if maker == SIGNED_BY_BLOCKS else "encrypted"] = fields.text("data")
    elif kind == _SUMMARY and fields.rest.get("summary"):
        said["summary"] = (fields.text("summary"),)
    elif fields.rest.get("text"):
        said["text"] = fields.text("text")
    return Reasoning(**said, signature=fields.text("signature"), made_by=maker, extra=_kept(fields))


def _maker(name: str) -> str:
    """Who made it. A provider may name it with each piece, which official accumulators join."""
    named = (maker for known, maker in MAKERS.items() if name and not name.replace(known, ""))
    return MAKERS.get(name) or next(named, FORMAT)


def joined_text(parts: Sequence[AnyPart]) -> str:
    return "".join(p.text or "".join(p.summary) for p in parts if isinstance(p, Reasoning))


def _take_pieces(fields: Fields) -> tuple[list[Reasoning], str]:
    for key, read, layout in (
        ("reasoning_details", decode_detail, "details"),
        ("thinking_blocks", _decode_block, "blocks"),
    ):
        if fields.rest.get(key):
            items = fields.items(key) or []
            path = fields.at(key)
            pieces = [read(item, f"{path}[{i}]") for i, item in enumerate(items)]
            return _joined(items, pieces) if layout == "details" else pieces, layout
    return [], ""


def _joined(items: list[Any], pieces: list[Reasoning]) -> list[Reasoning]:
    """The parts that these entries say. Some clients send them back in the pieces in which they
    were streamed: texts with one index, and the signature behind them."""
    found: list[Reasoning] = []
    begun: list[Any] = []
    for item, piece in zip(items, pieces, strict=True):
        if found and _goes_on(begun[-1], found[-1], item):
            begun.append(item)
            last = found[-1]
            found[-1] = replace(
                last,
                text=last.text + piece.text,
                signature=piece.signature,
                made_by=piece.made_by if item.get("format") else last.made_by,
                extra={FORMAT: {**last.extra[FORMAT], PIECES: tuple(begun)}},
            )
        else:
            found.append(piece)
            begun = [item]
    return found


def _goes_on(before: dict[str, Any], last: Reasoning, item: dict[str, Any]) -> bool:
    index = item.get("index")
    return (
        index is not None
        and before.get("index") == index
        and before.get("type") == item.get("type") == _TEXT
        and not last.signature
    )


def _decode_block(item: Any, path: str) -> Reasoning:
    fields = Fields(item, path)
    redacted = fields.any("type") == "redacted_thinking"
    text, signature, data = fields.text("thinking"), fields.text("signature"), fields.text("data")
    return Reasoning(
        text=text or "",
        signature=signature,
        redacted=(data or "") if redacted else None,
        made_by=SIGNED_BY_BLOCKS if signature or redacted else None,
        extra=_kept(fields),
    )


def _block(part: Reasoning) -> dict[str, Any]:
    own = own_fields(part.extra, FORMAT)
    if part.redacted is not None:
        return {**own, "type": "redacted_thinking", "data": part.redacted}
    block = {**own, "type": "thinking", "thinking": part.text}
    return block if part.signature is None else {**block, "signature": part.signature}


def _kept(fields: Fields) -> dict[str, dict[str, Any]]:
    """Tagged even when empty: the tag tells that the piece came in this format."""
    return {FORMAT: fields.rest}


def _sealed(part: Reasoning) -> bool:
    return any(s is not None for s in (part.signature, part.redacted, part.encrypted))
