"""The bundled price list: each model's price at each provider, with source and date.

`prices.json` is made by `python -m scripts.prices` and read once. Names and prices are decoded when
they are first asked for: most installations ask for a few of them.
"""

import re
from collections.abc import Collection
from datetime import date
from functools import cached_property
from importlib.resources import files

import msgspec
from msgspec import Struct

from stockyard.core.kind import Kind
from stockyard.core.money import Usage
from stockyard.core.offer import Offer, PriceSource
from stockyard.core.price import UNPRICED, Cost

FILE = "prices.json"
KEPT = 1_000
"""Models whose prices stay decoded; few are in use at a time."""
LONGEST_NAME = 256
"""Characters of a model name. Callers may send names of any length, which take long to match."""

SNAPSHOT = re.compile(r"(.+?)(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|latest))?(?:-v\d+:\d+)?")
"""A name, followed by the date or the number of one of its versions."""
_SELLER = re.compile(r"(?:[a-z-]++\.)*+")
LONGEST_NAME = 256
"""Callers may ask for a model by a name as long as a body. No longer one has relatives."""
CLOSE = 2
"""First words that names must share to be of one family."""


class Section(Struct, frozen=True):
    """The models and prices of one provider."""

    models: dict[str, msgspec.Raw]
    """Offers, each decoded when it is asked for."""
    also: dict[str, str] = {}
    """Other names that the provider has for the same models."""
    means: dict[str, str] = {}
    """Names that people use and that lists of models do not have."""
    snapshots: dict[str, str] = {}
    """Names that the date of a version may follow, and the model that they mean."""

    def name_of(self, model: str) -> str | None:
        """The name under which a model is listed. Longer names are other models; dates are not."""
        if model in self.models:
            return model
        if model in self.also:
            return self.also[model]
        if model in self.means:
            return self.means[model]
        dated = SNAPSHOT.fullmatch(model)
        return self.snapshots.get(dated[1]) if dated else None


class _Document(Struct, frozen=True):
    made: date
    since: date
    sources: dict[str, PriceSource]
    pages: tuple[str, ...]
    providers: dict[str, msgspec.Raw]


class PriceList:
    """Which models are sold by whom, at which price."""

    def __init__(self, document: bytes) -> None:
        found = msgspec.json.decode(document, type=_Document)
        self.made = found.made
        self._since = found.since
        self.sources = found.sources
        self._pages = found.pages
        self._raw = found.providers
        self._sections: dict[str, Section] = {}
        self._offers: dict[tuple[str, str], Offer] = {}

    @classmethod
    def bundled(cls) -> "PriceList":
        return cls(files("stockyard.providers").joinpath(FILE).read_bytes())

    @property
    def providers(self) -> Collection[str]:
        return self._raw.keys()

    def models(self, provider: str) -> dict[str, Kind]:
        """The names under which a provider sells models, and for which kind of call."""
        section = self._section(provider)
        kinds = {name: _kind(offer) for name, offer in section.models.items()}
        return kinds | {name: kinds[model] for name, model in section.also.items()}

    def sells(self, provider: str, model: str) -> bool:
        """Whether a provider has a model by exactly this name."""
        section = self._section(provider)
        return model in section.models or model in section.also

    def offer(self, provider: str, model: str) -> Offer | None:
        """What the list says of a model, by exact name or by a declared dated one."""
        section = self._section(provider)
        name = section.name_of(model)
        if name is None:
            return None
        offer = self._offers.get((provider, name))
        if offer is None:
            if len(self._offers) >= KEPT:
                self._offers.clear()
            offer = msgspec.json.decode(section.models[name], type=Offer)
            self._offers[provider, name] = offer
        return offer

    def longest_answer(self, provider: str, model: str) -> int | None:
        """The most output tokens to request while leaving room for the prompt.

        Some lists say that a model writes as much as it reads. Asking for all of that is refused
        as soon as there is a prompt.
        """
        offer = self.offer(provider, model)
        return None if offer is None else _longest(offer.output, offer.context)

    def likely_longest_answer(self, model: str) -> int | None:
        """What a model surely writes of which only relatives are known: the least that any of them
        writes, at any provider. None where there is none of the same family."""
        if len(model) > LONGEST_NAME:
            return None
        words = _words_in(model)
        for length in range(len(words), CLOSE - 1, -1):
            found = self._least.get(words[:length])
            if found is not None:
                return found
        return None

    @cached_property
    def _least(self) -> dict[tuple[str, ...], int]:
        """First words of names -> the shortest of the longest answers of those that have them."""
        least: dict[tuple[str, ...], int] = {}
        for provider in self._raw:
            for name, offer in self._section(provider).models.items():
                room = msgspec.json.decode(offer, type=_Room)
                longest = _longest(room.output, room.context)
                if longest is None:
                    continue
                words = _words_in(name)
                for length in range(CLOSE, len(words) + 1):
                    start = words[:length]
                    least[start] = min(longest, least.get(start, longest))
        return least

    def efforts(self, provider: str, model: str) -> tuple[str, ...]:
        """The efforts of thinking that a model takes; empty if the list does not say."""
        offer = self.offer(provider, model)
        return () if offer is None else offer.efforts

    def page(self, offer: Offer) -> str:
        return "" if offer.page is None else self._pages[offer.page]

    def since(self, offer: Offer) -> date:
        return offer.since or self._since

    def cost(self, provider: str, model: str, usage: Usage, *, at_ms: int, tier: str = "") -> Cost:
        """What a call that began then cost; unpriced when the list does not know the model."""
        offer = self.offer(provider, model)
        return UNPRICED if offer is None else offer.cost(usage, at_ms=at_ms, tier=tier)

    def _section(self, provider: str) -> Section:
        section = self._sections.get(provider)
        if section is None:
            raw = self._raw.get(provider)
            if raw is None:
                return _NOTHING
            section = self._sections[provider] = msgspec.json.decode(raw, type=Section)
        return section


def _longest(output: int | None, context: int | None) -> int | None:
    if output is None:
        return None
    return min(output, context // 2) if context else output


def _words_in(model: str) -> tuple[str, ...]:
    """The words of a name, without who sells it, where, and which of its versions it is."""
    name = model.rpartition("/")[2].lower()
    seller = _SELLER.match(name)
    bare = name[seller.end() :] if seller else name
    dated = SNAPSHOT.fullmatch(bare)
    return tuple((dated[1] if dated else bare).replace(".", "-").split("-"))


class _Room(Struct):
    """As much of an Offer as the length of an answer needs."""

    output: int | None = None
    context: int | None = None


class _OfKind(Struct):
    """As much of an Offer as a list of names needs."""

    kind: Kind = "chat"


def _kind(offer: msgspec.Raw) -> Kind:
    return msgspec.json.decode(offer, type=_OfKind).kind


_NOTHING = Section({})
