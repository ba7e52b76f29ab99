"""Say documents of text where a format has no place for them: in the text itself."""

from collections.abc import Iterable

from stockyard.core.messages import AnyPart, Document, Refusal, Text

_GAP = "\n\n"


def text_of(document: Document) -> str:
    """The title and the text of a document that is text."""
    text = document.text or ""
    return f"{document.title}{_GAP}{text}" if document.title else text


def is_text(part: AnyPart) -> bool:
    return isinstance(part, Text | Refusal) or (
        isinstance(part, Document) and part.text is not None
    )


def as_text(parts: Iterable[AnyPart]) -> str:
    """All parts that are text, in one text in which documents stand apart."""
    said, apart = "", False
    for part in parts:
        if isinstance(part, Text | Refusal):
            said, apart = said + (_GAP if apart and part.text else "") + part.text, False
        elif isinstance(part, Document) and part.text is not None:
            said, apart = said + (_GAP if said else "") + text_of(part), True
    return said
