"""Which models and providers can be called now, and with which Credentials.

A Directory is built from the catalog, the Credentials and the operator's aliases. It is immutable:
when one of those changes, a new one replaces it.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Protocol, TypeVar

from msgspec import Struct

from stockyard.core.kind import Kind
from stockyard.core.offer import Offer
from stockyard.core.target import Credential, Target
from stockyard.providers.catalog import Catalog
from stockyard.providers.credentials import HeldCredential
from stockyard.providers.group import Group
from stockyard.providers.provider import Provider

REMEMBERED = 4096
LONGEST_NAME = 256
NEAR = 5
COMPARED = 2000
"""How many names are compared to find similar ones."""

K = TypeVar("K")
V = TypeVar("V")

MOCK = "mock"
LISTED = ("chat", "embeddings", "images", "speech", "transcriptions", "rerank", "moderations")
"""Kinds of call that an alias may serve to be listed among the models."""
TRIED = frozenset({"chat", "completions", "embeddings", "rerank"})
"""Kinds that the mock answers for trial. For others an answer would be made up."""
MOCK_DEFAULT_MODEL = "echo"
_HOMES = dict.fromkeys(("ollama.chat", "ollama.generate", "ollama.embed"), "ollama.chat")
"""Formats whose clients may name any model -> the first format of the provider that has them."""


class Priced(Protocol):
    """A price list: which models it knows at a provider, by exact name, and what they are for."""

    def models(self, provider: str) -> Mapping[str, Kind]: ...
    def sells(self, provider: str, model: str) -> bool: ...
    def offer(self, provider: str, model: str) -> Offer | None: ...


class Listed(Struct, frozen=True):
    """A model as lists of models show it."""

    id: str
    provider: str
    model: str = ""
    """What the provider calls it; empty when that is not known."""


class Directory:
    """Finds Targets for models. Implements the Port `Models`."""

    def __init__(
        self,
        catalog: Catalog,
        held: Iterable[HeldCredential] = (),
        *,
        formats: Container[str],
        aliases: Mapping[str, Group] | None = None,
        priced: Priced | None = None,
        mock: bool = True,
        trial: bool = False,
    ) -> None:
        """`formats` are those that can be written, `priced` says who sells a model by exact name.

        `mock`: models `mock` and `mock/…` are answered from within. `trial`: so is every chat
        model while there is no Credential; only to be asked for on a loopback address.
        """
        self.formats = formats
        self._catalog = catalog
        self._aliases = dict(aliases or {})
        self._priced = priced or _NothingPriced()
        self._credentials = _by_provider(catalog, held)
        self._configured = {p.name: p for p in catalog if self._is_configured(p)}
        self._mock = catalog.get(MOCK) if mock else None
        self.trial = trial and self._mock is not None and not self._configured
        self._known: dict[tuple[str, str], tuple[Target, ...]] = {}
        self._near: dict[str, list[str]] = {}

    def targets(self, model: str, kind: str) -> tuple[Target, ...]:
        """The Targets for this model: one per Credential, in their order."""
        try:
            return self._known[model, kind]
        except KeyError:
            group = self._aliases.get(model)
            if group is not None and not group.fixed and not self._is_named(model):
                return group.in_order(self._shares(group, kind))
            # Callers may send names of any length. No provider serves one as long as this.
            if len(model) > LONGEST_NAME:
                return ()
            return _remember(self._known, (model, kind), self._find(model, kind))

    def elsewhere(self, target: Target, kind: str) -> tuple[Target, ...]:
        """The same model at other providers that offer it.

        The price list decides who does; where it does not know the model, the globs of the rows do.
        """
        model = target.model
        sellers = [p for p in self._configured.values() if self._priced.sells(p.name, model)]
        return tuple(
            found
            for p in self._configured.values()
            if p.name != target.provider and p.serves(kind, self.formats)
            if (p in sellers if sellers else p.claims(model) is not None)
            for found in self._targets_at(p, model)
        )

    def at_home(self, model: str, format: str, kind: str) -> tuple[Target, ...]:
        """Where a name that no provider claims goes, for clients of this format.

        Some know no other names than those of the models that one provider has on its disk, which
        no list of ours can hold.
        """
        provider = self.home(format)
        if provider is None or not model or self._is_named(model):
            return ()
        return self._targets_at(provider, model, kind)

    def home(self, format: str) -> Provider | None:
        """The provider whose models only it can name, for clients of this format."""
        favourite = _HOMES.get(format)
        if favourite is None:
            return None
        speaking = (p for p in self._configured.values() if next(iter(p.speaks), None) == favourite)
        return next(speaking, None)

    def own_target(self, model: str, kind: str, credential: Credential) -> Target | None:
        """The Target for a caller with its own secret, if the model belongs to that provider."""
        provider = self.provider(credential.provider)
        if provider is None or provider.missing or not provider.serves(kind, self.formats):
            return None
        named, rest = self._named_in(model)
        if named is not None:
            return Target(provider.name, rest, credential) if named is provider else None
        if provider.claims(model) is None and not self._priced.sells(provider.name, model):
            return None
        return Target(provider.name, model, credential)

    def named_at(self, provider: str, model: str) -> str:
        """What a name means on a provider's native route: an alias, its target there; any other
        name, itself (`wire.md` 2.3)."""
        if model not in self._aliases:
            return model
        meant = (t for kind in LISTED for t in self.targets(model, kind) if t.provider == provider)
        return next((target.model for target in meant), model)

    def lacking(self, model: str) -> Provider | None:
        """A provider that serves this model but lacks what this call needs."""
        named, _ = self._named_in(model)
        if named is not None:
            return named if named.name == MOCK or named.name in self._configured else None
        if model == MOCK:
            return self._mock
        if model in self._aliases:
            plain = (name for name in self._aliases[model].names if name not in self._aliases)
            return next(filter(None, map(self.lacking, plain)), None)
        return _claiming(self._configured.values(), model)

    def unready(self, model: str) -> Provider | None:
        """The provider that would serve this model if it had a Credential, or a setting of its
        address."""
        named, _ = self._named_in(model)
        if named is not None:
            return None if self.can_call(named.name) else named
        return _claiming((p for p in self._catalog if not self.can_call(p.name)), model)

    def can_call(self, provider: str) -> bool:
        """Whether a provider has everything needed to call it."""
        return provider == MOCK or provider in self._configured

    def offer(self, target: Target) -> Offer | None:
        """The price list's entry for a model at this provider."""
        return self._priced.offer(target.provider, target.model)

    def near(self, model: str) -> list[str]:
        """Up to five similar names."""
        if len(model) > LONGEST_NAME:
            return []
        if model not in self._near:
            _remember(self._near, model, get_close_matches(model, self._names, NEAR))
        return self._near[model]

    def listing(self) -> list[Listed]:
        """Every model that can be named: priced ones, aliases, and the mock provider."""
        return list(self._listing())

    def listing_of(self, name: str) -> list[Listed]:
        """Every model that is known of one provider, whether or not there is a Credential."""
        provider = self.provider(name)
        if provider is None or provider.missing:
            return []
        models = self._models_at(provider)
        return [Listed(self._callable(model, provider), name, model) for model in models]

    def provider(self, name: str) -> Provider | None:
        """Anyone in the catalog, reachable or not."""
        return None if name == MOCK and self._mock is None else self._catalog.get(name)

    def has_provider(self, name: str) -> bool:
        return self.provider(name) is not None

    def configured(self) -> list[Provider]:
        """The providers that can be called with what is here now, without the built-in one."""
        return list(self._configured.values())

    def credentials(self, provider: str) -> tuple[Credential, ...]:
        """Our Credentials for a provider; empty if it needs or has none."""
        return self._credentials.get(provider, ())

    def secrets(self) -> Iterator[str]:
        """Every secret in use, for redaction."""
        secrets = (c.secret.reveal() for found in self._credentials.values() for c in found)
        return (secret for secret in secrets if secret)  # the machine's own identity has none

    def _is_configured(self, provider: Provider) -> bool:
        if provider.missing or provider.name == MOCK:
            return False
        needs_none = "none" in provider.auth
        return provider.name in self._credentials or (provider.named and needs_none)

    def _find(self, model: str, kind: str) -> tuple[Target, ...]:
        if not model:
            return ()
        if self._mock and model == MOCK:
            return self._targets_at(self._mock, MOCK_DEFAULT_MODEL, kind)
        named, rest = self._named_in(model)
        if named is not None and (named.name == MOCK or not self.trial):
            reachable = named.name == MOCK or named.name in self._configured
            return self._targets_at(named, rest, kind) if reachable else ()
        if model in self._aliases:
            group = self._aliases[model]
            return group.in_order(self._shares(group, kind))
        return self._by_name(model, kind)

    def _shares(self, group: Group, kind: str) -> list[tuple[Target, ...]]:
        """The Targets of each entry of an alias. An entry cannot be another alias, which could
        loop."""
        return [() if name in self._aliases else self.targets(name, kind) for name in group.names]

    def _named_in(self, model: str) -> tuple[Provider | None, str]:
        """The provider that the name of a model begins with, and the rest of the name."""
        prefix, _, rest = model.partition("/")
        return (self.provider(prefix) if rest else None), rest

    def _is_named(self, model: str) -> bool:
        """Whether the name begins with that of a provider, which goes before every alias."""
        return self._named_in(model)[0] is not None

    def _by_name(self, model: str, kind: str) -> tuple[Target, ...]:
        serving = [p for p in self._configured.values() if p.serves(kind, self.formats)]
        sellers = [p for p in serving if self._priced.sells(p.name, model)]
        if sellers:
            return self._targets_at(_home(sellers, model), model)
        claiming = _claiming(serving, model)
        if claiming is not None:
            return self._targets_at(claiming, model)
        if self.trial and self._mock and kind in TRIED:
            return self._targets_at(self._mock, model, kind)
        return ()

    def _targets_at(
        self, provider: Provider, model: str, kind: str | None = None
    ) -> tuple[Target, ...]:
        if kind is not None and not provider.serves(kind, self.formats):
            return ()
        credentials = self._credentials.get(provider.name, ())
        if not credentials:
            return (Target(provider.name, model),)
        return tuple(Target(provider.name, model, credential) for credential in credentials)

    @cached_property
    def _names(self) -> list[str]:
        """The known names that an unknown one is compared with."""
        listed = [model.id for model in self._listing()]
        globs = [glob for p in self._configured.values() for glob in p.models if "*" in glob]
        return [*listed, *globs][:COMPARED]

    def _listing(self) -> Iterator[Listed]:
        for name in self._aliases:
            found = next(filter(None, (self.targets(name, needs) for needs in LISTED)), ())
            if found:
                yield Listed(name, found[0].provider, found[0].model)
        offered: dict[tuple[str, str], list[Provider]] = {}
        for provider in self._configured.values():
            for model in self._models_at(provider):
                offered.setdefault((self._callable(model, provider), model), []).append(provider)
        for (name, model), sellers in offered.items():
            if name not in self._aliases:
                yield Listed(name, _home(sellers, model).name, model)
        if self._mock:
            yield Listed(MOCK, MOCK)

    def _models_at(self, provider: Provider) -> Iterator[str]:
        """What a provider is known to have: by the price list, and by the names in its row."""
        priced = self._priced.models(provider.name)
        exact = (glob for glob in provider.models if not any(c in glob for c in "*?["))
        yield from (m for m, kind in priced.items() if provider.serves_kind(kind, self.formats))
        yield from (name for name in exact if name not in priced)

    def _callable(self, model: str, provider: Provider) -> str:
        """The name by which it can be called: a provider's name in front of it means another."""
        prefix, slash, _ = model.partition("/")
        return f"{provider.name}/{model}" if slash and self.has_provider(prefix) else model


