"""Search results that a client gives the model to cite: text documents in the neutral form.

Two formats have such blocks. Other formats get the text, and modules see it.
"""

from collections.abc import Sequence
from typing import Any

from stockyard.core.messages import Document, Extra
from stockyard.wire.layout import PIECES, has_word, layout_of, with_layout

_FOUND = "search_result"
_GAP = "\n\n"


def result_document(
    pieces: Sequence[str], title: str | None, extra: Extra, format: str
) -> Document:
    """The document that such a block is. `extra` has its other fields."""
    marked = with_layout(extra, format, _FOUND)
    marked = {**marked, format: {**marked[format], PIECES: tuple(pieces)}}
    return Document(text=_GAP.join(pieces), title=title, extra=marked)


def result_pieces(part: Document, format: str) -> tuple[str, ...] | None:
    """The texts of a document that was such a block in this format; None for any other one."""
    if part.text is None or not has_word(layout_of(part.extra, format), _FOUND):
        return None
    pieces: tuple[str, ...] = part.extra[format].get(PIECES, ())
    return pieces if _GAP.join(pieces) == part.text else (part.text,)


def texts_alone(blocks: Any, plain: Any) -> list[str] | None:
    """The texts of these blocks; None if one of them says anything else.

    `plain` is a block that says nothing, such as `{"type": "text", "text": ""}`.
    """
    texts = []
    for block in blocks if isinstance(blocks, list) else ():
        text = block.get("text") if isinstance(block, dict) else None
        if not isinstance(text, str) or block != {**plain, "text": text}:
            return None
        texts.append(text)
    return texts or None
