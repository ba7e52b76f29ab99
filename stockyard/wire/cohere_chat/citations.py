"""Citations of a whole answer: a list beside the content, which says to which text each belongs."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Message, Text
from stockyard.wire.cohere_chat.parts import FORMAT

FIELD = "citations"
PLACE = "content_index"


def cites_here(citation: Any) -> bool:
    """Whether it is one of this format."""
    return isinstance(citation, Mapping) and "sources" in citation and "start" in citation


def attached(message: Message) -> Message:
    """The message with its citations on the texts that they are about.

    Those about the plan or the thinking stay where they are: only texts have citations.
    """
    own = message.extra.get(FORMAT, {})
    listed = own.get(FIELD)
    if not isinstance(listed, list) or not listed:
        return message
    parts, rest = list(message.parts), []
    for citation in listed:
        place = _place(citation, parts)
        if place is None:
            rest.append(citation)
            continue
        text = parts[place]
        if isinstance(text, Text):
            parts[place] = replace(text, citations=(*text.citations, citation))
    others = {k: v for k, v in own.items() if k != FIELD} | ({FIELD: rest} if rest else {})
    extra = {k: v for k, v in message.extra.items() if k != FORMAT}
    return replace(
        message, parts=tuple(parts), extra={**extra, FORMAT: others} if others else extra
    )


def detached(message: Message) -> dict[str, Any]:
    """The field with the citations of all texts, if there are any."""
    listed = [c for p in message.parts if isinstance(p, Text) for c in p.citations if cites_here(c)]
    kept = message.extra.get(FORMAT, {}).get(FIELD)
    listed += kept if isinstance(kept, list) else []
    return {FIELD: listed} if listed else {}


def _place(citation: Any, parts: Sequence[AnyPart]) -> int | None:
    """The place of the text that a citation is about; the first text if it names none."""
    if not cites_here(citation) or citation.get("type", "TEXT_CONTENT") != "TEXT_CONTENT":
        return None
    texts = [i for i, part in enumerate(parts) if isinstance(part, Text)]
    place = citation.get(PLACE)
    if place is None:
        return texts[0] if texts else None
    spoken = [i for i, part in enumerate(parts) if part.__struct_config__.tag in _CONTENT]
    named = spoken[place] if isinstance(place, int) and 0 <= place < len(spoken) else None
    return named if named in texts else None


_CONTENT = frozenset({"text", "reasoning"})
"""Parts that are counted by `content_index`, in an answer without a plan."""
