"""Embeddings: texts become vectors."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Self

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.meaning import AnyContent, AnyOutput
from stockyard.core.messages import Opaque

Item = str | tuple[int, ...] | Opaque
"""One thing to embed: a text, a text as tokens, or something that only one format knows (an image).
"""
Purpose = Literal["document", "query", "similarity", "classification", "clustering"]
"""What the vectors are for. Some models embed a query differently from the documents."""
NumberType = Literal["float", "int8", "uint8", "binary", "ubinary"]


class EmbeddingsContent(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    """What to embed, and the form of the vectors."""

    items: tuple[Item, ...] = ()
    dimensions: int | None = None
    purpose: Purpose | None = None
    types: tuple[NumberType, ...] = ()
    """The number types wanted; empty means `float`."""
    packed: bool = False
    """The client wants each vector as base64 text."""
    truncate: bool | None = None
    """Whether texts that are too long may be cut."""
    end_user: str | None = None
    shape: str | None = None
    """The JSON layout of the input in its own format, so that it can be written in the same way."""

    def texts(self) -> Iterator[str]:
        return (item for item in self.items if isinstance(item, str))

    def map_text(self, change: Callable[[str], str]) -> Self:
        items = tuple(change(item) if isinstance(item, str) else item for item in self.items)
        return self if items == self.items else replace(self, items=items)

    def unread(self) -> Mapping[str, int]:
        kinds = ("tokens" if isinstance(item, tuple) else "file" for item in self._other_items())
        return Counter(kinds)

    @property
    def tokens(self) -> int:
        """How many tokens the client sent as token ids instead of text."""
        return sum(len(item) for item in self.items if isinstance(item, tuple))

    def _other_items(self) -> Iterator[Item]:
        return (item for item in self.items if not isinstance(item, str))


class Vector(Struct, frozen=True, omit_defaults=True):
    """One vector, in each of the number types that were requested."""

    numbers: dict[NumberType, tuple[float, ...]]


class EmbeddingsOutput(AnyOutput, frozen=True, kw_only=True, omit_defaults=True):
    """The vectors, in the order of the items."""

    vectors: tuple[Vector, ...] = ()
