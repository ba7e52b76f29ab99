"""Which providers can be called, and how: everything built from their settings."""

import asyncio
from collections.abc import Iterator, Mapping

from stockyard import configured
from stockyard.core.estimate import tokens_in
from stockyard.core.target import Target
from stockyard.errors import EgressDenied
from stockyard.providers.directory import MOCK
from stockyard.providers.prices import PriceList
from stockyard.providers.provider import Provider
from stockyard.settings import Settings
from stockyard.upstream.dispatch import Dispatch
from stockyard.upstream.health import TargetHealth
from stockyard.upstream.image_fetch import ImageFetch
from stockyard.upstream.mock import MockTransport
from stockyard.upstream.origin import Origin
from stockyard.upstream.plans import Plans
from stockyard.upstream.tokens.sources import Tokens
from stockyard.upstream.tuned_models import IsOthers
from stockyard.wire.formats import FORMATS

EXAMPLE_MODELS = ("gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash", "llama-3.3-70b-versatile")
"""Small models that many people know."""


class Reach:
    """The outward side of an installation.

    The HTTP client and the health of Targets survive a change of the settings; the directory, the
    Plans and the mock provider are rebuilt.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        loop: asyncio.AbstractEventLoop,
        is_others: IsOthers,
    ) -> None:
        self._settings = settings
        self.environ = environ
        self._loop = loop
        self._is_others = is_others
        self.prices = PriceList.bundled()
        self.target_health = TargetHealth()
        self.client = configured.client(settings)
        self.tokens = Tokens(self.client, self._origin, environ)
        self._images = ImageFetch(
            self.client, configured.proxies(settings), allowed=settings.egress.fetch_images
        )
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Apply settings to calls from now on. Raises CannotStart before anything has changed."""
        self.directory = configured.directory(
            settings, self.environ, self.prices, self.target_health
        )
        self._settings = settings
        self.mock = MockTransport(settings.mock.latency, estimate=tokens_in)
        self.dispatch = Dispatch(
            self._plans(),
            self._images,
            self._loop,
            configured.lossy(settings),
            self._is_others,
        )

    def example_model(self) -> str:
        """A chat model for a first call: a small one that can be called now, or the mock's."""
        callable_now = (name for name in EXAMPLE_MODELS if self.directory.targets(name, "chat"))
        return next(callable_now, MOCK)

    def secrets(self) -> Iterator[str]:
        """Secrets that providers get from us and nobody else may see."""
        yield from self.directory.secrets()
        yield from self.tokens.secrets()

    def _plans(self) -> Plans:
        return Plans(
            self.directory,
            FORMATS,
            {"http": self.client, "mock": self.mock},
            self._origin,
            configured.patience(self._settings),
            self.tokens.prover,
            self._longest_answer,
            lambda target: self.prices.efforts(target.provider, target.model),
            lambda target: self.prices.offer(target.provider, target.model) is not None,
        )

    def _longest_answer(self, target: Target) -> int | None:
        known = self.prices.longest_answer(target.provider, target.model)
        return known or self.prices.likely_longest_answer(target.model)

    def _origin(self, provider: Provider, url: str) -> Origin:
        section = self._settings.providers.get(provider.name)
        try:
            return self.client.origin(
                url,
                purpose="provider",
                operator=True,
                allow_private=provider.allow_private or provider.local,
                ca_file=(section and section.ca_file) or self._settings.proxies.ca_file or None,
                client_cert=(section and section.client_cert) or None,
                client_key=(section and section.client_key) or None,
                proxy=configured.proxies(self._settings),
            )
        except EgressDenied as denied:
            denied.provider = provider.name
            raise
