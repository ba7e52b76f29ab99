"""A model as a provider sells it: its price, and what is known about it."""

from datetime import date

from msgspec import Struct

from stockyard.core.kind import Kind
from stockyard.core.price import Price


class PriceSource(Struct, frozen=True):
    """A public price list that ours was made from."""

    version: str
    url: str
    license: str


class Offer(Price, frozen=True, kw_only=True, omit_defaults=True):
    """One model at one provider. Without `lines` its price is unknown."""

    kind: Kind = "chat"
    context: int | None = None
    """The largest input, in tokens."""
    output: int | None = None
    """The longest output, in tokens."""
    can: tuple[str, ...] = ()
    """Capabilities such as `tools`, `vision`, `reasoning`."""
    efforts: tuple[str, ...] = ()
    """The reasoning efforts that it accepts; empty if unknown."""
    ends: date | None = None
    """When the provider stops offering it."""
    sources: tuple[str, ...] = ()
    since: date | None = None
    """The day from which the list has this entry; None: from its beginning."""
    page: int | None = None
    """The page of the price list that states the price."""
