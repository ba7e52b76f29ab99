"""Rerank: sort documents by how well they answer a query."""

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
    """How many of the best to return; None means all."""
    with_documents: bool | None = None
    """Whether the answer is to repeat the documents."""
    truncate: bool | None = None
    """Whether documents that are too long may be cut."""

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
    """One document with its score."""

    index: int
    """Its position in the request."""
    score: float
    document: Any = None
    """The document itself, if the answer repeats it."""


class RerankOutput(AnyOutput, frozen=True, kw_only=True, omit_defaults=True):
    ranked: tuple[Ranked, ...] = ()
    """The best first."""


def text_of(document: Document) -> str | None:
    """The text of a document; None if it has none."""
    if isinstance(document, str):
        return document
    text = document.get("text")
    return text if isinstance(text, str) else None


def _changed(document: Document, change: Callable[[str], str]) -> Document:
    if isinstance(document, str):
        return change(document)
    text = text_of(document)
    return document if text is None else {**document, "text": change(text)}
