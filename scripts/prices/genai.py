"""What the package genai-prices tells: https://github.com/pydantic/genai-prices (MIT)."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from scripts.prices.sellers import GENAI, Seller
from scripts.prices.told import Report, Told, rate
from stockyard.core.kind import Kind
from stockyard.core.offer import Offer
from stockyard.core.price import Lines, Price, Rates, TimedRates

NAME = "genai-prices"
UNITS = {
    "input_mtok": ("input", 1_000_000),
    "cache_read_mtok": ("cache_read", 1_000_000),
    "cache_write_mtok": ("cache_write_5m", 1_000_000),
    "cache_write_5m_mtok": ("cache_write_5m", 1_000_000),
    "cache_write_1h_mtok": ("cache_write_1h", 1_000_000),
    "input_audio_mtok": ("audio_in", 1_000_000),
    "input_image_mtok": ("image_in", 1_000_000),
    "cache_audio_read_mtok": ("audio_cache_read", 1_000_000),
    "cache_image_read_mtok": ("image_cache_read", 1_000_000),
    "output_mtok": ("output", 1_000_000),
    "output_reasoning_mtok": ("reasoning", 1_000_000),
    "output_audio_mtok": ("audio_out", 1_000_000),
    "output_image_mtok": ("image_out", 1_000_000),
    "input_mchars": ("character", 1_000_000),
    "audio_hours": ("second", 3_600),
    "input_audio_hours": ("second", 3_600),
    "web_searches_kcount": ("search", 1_000),
    "requests_kcount": ("request", 1_000),
}
"""Their name of a price -> our dimension, and how many units it is for."""

_DATED = re.compile(r"\^([^\[\]()|*+?{}$]+)(?:-|@|\[-@\])(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$")
"""Their pattern of a name that is followed by a date."""
_CUT = re.compile(r"[-@](?:20\d\d)?$")
"""What they end the beginning of a dated name with."""
_SEPARATE = frozenset({"speed", "processing", "service_tier"})
"""What of a request may change its price in a way that we know as a service tier."""


def told(providers: list[Any], day: date, report: Report) -> Iterator[Told]:
    """Everything it tells of providers that we have, with the prices from `day` on."""
    for provider in providers:
        seller = GENAI.get(provider.id)
        if seller is None:
            report.left_out[f"{NAME}: provider {provider.id}"] += len(provider.models)
            continue
        page = (provider.pricing_urls or [""])[0]
        for model in provider.models:
            found = _told(model, seller, page, day, report)
            if found is None:
                report.left_out[f"{NAME}: names that {seller.name} does not take"] += 1
            else:
                yield found


def _told(model: Any, seller: Seller, page: str, day: date, report: Report) -> Told | None:
    exact, dated = [model.id], []
    for kind, text in _literals(model.match):
        if kind == "ClauseEquals":
            exact.append(text)
        elif kind == "ClauseStartsWith":
            dated.append(_CUT.sub("", text))
        elif kind == "ClauseRegex" and (beginning := _DATED.fullmatch(text)):
            dated.append(beginning[1].replace("\\", ""))
    names = [name for name in dict.fromkeys(exact) if seller.understands(name)]
    beginnings = [name for name in dict.fromkeys(dated) if seller.understands(name)]
    if not names and not beginnings:
        return None
    what = f"{seller.name} {model.id}"
    price = _price(model, day, what, report)
    offer = Offer(
        lines=price.lines,
        above=price.above,
        tiers=price.tiers,
        times=price.times,
        kind=_kind(model.id, price),
        context=model.context_window,
        sources=(NAME,),
    )
    return Told(
        provider=seller.name,
        names=tuple(names),
        snapshots=tuple(beginnings),
        offer=offer,
        page=page,
    )


def _literals(clause: Any) -> Iterator[tuple[str, str]]:
    """The alternatives of a clause that matches names."""
    kind = type(clause).__name__
    if kind == "ClauseOr":
        for one in clause.or_:
            yield from _literals(one)
    elif kind in ("ClauseEquals", "ClauseStartsWith", "ClauseRegex"):
        (text,) = vars(clause).values()
        yield kind, text


def _price(model: Any, day: date, what: str, report: Report) -> Price:
    usual, times = _by_time(model.prices, day)
    rates = _rates(usual, what, report)
    if not rates.lines and model.id.endswith(":free"):
        rates = Rates(lines={"input": 0, "output": 0})
    timed = []
    for condition in times:
        later = _rates(condition.prices, what, report)
        timed.append(
            TimedRates(lines=later.lines, above=later.above, **_when(condition.constraint))
        )
    tiers: dict[str, Rates] = {}
    for variant in model.price_variants or ():
        tier = _tier(variant, day)
        differs = _rates(variant.prices, what, report)
        if tier is None:
            report.left_out[f"{NAME}: prices for {variant.when}"] += bool(differs.lines)
        elif differs.lines:
            tiers.setdefault(tier, differs)
    return Price(lines=rates.lines, above=rates.above, tiers=tiers, times=tuple(timed))


def _by_time(prices: Any, day: date) -> tuple[Any, list[Any]]:
    """The prices in force on that day, and those that take their place later or at some hours."""
    if not isinstance(prices, list):
        return prices, []
    times: list[Any] = []
    for condition in reversed(prices):
        since = getattr(condition.constraint, "start_date", None)
        if condition.constraint is None or (since is not None and since <= day):
            return condition.prices, times
        times.insert(0, condition)
    return prices[0].prices, times


def _when(constraint: Any) -> dict[str, Any]:
    since = getattr(constraint, "start_date", None)
    if since is not None:
        return {"since": since}
    start, end = constraint.start_time, constraint.end_time
    return {"minutes": (start.hour * 60 + start.minute, end.hour * 60 + end.minute)}


def _tier(variant: Any, day: date) -> str | None:
    since = getattr(variant.constraint, "start_date", None)
    if len(variant.when) != 1 or (since is not None and since > day):
        return None
    ((about, value),) = variant.when.items()
    return str(value) if about in _SEPARATE else None


def _rates(prices: Any, what: str, report: Report) -> Rates:
    lines: Lines = {}
    above: dict[int, Lines] = {}
    for key, value in vars(prices).items():
        if value is None:
            continue
        if key not in UNITS:
            report.left_out[f"{NAME}: prices per {key}"] += 1
            continue
        dimension, per = UNITS[key]
        usual = value if isinstance(value, Decimal) else value.base
        lines[dimension] = rate(usual, per, f"{what} {dimension}", report)
        for step in () if isinstance(value, Decimal) else value.tiers:
            dear = rate(step.price, per, f"{what} {dimension}", report)
            above.setdefault(step.start, {})[dimension] = dear
    return Rates(lines=lines, above=above)


def _kind(name: str, price: Price) -> Kind:
    """They do not say what a model is for; names and prices do."""
    if "embed" in name or name.startswith("voyage"):
        return "rerank" if "rerank" in name else "embeddings"
    if "rerank" in name:
        return "rerank"
    if "moderation" in name:
        return "moderations"
    if "realtime" in name:
        return "realtime"
    if "gpt-image" in name or name.startswith("imagen"):
        return "images"
    if "output" not in price.lines and {"second", "character"} & price.lines.keys():
        return "audio"
    return "chat"