def _home(sellers: Sequence[Provider], model: str) -> Provider:
    """Of those that sell a model the one that claims it most exactly; others resell it."""
    return _claiming(sellers, model) or sellers[0]


def _claiming(providers: Iterable[Provider], model: str) -> Provider | None:
    """The one that claims a model most exactly; of equals the first, as the catalog has them."""
    claims = [(claim, p) for p in providers if (claim := p.claims(model)) is not None]
    return max(claims, key=lambda claim: claim[0])[1] if claims else None


class _NothingPriced:
    """The price list of an installation that has none."""

    def models(self, provider: str) -> Mapping[str, Kind]:
        return {}

    def sells(self, provider: str, model: str) -> bool:
        return False

    def offer(self, provider: str, model: str) -> Offer | None:
        return None


def _by_provider(
    catalog: Catalog, held: Iterable[HeldCredential]
) -> dict[str, tuple[Credential, ...]]:
    """The Credentials that may be used: those whose provider is still where it was."""
    found: dict[str, tuple[Credential, ...]] = {}
    for one in held:
        name = one.credential.provider
        provider = catalog.get(name)
        if provider is not None and provider.origin == one.origin:
            found[name] = (*found.get(name, ()), one.credential)
    return found


def _remember(memory: dict[K, V], key: K, value: V) -> V:
    if len(memory) >= REMEMBERED:  # callers choose the names, so this is a bound, not a guess
        memory.clear()
    memory[key] = value
    return value
