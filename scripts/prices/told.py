"""What a collection tells of one model, in the words of our price list."""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct, field

from stockyard.core.offer import Offer

PICODOLLARS = 10**12


class Told(Struct, frozen=True, kw_only=True):
    provider: str
    names: tuple[str, ...]
    """Exact names, the main one first."""
    snapshots: tuple[str, ...] = ()
    """Names that a date of a version may follow."""
    offer: Offer
    page: str = ""
    """Where the price can be looked up."""


class Report(Struct):
    """What was left out, rounded or disagreed about."""

    left_out: Counter[str] = field(default_factory=Counter)
    rounded: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def rate(dollars: Decimal, per: int, what: str, report: Report) -> int:
    """Picodollars per unit. What is no whole number of them is rounded half up, and noted."""
    exact = dollars * PICODOLLARS / per
    whole = exact.quantize(Decimal(1), ROUND_HALF_UP)
    if abs(exact - whole) > Decimal("0.01"):  # less than that was a float on its way here
        report.rounded.append(f"{what}: {exact.normalize():f} -> {whole} picodollars")
    return int(whole)
