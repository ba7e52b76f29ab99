"""Reasoning items, and the envelope in which another format's signed thinking travels.

An item holds summaries, raw thinking, and sealed content that only its maker can read. What can be
read becomes one text, so that modules see all of it; what is sealed becomes a part of its own,
because in a stream it comes last.

Clients send reasoning items back unchanged. So a signature made in another format is put into the
sealed field, marked as ours, and taken out again on the way back. It is no secret: only its maker
can verify it, and does.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Reasoning
from stockyard.wire.fields import Fields
from stockyard.wire.openai_responses.parts import FORMAT, remember, remembered
from stockyard.wire.surrogates import encode

GAP = "\n\n"
"""Separator between the pieces of one item when joined to one text."""

ENVELOPE = "stockyard.1."
"""Prefix of our envelopes. Only the provider that made the content can read it."""


class _Sealed(msgspec.Struct, omit_defaults=True):
    made_by: str | None = None
    signature: str | None = None
    redacted: str | None = None
    encrypted: str | None = None


_open = msgspec.json.Decoder(_Sealed).decode


def decode_reasoning(fields: Fields) -> list[AnyPart]:
    """The readable part of a reasoning item, and the sealed one if there is one."""
    pieces, sealed = _take_pieces(fields), fields.text("encrypted_content")
    fields.any("type")
    extra = remember({}, own=fields.rest, pieces=[(kind, len(text)) for kind, text in pieces])
    readable = Reasoning(text=GAP.join(text for _, text in pieces), extra=extra)
    if sealed is None:
        return [readable]
    part = unsealed(sealed)
    if part.signature is not None:
        return [replace(part, text=readable.text, extra=extra)]
    if readable.text:
        return [readable, part]
    return [replace(part, extra=extra)]


def encode_reasoning(parts: Sequence[Reasoning], *, answer: bool) -> dict[str, Any] | None:
    """One item of a readable part and the sealed one after it; None when it cannot be said.

    In requests only what this format made is said: a provider refuses what it cannot verify.
    """
    known = remembered(parts[0].extra)
    own: dict[str, Any] = known.get("own", {})
    sealed = next((s for part in parts if (s := seal(part)) is not None), None)
    foreign = sealed.startswith(ENVELOPE) if sealed is not None else not known
    if foreign and not answer:
        return None
    text = next((t for part in parts if (t := part.text or GAP.join(part.summary))), "")
    item = {**own, "type": "reasoning", **_lists(text, known)}
    if sealed is not None:
        item["encrypted_content"] = sealed
    return item


def belongs_to(part: Reasoning, earlier: Reasoning) -> bool:
    """Whether a sealed part and the readable one before it are one item."""
    return (
        part.encrypted is not None
        and not part.text
        and bool(earlier.text or earlier.summary)
        and seal(earlier) is None
        and FORMAT in (part.made_by, *earlier.extra)
    )


def seal(part: Reasoning) -> str | None:
    """The content of `encrypted_content`."""
    if part.made_by == FORMAT and part.encrypted is not None:
        return part.encrypted
    sealed = _Sealed(part.made_by, part.signature, part.redacted, part.encrypted)
    if sealed == _Sealed(part.made_by):
        return None
    return ENVELOPE + base64.urlsafe_b64encode(encode(sealed)).decode()


def unsealed(text: str) -> Reasoning:
    """What an `encrypted_content` holds: another format's signature, or our provider's own seal."""
    if text.startswith(ENVELOPE):
        try:
            found = _open(base64.urlsafe_b64decode(text.removeprefix(ENVELOPE)))
        except (binascii.Error, ValueError):
            # Malformed: carried as it came, for the provider to judge.
            return Reasoning(encrypted=text, made_by=FORMAT)
        return Reasoning(
            made_by=found.made_by,
            signature=found.signature,
            redacted=found.redacted,
            encrypted=found.encrypted,
        )
    return Reasoning(encrypted=text, made_by=FORMAT)


def readable_pieces(item: dict[str, Any]) -> list[tuple[str, str]]:
    """Kind and text of each summary and each piece of raw thinking."""
    return [
        (piece["type"], piece["text"])
        for key in ("summary", "content")
        for piece in item.get(key) or ()
        if _is_plain(piece)
    ]


def _take_pieces(fields: Fields) -> list[tuple[str, str]]:
    """The texts of an item. A list that holds anything else stays among the own fields, whole."""
    found = []
    for key in ("summary", "content"):
        pieces = fields.rest.get(key)
        if isinstance(pieces, list) and all(_is_plain(piece) for piece in pieces):
            found += [(piece["type"], piece["text"]) for piece in pieces]
            if pieces:
                del fields.rest[key]
    return found


def _is_plain(piece: Any) -> bool:
    return (
        isinstance(piece, dict)
        and piece.keys() == {"type", "text"}
        and isinstance(piece["type"], str)
        and piece["type"] in _LISTS
        and isinstance(piece["text"], str)
    )


_LISTS = {"summary_text": "summary", "reasoning_text": "content"}


def _lists(text: str, known: dict[str, Any]) -> dict[str, Any]:
    """The text as the pieces it came in; as one summary when it was changed or is another's."""
    pieces = known.get("pieces", [])
    lengths = [length for _, length in pieces]
    lists: dict[str, Any] = {} if "summary" in known.get("own", {}) else {"summary": []}
    if not pieces or sum(lengths) + len(GAP) * (len(lengths) - 1) != len(text):
        pieces = [("summary_text", len(text))] if text else []
    start = 0
    for kind, length in pieces:
        piece = {"type": kind, "text": text[start : start + length]}
        lists.setdefault(_LISTS[kind], []).append(piece)
        start += length + len(GAP)
    return lists
