"""Which scheme gets its tokens from where: the table of sources, and the tokens that are kept.

Fulfils the `provers` of Plans. What is kept stays as long as its Credential is in use.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from stockyard.core.target import Credential, Secret
from stockyard.providers.provider import Provider
from stockyard.providers.row import TokenPlace
from stockyard.upstream.client import Client
from stockyard.upstream.origin import Origin
from stockyard.upstream.prover import Prover
from stockyard.upstream.tokens import entra_managed, google_metadata
from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.client_credentials import ClientCredentials
from stockyard.upstream.tokens.copilot import Copilot
from stockyard.upstream.tokens.entra import Entra
from stockyard.upstream.tokens.entra_managed import EntraManaged
from stockyard.upstream.tokens.google_account import GoogleAccount
from stockyard.upstream.tokens.google_metadata import GoogleMetadata
from stockyard.upstream.tokens.ibm_iam import IbmIam
from stockyard.upstream.tokens.kept import KeptToken
from stockyard.upstream.tokens.token import Source

MAX_KEPT = 1_000

MACHINE = {
    "entra_managed": entra_managed.URL,
    "google_metadata": google_metadata.URL,
}
"""Where the machine's own identity is asked for: literal addresses, which nothing can change."""


class Need(Struct, frozen=True):
    """What a source may be made of."""

    asking: Asking
    secret: Secret
    place: TokenPlace
    values: Mapping[str, str]

    @property
    def client_id(self) -> str:
        return self.values.get("client_id", "")


SOURCES: dict[str, Callable[[Need], Source]] = {
    "client_credentials": lambda n: ClientCredentials(
        n.asking, n.client_id, n.secret, n.place.scope, n.place.number_field
    ),
    "copilot": lambda n: Copilot(n.asking, n.secret),
    "entra": lambda n: Entra(n.asking, n.client_id, n.secret, n.place.scope),
    "entra_managed": lambda n: EntraManaged(n.asking, n.client_id, n.place.scope),
    "google": lambda n: GoogleAccount(n.asking, n.secret, n.place.scope),
    "google_metadata": lambda n: GoogleMetadata(n.asking, n.place.scope),
    "ibm_iam": lambda n: IbmIam(n.asking, n.secret),
}


class Tokens:
    """The tokens of all Credentials in use."""

    def __init__(self, client: Client, origin: Callable[[Provider, str], Origin]) -> None:
        self._client = client
        self._origin = origin
        self._kept: dict[tuple[str, str, Credential], KeptToken] = {}

    def prover(self, provider: Provider, scheme: str, credential: Credential) -> Prover | None:
        """Who fetches the token of this Credential; None for a scheme without tokens."""
        make = SOURCES.get(scheme)
        if make is None:
            return None
        key = (provider.base_url, scheme, credential)
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            place = provider.tokens.get(scheme, TokenPlace())
            asking = self._asking(provider, scheme, place.url)
            need = Need(asking, credential.secret, place, provider.values)
            kept = self._kept[key] = KeptToken(make(need))
        return kept

    def secrets(self) -> Iterator[str]:
        """Every token in use, which must never leave by another way."""
        return (secret for kept in self._kept.values() for secret in kept.secrets())

    async def aclose(self) -> None:
        """End what is being fetched."""
        await asyncio.gather(*(kept.aclose() for kept in self._kept.values()))

    def _asking(self, provider: Provider, scheme: str, url: str) -> Asking:
        if scheme in MACHINE:
            return Asking(self._client, self._machine, MACHINE[scheme])
        return Asking(self._client, lambda named: self._origin(provider, named), url)

    def _machine(self, url: str) -> Origin:
        return self._client.origin(url, purpose="provider", operator=True, machine=True)
