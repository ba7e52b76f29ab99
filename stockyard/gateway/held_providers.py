"""Choose the provider for a call about stored things.

An id leads to the provider and the Credential that issued it. Something new goes to the provider
that the caller names, else to the one that serves the first model in it, else to the only provider
that takes such things.
"""

from collections.abc import Callable
from typing import NamedTuple

from stockyard.core.ports import HeldIds
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway import held
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.first_model import first_model
from stockyard.gateway.held import HeldPath
from stockyard.providers.directory import Directory
from stockyard.providers.provider import Entry, Provider


class Place(NamedTuple):
    """A provider, and the Credential to call it with."""

    provider: Provider
    credential: Credential | None


class HeldProviders:
    """The providers that one path may lead to, for one team."""

    def __init__(
        self,
        endpoint: Endpoint,
        path: HeldPath,
        asked: str,
        *,
        ids: HeldIds,
        team_id: str,
        directory: Callable[[], Directory],
        messages: bool,
    ) -> None:
        """`asked`: the provider that the caller wants; empty for any. `messages`: the client speaks
        the Messages dialect, which shares a path with another."""
        self._endpoint = endpoint
        self._path = path
        self._asked = asked
        self._ids = ids
        self._team = team_id
        self._directory = directory
        self._messages = messages

    def of_call(self, body: bytes, named: list[str]) -> Place:
        """Where to send a call that names these things. Raises Refused if that is not clear."""
        leading = [self._path.id] if self._path.id else named
        if leading:
            return self._place_of(leading[0])
        if self._endpoint.native is not None:
            provider = self.provider(self._endpoint.native)
        elif self._asked:
            provider = self.provider(self._asked)
        else:
            provider = self._by_model(body) or self._only_one()
        credentials = self._directory().credentials(provider.name)
        return Place(provider, credentials[0] if credentials else None)

    def provider(self, name: str) -> Provider:
        """The provider of this name. Raises Refused (400) for one that takes no such things."""
        provider = self._directory().provider(name)
        if provider is None or (self._endpoint.native is None and self._entry(provider) is None):
            raise Refused(
                400,
                "invalid_request",
                f"The provider '{name[:64]}' does not take {self._what}.",
                detail={"provider": name[:64]},
            )
        return provider

    def listed(self) -> list[Place]:
        """All places to ask for a list. Raises Refused (503) if no provider has such things."""
        if self._endpoint.native is not None:
            providers = [self.provider(self._endpoint.native)]
        elif self._asked:
            providers = [self.provider(self._asked)]
        else:
            providers = self._capable()
        if not providers:
            raise self._nobody()
        return [
            Place(provider, credential)
            for provider in providers
            for credential in self._directory().credentials(provider.name) or (None,)
        ]

    def endpoint(self, provider: Provider) -> Endpoint:
        """The corresponding path at a provider."""
        entry, path = self._entry(provider), self._path
        if entry is None:
            raise self._nobody()
        thing = f"/{path.id}{path.below}" if path.id else ""
        return Endpoint(
            format="",
            kind="passthrough",
            needs=path.collection,
            methods=self._endpoint.methods,
            max_body=self._endpoint.max_body,
            native=provider.name,
            native_path=entry.path + thing,
            native_origin=entry.origin,
            native_auth=entry.auth,
            passes=entry.format,
        )

    def _place_of(self, thing: str) -> Place:
        """Where the thing with this id is stored. Raises Refused (404) if the team has none."""
        found = held.held_by(self._ids, self._team, thing)
        if found is None or self._endpoint.native not in (None, found.provider):
            raise held.no_such(thing)
        provider = self._directory().provider(found.provider)
        credentials = self._directory().credentials(found.provider)
        credential = next((c for c in credentials if c.id == found.credential_id), None)
        if provider is None or (credential is None and found.credential_id):
            message = f"The provider '{found.provider}' has it, and can no longer be called."
            raise Refused(503, "no_target", message)
        return Place(provider, credential)

    def _by_model(self, body: bytes) -> Provider | None:
        """The provider that serves the first model in an upload or a batch."""
        model = first_model(body)
        if not model:
            return None
        targets = self._directory().targets(model, "chat")
        capable = {provider.name: provider for provider in self._capable()}
        return next((capable[t.provider] for t in targets if t.provider in capable), None)

    def _only_one(self) -> Provider:
        capable = self._capable()
        if not capable:
            raise self._nobody()
        if len(capable) > 1:
            names = [provider.name for provider in capable]
            raise Refused(
                400,
                "invalid_request",
                f"Several providers take {self._what}: {', '.join(names[:5])}. "
                "Say which one in the header `X-Stockyard-Provider`.",
                param="X-Stockyard-Provider",
                detail={"providers": names[:20]},
            )
        return capable[0]

    def _capable(self) -> list[Provider]:
        configured = self._directory().configured()
        return [provider for provider in configured if self._entry(provider) is not None]

    def _entry(self, provider: Provider) -> Entry | None:
        """The provider's endpoint for such things, in a format that the client knows."""
        collection = self._path.collection
        entry = provider.endpoints.get(collection.rpartition("/")[2])
        if entry is None or not entry.certain or entry.format not in self._shapes:
            return None
        return entry

    @property
    def _shapes(self) -> tuple[str, ...]:
        shapes = held.OFFERS.get(self._path.collection, ())
        if len(shapes) == 1 or self._path.id:
            return shapes
        return tuple(s for s in shapes if s.startswith("anthropic.") is self._messages)

    @property
    def _what(self) -> str:
        return self._path.collection.rpartition("/")[2].replace("_", " ")

    def _nobody(self) -> Refused:
        return Refused(503, "no_target", f"No provider that is configured takes {self._what}.")
