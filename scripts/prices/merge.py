"""Decides between the collections: genai-prices wins, litellm fills in what it does not say.

litellm fills in rates only where the two agree on every rate that both tell: a price made of two
lists that contradict each other would be nobody's price. Facts that are no prices (what a model can
do, how much it writes) come from litellm wherever it knows the model.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from msgspec.structs import replace

from scripts.prices.told import Report, Told
from stockyard.core.offer import Offer
from stockyard.core.price import KIND_OF, PER_TOKEN, Price, Rates
from stockyard.providers.prices import SNAPSHOT

CHEAPER = frozenset({"batch", "flex"})
REPEATED = frozenset(
    {"reasoning", "audio_in", "audio_out", "audio_cache_read"}
    | {"image_in", "image_out", "image_cache_read"}
)
"""Dimensions that some lists price like what they are a kind of, to say so."""

P = TypeVar("P", bound=Rates)


class Shelf:
    """What one provider sells, as it is being put together."""

    def __init__(self) -> None:
        self.models: dict[str, Offer] = {}
        self.also: dict[str, str] = {}
        self.means: dict[str, str] = {}
        self.snapshots: dict[str, str] = {}
        self.pages: dict[str, str] = {}

    def add(self, name: str, offer: Offer, page: str, *, like: str = "") -> None:
        """Put a model on it, as another name of `like` if nothing tells the two apart."""
        if name in self.models or name in self.also:
            return
        if like != name and self.models.get(like) == offer:
            self.also[name] = like
            return
        self.models[name] = offer
        self.pages[name] = page

    def tables(self) -> dict[str, dict[str, str]]:
        """Names that mean a model, by the table they stand in, in order."""
        listed = self.models.keys() | self.also.keys()
        means = {name: model for name, model in self.means.items() if name not in listed}
        tables = {"also": self.also, "means": means, "snapshots": self.snapshots}
        return {name: dict(sorted(table.items())) for name, table in tables.items() if table}


def merged(winner: Iterable[Told], filler: Iterable[Told], report: Report) -> dict[str, Shelf]:
    """Provider -> what it sells, out of both collections."""
    rest: dict[str, dict[str, Told]] = {}
    for told in filler:
        rest.setdefault(told.provider, {}).setdefault(told.names[0].lower(), told)
    shelves: dict[str, Shelf] = {}
    for told in winner:
        shelf = shelves.setdefault(told.provider, Shelf())
        _put(shelf, told, rest.setdefault(told.provider, {}), report)
    for provider, left in rest.items():
        shelf = shelves.setdefault(provider, Shelf())
        for told in sorted(left.values(), key=lambda one: one.names):
            name = told.names[0]
            dated = SNAPSHOT.fullmatch(name)
            shelf.add(name, told.offer, told.page, like=dated[1] if dated else "")
    for shelf in shelves.values():
        shelf.models = {n: _complete(o, report) for n, o in shelf.models.items()}
    return {name: shelf for name, shelf in sorted(shelves.items()) if shelf.models}


def _put(shelf: Shelf, told: Told, rest: dict[str, Told], report: Report) -> None:
    """One model of the winner, under every name that the filler knows it by."""
    twins = _twins(told, rest)
    names = list({name.lower(): name for name in reversed(told.names)}.values())[::-1]
    if not twins and not (names and told.offer.lines):
        report.left_out["genai-prices: models without a name or a price"] += 1
        return
    known = [twin.names[0] for twin in twins]
    if twins:
        for twin in twins:
            report.differences += _differences(told.provider, twin.names[0], told.offer, twin.offer)
            shelf.add(twin.names[0], _filled(told.offer, twin.offer), told.page, like=known[0])
    else:
        known = [names[0]]
        shelf.add(names[0], told.offer, told.page)
    taken = {name.lower() for name in known}
    for name in names:
        if name.lower() not in taken:
            shelf.means.setdefault(name, known[0])
    for beginning in told.snapshots:
        shelf.snapshots.setdefault(beginning, known[0])


def _twins(told: Told, rest: dict[str, Told]) -> list[Told]:
    """What the filler has under the same names, or under a declared one with a date."""
    dated = {beginning.lower() for beginning in told.snapshots}
    exact = [name.lower() for name in told.names]
    same = [name for name in rest if (parts := SNAPSHOT.fullmatch(name)) and parts[1] in dated]
    return [rest.pop(name) for name in (*exact, *sorted(same)) if name in rest]


def _filled(offer: Offer, other: Offer) -> Offer:
    facts = replace(
        offer,
        kind=other.kind,
        context=other.context or offer.context,
        output=other.output,
        can=other.can,
        efforts=other.efforts,
        ends=other.ends,
    )
    if not other.lines or offer.times or not _agree(offer, other):
        return facts
    if not offer.lines:
        return replace(
            facts, lines=other.lines, above=other.above, tiers=other.tiers, sources=other.sources
        )
    lines = {**other.lines, **offer.lines}
    above = offer.above or other.above
    tiers = {**other.tiers, **offer.tiers}
    if (lines, above, tiers) == (offer.lines, offer.above, offer.tiers):
        return facts
    return replace(
        facts, lines=lines, above=above, tiers=tiers, sources=(*offer.sources, *other.sources)
    )


def _agree(offer: Offer, other: Offer) -> bool:
    return not any(_differences("", "", offer, other))


def _differences(provider: str, name: str, offer: Offer, other: Offer) -> Iterator[str]:
    """What both tell of the usual rates and do not tell alike, in dollars for a million."""
    pairs = [("", offer.lines, other.lines)]
    pairs += [
        (f" above {start:,} tokens", offer.above[start], other.above[start])
        for start in sorted(offer.above.keys() & other.above.keys())
    ]
    for where, ours, theirs in pairs:
        for dimension in sorted(ours.keys() & theirs.keys()):
            if ours[dimension] != theirs[dimension]:
                yield (
                    f"{provider} {name} {dimension}{where}: {_dollars(ours[dimension])}, "
                    f"not {_dollars(theirs[dimension])}"
                )


def _complete(offer: Offer, report: Report) -> Offer:
    """Without the service tiers whose price would be guessed in part.

    What a tier does not name costs the usual rate. That is never too little in a cheaper tier; a
    dearer one must name every kind of token, and each must say what a long prompt costs.
    """
    offer = replace(_of_its_own(offer), times=tuple(map(_of_its_own, offer.times)))
    tiers = {}
    for name, tier in offer.tiers.items():
        tokens = PER_TOKEN & offer.lines.keys()
        partly = name not in CHEAPER and not tokens <= tier.lines.keys()
        if partly or not _steps_alike(offer, tier):
            report.left_out[f"tier {name}, told in part"] += 1
        else:
            tiers[name] = tier
    return replace(offer, tiers=tiers)


def _of_its_own(price: P) -> P:
    """Without rates that only repeat that of what a dimension is a kind of.

    Some lists write them down, and only once: a service tier or a long prompt that changes the
    price of all output would leave that of reasoning where it was. What writes nothing but images
    mostly does not tell that it did, so the price of those is that of its output.
    """
    lines = price.lines
    if "image_out" in lines and "output" not in lines:
        lines = {**lines, "output": lines["image_out"]}
    repeats = {d for d in lines if d in REPEATED and lines[d] == lines.get(KIND_OF[d])}
    return replace(price, lines={d: rate for d, rate in lines.items() if d not in repeats})


def _steps_alike(offer: Price, tier: Rates) -> bool:
    """A tier that changes a rate must change it for long prompts as well."""
    return all(
        tier.lines.keys() & lines.keys() <= tier.above.get(start, {}).keys()
        for start, lines in offer.above.items()
    )


def _dollars(rate: int) -> str:
    return f"${rate // 10**6}.{rate % 10**6:06}".rstrip("0").rstrip(".")
