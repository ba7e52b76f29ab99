"""What the package litellm tells: https://github.com/BerriAI/litellm.

Its license is MIT outside of `enterprise/`, where nothing is read.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from scripts.prices.sellers import LITELLM
from scripts.prices.told import Report, Told, rate
from stockyard.core.kind import Kind
from stockyard.core.offer import Offer
from stockyard.core.price import PER_TOKEN, Lines, Rates
from stockyard.wire.efforts import EFFORTS

NAME = "litellm"
FILE = "model_prices_and_context_window_backup.json"
KINDS: dict[str, Kind] = {
    "chat": "chat",
    "responses": "chat",
    "completion": "completions",
    "embedding": "embeddings",
    "image_generation": "images",
    "image_edit": "images",
    "audio_speech": "audio",
    "audio_transcription": "audio",
    "moderation": "moderations",
    "rerank": "rerank",
    "realtime": "realtime",
}
DIMENSIONS = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cache_read",
    "input_cost_per_token_cache_hit": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_in",
    "input_cost_per_image_token": "image_in",
    "cache_read_input_audio_token_cost": "audio_cache_read",
    "cache_read_input_image_token_cost": "image_cache_read",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "reasoning",
    "output_cost_per_audio_token": "audio_out",
    "output_cost_per_image_token": "image_out",
}
UNITS: dict[Kind, dict[str, str]] = {
    "images": {"output_cost_per_image": "image", "input_cost_per_image": "image"},
    "audio": {
        "input_cost_per_second": "second",
        "output_cost_per_second": "second",
        "input_cost_per_character": "character",
        "output_cost_per_character": "character",
    },
    "rerank": {"input_cost_per_query": "rerank_unit"},
}
"""What is sold by something else than tokens, where no tokens are sold."""
ABILITIES = {
    "supports_function_calling": "tools",
    "supports_response_schema": "json",
    "supports_vision": "vision",
    "supports_pdf_input": "pdf",
    "supports_audio_input": "audio",
    "supports_video_input": "video",
    "supports_reasoning": "reasoning",
    "supports_prompt_caching": "cache",
    "supports_web_search": "search",
}
LATER_EFFORTS = frozenset({"xhigh", "max"})
"""Efforts that some models came to take later. Where the one is told and the other is not, a model
does not take it; the rest is told where a model does not take it."""
TIERS = {"batches": "batch", "flex": "flex", "priority": "priority"}

_KEY = re.compile(r"(.+?)(?:_above_(\d+)k_tokens)?(?:_(batches|flex|priority))?")
DEAREST_TOKEN = 1_000_000_000
"""Picodollars; more than a thousand dollars for a million tokens is a mistake in the unit."""
_LARGEST = 100_000_000
"""No model reads this many tokens; more is a mistake."""


def told(models: Mapping[str, Any], report: Report) -> Iterator[Told]:
    """Everything it tells of providers that we have. `models` is its file, numbers as Decimal."""
    for key, said in models.items():
        theirs = said.get("litellm_provider", "")
        seller = LITELLM.get(theirs)
        kind = KINDS.get(said.get("mode", ""))
        if seller is None:
            report.left_out[f"{NAME}: provider {theirs}"] += 1
            continue
        if kind is None:
            report.left_out[f"{NAME}: mode {said.get('mode')}"] += 1
            continue
        name = key.removeprefix(f"{seller.prefix or theirs}/")
        if not seller.understands(name) or "-x-" in name:
            report.left_out[f"{NAME}: names that {seller.name} does not take"] += 1
            continue
        offer = _offer(said, kind, f"{seller.name} {name}", report)
        if not offer.lines and offer.context is None:
            report.left_out[f"{NAME}: models of which it tells nothing"] += 1
            continue
        yield Told(provider=seller.name, names=(name,), offer=offer, page=_page(said.get("source")))


def _offer(said: Mapping[str, Any], kind: Kind, what: str, report: Report) -> Offer:
    usual, tiers = _rates(said, kind, what, report)
    lines = _believed(usual.lines, kind)
    if usual.lines and not lines:
        report.left_out[f"{NAME}: prices of zero, or beyond belief"] += 1
    writes = kind in ("chat", "completions", "realtime")
    return Offer(
        lines=lines,
        above=usual.above if lines else {},
        tiers={name: one for name, one in tiers.items() if lines and any(one.lines.values())},
        kind=kind,
        context=_tokens(said.get("max_input_tokens")),
        output=_tokens(said.get("max_output_tokens")) if writes else None,
        can=tuple(word for flag, word in ABILITIES.items() if said.get(flag) is True),
        efforts=_efforts(said),
        ends=_day(said.get("deprecation_date")),
        sources=(NAME,),
    )


def _efforts(said: Mapping[str, Any]) -> tuple[str, ...]:
    levels = said.get("reasoning_effort_levels")
    if isinstance(levels, list):
        return tuple(effort for effort in EFFORTS if effort in levels)
    told = {effort: said.get(f"supports_{effort}_reasoning_effort") for effort in EFFORTS}
    if all(told[effort] is None for effort in EFFORTS):
        return ()
    left_out = {effort for effort in EFFORTS if told[effort] is False}
    if any(told[effort] is not None for effort in LATER_EFFORTS):
        left_out |= {effort for effort in LATER_EFFORTS if not told[effort]}
    ceiling = said.get("bedrock_output_config_effort_ceiling")
    highest = EFFORTS.index(ceiling) if ceiling in EFFORTS else len(EFFORTS)
    efforts = tuple(e for i, e in enumerate(EFFORTS) if e not in left_out and i <= highest)
    return () if efforts == EFFORTS else efforts


def _believed(lines: Lines, kind: Kind) -> Lines:
    """Zero mostly means that nobody filled it in. Beside a price it may mean "not sold so"."""
    dear = any(lines.get(dimension, 0) > DEAREST_TOKEN for dimension in PER_TOKEN)
    if dear or not any(lines.values()):
        return {}
    return {d: n for d, n in lines.items() if n} if kind == "chat" else lines


def _rates(
    said: Mapping[str, Any], kind: Kind, what: str, report: Report
) -> tuple[Rates, dict[str, Rates]]:
    found: dict[str, Rates] = {}
    for key, value in said.items():
        if not isinstance(value, Decimal | int) or isinstance(value, bool) or "cost" not in key:
            continue
        base, above, tier = _taken_apart(key)
        dimension = DIMENSIONS.get(base)
        if dimension is None:
            if base not in UNITS.get(kind, {}):
                report.left_out[f"{NAME}: prices as {key}"] += 1
            continue
        rates = found.setdefault(TIERS.get(tier, ""), Rates(lines={}, above={}))
        lines = rates.above.setdefault(above, {}) if above else rates.lines
        lines[dimension] = rate(Decimal(value), 1, f"{what} {dimension}", report)
    usual = found.pop("", Rates(lines={}, above={}))
    _add_steps(usual, said.get("tiered_pricing"), what, report)
    _add_searches(usual.lines, said.get("search_context_cost_per_query"), what, report)
    if not any(usual.lines.get(dimension) for dimension in PER_TOKEN):
        _add_units(usual.lines, said, kind, what, report)
    return usual, found


def _taken_apart(key: str) -> tuple[str, int, str]:
    parts = _KEY.fullmatch(key)
    if parts is None or key in DIMENSIONS:
        return key, 0, ""
    return parts[1], int(parts[2] or 0) * 1_000, parts[3] or ""


def _add_steps(rates: Rates, steps: Any, what: str, report: Report) -> None:
    """Prices by the length of the prompt, spelled as a list."""
    for step in steps if isinstance(steps, list) else ():
        start = int(step["range"][0]) if "range" in step else -1
        if start < 0:
            report.left_out[f"{NAME}: steps without a range"] += 1
            continue
        lines = rates.above.setdefault(start, {}) if start else rates.lines
        for key, value in step.items():
            if key in DIMENSIONS:
                dimension = DIMENSIONS[key]
                lines[dimension] = rate(Decimal(value), 1, f"{what} {dimension}", report)


def _add_searches(lines: Lines, said: Any, what: str, report: Report) -> None:
    """The price of a web search, where it is the same for every size."""
    prices = {Decimal(value) for value in said.values()} if isinstance(said, dict) else set()
    if len(prices) == 1:
        lines["search"] = rate(prices.pop(), 1, f"{what} search", report)
    elif prices:
        report.left_out[f"{NAME}: searches priced by size"] += 1


def _add_units(
    lines: Lines, said: Mapping[str, Any], kind: Kind, what: str, report: Report
) -> None:
    for key, dimension in UNITS.get(kind, {}).items():
        value = said.get(key)
        if not value:
            continue
        one = rate(Decimal(value), 1, f"{what} {dimension}", report)
        if lines.setdefault(dimension, one) != one:
            report.left_out[f"{NAME}: two prices for one {dimension}"] += 1
            lines[dimension] = max(lines[dimension], one)


def _tokens(value: Any) -> int | None:
    return int(value) if isinstance(value, Decimal | int) and 0 < value < _LARGEST else None


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _page(source: Any) -> str:
    return source if isinstance(source, str) and source.startswith("https://") else ""
