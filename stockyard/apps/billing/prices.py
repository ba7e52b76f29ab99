"""Shows what the price list says: which models it is asked about, and what they cost then."""

from collections.abc import Iterator

from stockyard.apps.billing.models import ModelPrice, PriceLine, PriceList, PriceTime
from stockyard.core.offer import Offer
from stockyard.core.price import MICRO, PER_TOKEN, Rates

MILLION = 1_000_000
Place = tuple[str, str]
"""Provider and model."""


def places(prices: PriceList, provider: str | None, model: str | None) -> list[Place]:
    """Where there may be something to show, in a fixed order.

    A model may be named as calls name it: alone, by a dated name, or behind its provider.
    """
    providers = [name for name in sorted(prices.providers) if provider in (None, name)]
    if model is None:
        return [(name, one) for name in providers for one in sorted(prices.models(name))]
    prefix, _, rest = model.partition("/")
    found = [(name, model) for name in providers if prices.offer(name, model) is not None]
    if rest and prefix in providers and prices.offer(prefix, rest) is not None:
        found.append((prefix, rest))
    return found


def shown(prices: PriceList, place: Place, at_ms: int) -> ModelPrice:
    """The price of a model that the list has."""
    provider, model = place
    offer = prices.offer(provider, model)
    assert offer is not None  # noqa: S101  `places` looked
    return ModelPrice(
        provider=provider,
        model=model,
        kind=offer.kind,
        price_state=offer.state,
        lines=[*_lines(offer.usual(at_ms)), *_tier_lines(offer)],
        times=[_time(offer, number) for number in range(len(offer.times))],
        sources=offer.sources,
        source_url=prices.page(offer),
        since=prices.since(offer),
    )


def _tier_lines(offer: Offer) -> Iterator[PriceLine]:
    for name, tier in offer.tiers.items():
        yield from _lines(tier, name)


def _lines(rates: Rates, service_tier: str = "") -> Iterator[PriceLine]:
    for above, lines in ((0, rates.lines), *sorted(rates.above.items())):
        for dimension, rate in lines.items():
            price, per = _per_unit(dimension, rate)
            yield PriceLine(
                dimension=dimension,
                price_micros=price,
                per=per,
                tier_from=above,
                service_tier=service_tier,
            )


def _per_unit(dimension: str, rate: int) -> tuple[int, int]:
    """The same in micro-dollars: for one unit where that is exact, otherwise for a million."""
    if dimension not in PER_TOKEN and rate % MICRO == 0:
        return rate // MICRO, 1
    return rate, MILLION


def _time(offer: Offer, number: int) -> PriceTime:
    timed = offer.times[number]
    hours = None
    if timed.minutes is not None:
        hours = "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in timed.minutes)
    return PriceTime(since=timed.since, hours_utc=hours, lines=list(_lines(timed)))
