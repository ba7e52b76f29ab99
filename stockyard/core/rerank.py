"""Rerank: documents are put in the order of how well they answer a question."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.meaning import AnyContent, AnyOutput

Document = str | dict[str, Any]
"""A text, or an object with a `text` among its fields."""


class RerankContent(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    query: str = ""
    documents: tuple[Document, ...] = ()
    top_n: int | None = None
    """How many of the best are wanted; None is all."""
    with_documents: bool | None = None
    """The answer shall repeat the documents."""
    truncate: bool | None = None
    """Whether too long a document may be cut."""

    def texts(self) -> Iterator[str]:
        yield self.query
        for document in self.documents:
            if (text := text_of(document)) is not None:
                yield text

    def map_text(self, change: Callable[[str], str]) -> Self:
        query = change(self.query)
        documents = tuple(_changed(document, change) for document in self.documents)
        if query == self.query and documents == self.documents:
            return self
        return replace(self, query=query, documents=documents)

    def unread(self) -> Mapping[str, int]:
        count = sum(text_of(document) is None for document in self.documents)
        return {"file": count} if count else {}


class Ranked(Struct, frozen=True, omit_defaults=True):
    """One document's place."""

    index: int
    """Among the documents that were sent."""
    score: float
    document: Any = None
    """As the answer repeats it."""


class RerankOutput(AnyOutput, frozen=True, kw_only=True, omit_defaults=True):
    ranked: tuple[Ranked, ...] = ()
    """The best first."""


def text_of(document: Document) -> str | None:
    """What a model reads of a document; None when it is no text."""
    if isinstance(document, str):
        return document
    text = document.get("text")
    return text if isinstance(text, str) else None


def _changed(document: Document, change: Callable[[str], str]) -> Document:
    if isinstance(document, str):
        return change(document)
    text = text_of(document)
    return document if text is None else {**document, "text": change(text)}
