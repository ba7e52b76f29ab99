"""A price as the API gives it."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Protocol

from msgspec import Struct

from stockyard.core.kind import Kind
from stockyard.core.offer import Offer, PriceSource
from stockyard.core.price import PriceState


class PriceList(Protocol):
    """All that is known of prices."""

    @property
    def made(self) -> date: ...
    @property
    def sources(self) -> Mapping[str, PriceSource]: ...
    @property
    def providers(self) -> Collection[str]: ...
    def models(self, provider: str) -> Collection[str]: ...
    def offer(self, provider: str, model: str) -> Offer | None: ...
    def since(self, offer: Offer) -> date: ...
    def page(self, offer: Offer) -> str: ...


class PriceLine(Struct, frozen=True, kw_only=True):
    """What `per` units of something cost: `price_micros` micro-dollars."""

    dimension: str
    price_micros: int
    per: int
    tier_from: int = 0
    """Holds when the prompt has more tokens than this."""
    service_tier: str = ""


class PriceTime(Struct, frozen=True, kw_only=True):
    """Rates that take the place of the usual ones, from a day on or at hours of every day."""

    since: date | None
    hours_utc: str | None
    lines: list[PriceLine]


class ModelPrice(Struct, frozen=True, kw_only=True):
    """The price of one model at one provider."""

    provider: str
    model: str
    kind: Kind
    price_state: PriceState
    lines: list[PriceLine]
    """In force at the time that was asked about."""
    times: list[PriceTime]
    sources: tuple[str, ...]
    source_url: str
    since: date
    """Since when the list says so."""
