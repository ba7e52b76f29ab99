"""A model as a provider sells it: its price, and what is known about it."""

from datetime import date

from msgspec import Struct

from stockyard.core.kind import Kind
from stockyard.core.price import Price


class PriceSource(Struct, frozen=True):
    """A public collection of prices that ours was made from."""

    version: str
    url: str
    license: str


class Offer(Price, frozen=True, kw_only=True, omit_defaults=True):
    """A model as one provider sells it: its price, and what is known about it.

    Without `lines` its price is not known.
    """

    kind: Kind = "chat"
    context: int | None = None
    """Tokens that it reads at most."""
    output: int | None = None
    """Tokens that it writes at most."""
    can: tuple[str, ...] = ()
    """Words such as `tools`, `vision`, `reasoning`."""
    efforts: tuple[str, ...] = ()
    """The efforts of thinking that it takes; empty if nobody says."""
    ends: date | None = None
    """When the provider stops offering it."""
    sources: tuple[str, ...] = ()
    since: date | None = None
    """Since when the list says so; None: from its beginning."""
    page: int | None = None
    """Which of the list's pages tells the price."""
