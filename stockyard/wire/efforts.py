"""Reasoning efforts: their token budgets, and which of them a model accepts (`wire.md` 5.2)."""

from collections.abc import Collection

from stockyard.core.request import ReasoningWish

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From the least to the most."""

BUDGETS = {
    "minimal": 1_024,
    "low": 1_024,
    "medium": 2_048,
    "high": 4_096,
    "xhigh": 8_192,
    "max": 16_384,
}
"""Effort -> tokens of thinking, for models that take a budget."""

ADAPTIVE_THINKING = "adaptive_thinking"
"""Trait of models that take an effort where other models of the format take a budget."""

# Efforts by thinking budget, for requests from formats that count tokens.
_EFFORT_UP_TO = ((1_024, "low"), (2_048, "medium"))
_TRAIT = "efforts:"
_SAY_EFFORTS = frozenset({"openai.chat", "openai.responses"})
_SAY_EFFORTS_OF_SOME = frozenset({"anthropic.messages", "bedrock.invoke", "bedrock.converse"})


def effort_of(wish: ReasoningWish) -> str | None:
    """The requested effort, or the one nearest to a requested token budget."""
    if wish.effort is not None or wish.budget is None:
        return wish.effort
    return next((effort for limit, effort in _EFFORT_UP_TO if wish.budget <= limit), "high")


def nearest(effort: str, taken: Collection[str]) -> str:
    """The nearest effort that a model accepts; of two equally near, the lower. A model whose
    thinking cannot be switched off thinks as little as it can. A word that is no known effort is
    kept: some providers have their own."""
    if effort in taken or effort not in EFFORTS:
        return effort
    ranks = [EFFORTS.index(word) for word in taken if word in EFFORTS[1:]]
    if not ranks:
        return effort
    wanted = EFFORTS.index(effort)
    return EFFORTS[min(ranks, key=lambda rank: (abs(rank - wanted), rank))]


def efforts_in(traits: Collection[str]) -> tuple[str, ...]:
    """The efforts that a provider's row lists for one of its models; empty if it lists none."""
    said = next((trait for trait in traits if trait.startswith(_TRAIT)), None)
    return () if said is None else tuple(said.removeprefix(_TRAIT).split(","))


def says_efforts(format: str, traits: Collection[str]) -> bool:
    """Whether requests of this format give this model an effort rather than a budget or level."""
    if format in _SAY_EFFORTS_OF_SOME:
        return ADAPTIVE_THINKING in traits
    return format in _SAY_EFFORTS
