"""The decoded meaning of request and answer bodies: what all kinds of call share.

A chat has its Content (`request.py`) and its Output (`response.py`); every other kind of call has
two such values in a file named after it (`embeddings.py`, `rerank.py`, ...). Routing, limits and
guards use only the interface defined here, so they need not know the kind.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

from msgspec import Struct

from stockyard.core.messages import Extra


class Tie(Struct, frozen=True, kw_only=True):
    """Why a request cannot be translated to another format, as its caller is told (400)."""

    code: str
    message: str
    param: str


class AnyContent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything in a request beyond its head (model, stream, usage)."""

    max_output: int | None = None
    tie: Tie | None = None
    """What binds the request to its format, such as a reference to an answer that one provider
    stores."""
    extra: Extra = {}
    """Fields of single formats that have no place in the neutral form."""

    def texts(self) -> Iterator[str]:
        """Every text that a model would read."""
        yield from ()

    def map_text(self, change: Callable[[str], str]) -> Self:
        """Change every text that `texts` would yield; the same content if nothing changed."""
        return self

    def units(self) -> dict[str, int]:
        """What is billed by the piece, as far as the request tells (see `Usage.units`)."""
        return {}

    def unread(self) -> Mapping[str, int]:
        """How many of its parts are not text, by media kind."""
        return {}


class AnyOutput(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The decoded answer to any kind of call."""

    id: str = ""
    model: str = ""
    extra: Extra = {}
