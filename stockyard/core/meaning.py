"""What the bodies of a call mean, whatever its kind.

A chat has its Content (`request.py`) and its Output (`response.py`); every other kind of call has
its own two values in a file named after it (`embeddings.py`, `rerank.py`, ...). Here is what they
share, so that routing, limits and guards need not know which kind they look at.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

from msgspec import Struct

from stockyard.core.messages import Extra


class Tie(Struct, frozen=True, kw_only=True):
    """Why a request cannot be said in another format, as its caller is told it (400)."""

    code: str
    message: str
    param: str


class AnyContent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a request says beyond its head (model, stream, usage)."""

    max_output: int | None = None
    tie: Tie | None = None
    """What keeps the request in its format, such as an answer that one provider keeps."""
    extra: Extra = {}
    """Fields that a format has and the neutral form has not."""

    def texts(self) -> Iterator[str]:
        """Every text that a model would read."""
        yield from ()

    def map_text(self, change: Callable[[str], str]) -> Self:
        """Change every text that `texts` would yield; the same content if nothing changed."""
        return self

    def units(self) -> dict[str, int]:
        """What is paid for by the piece, as far as the request tells (`Usage.units`)."""
        return {}

    def unread(self) -> Mapping[str, int]:
        """How many of its parts hold something else than text, by what that is."""
        return {}


class AnyOutput(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was answered."""

    id: str = ""
    model: str = ""
    extra: Extra = {}
