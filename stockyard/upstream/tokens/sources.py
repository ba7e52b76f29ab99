"""Which authentication scheme gets its tokens from which source, and the tokens in use.

Implements the `provers` of Plans.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from msgspec import Struct

from stockyard.core.target import Credential, Secret
from stockyard.providers.provider import Provider
from stockyard.providers.row import TokenPlace
from stockyard.upstream.client import Client
from stockyard.upstream.origin import Origin
from stockyard.upstream.prover import Prover
from stockyard.upstream.tokens import entra_managed, google_metadata
from stockyard.upstream.tokens.aws_decided import AwsDecided, by_chain, by_profile, by_statement
from stockyard.upstream.tokens.aws_given import AwsGiven
from stockyard.upstream.tokens.aws_issuers import AwsIssuers
from stockyard.upstream.tokens.aws_keys import Signed
from stockyard.upstream.tokens.aws_machine import AwsContainer, AwsInstance
from stockyard.upstream.tokens.aws_roles import AwsRoles
from stockyard.upstream.tokens.aws_sign_in import AwsSignIn
from stockyard.upstream.tokens.aws_ways import Way
from stockyard.upstream.tokens.client_credentials import ClientCredentials
from stockyard.upstream.tokens.copilot import Copilot
from stockyard.upstream.tokens.entra import Entra
from stockyard.upstream.tokens.entra_federated import EntraFederated
from stockyard.upstream.tokens.entra_managed import EntraManaged
from stockyard.upstream.tokens.google_account import GoogleAccount
from stockyard.upstream.tokens.google_federated import GoogleFederated
from stockyard.upstream.tokens.google_metadata import GoogleMetadata
from stockyard.upstream.tokens.ibm_iam import IbmIam
from stockyard.upstream.tokens.oci_file import OciFile, OciSigned
from stockyard.upstream.tokens.token import Authorizer, Source
from stockyard.upstream.tokens.token_client import ClientAt, TokenClient
from stockyard.upstream.tokens.token_prover import BEARER, TokenProver
from stockyard.upstream.url import parse_url

MAX_KEPT = 1_000

AWS = "AWS_"
"""Prefix of the variables that AWS's tools share."""
SECRET = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
"""Variables that hold a secret, whether or not it is used here."""
NO_ENVIRONMENT: Mapping[str, str] = {}

MACHINE = {
    "entra_managed": entra_managed.URL,
    "google_metadata": google_metadata.URL,
}
"""Where tokens for the machine's own identity come from: literal addresses, which no setting can
change."""


class Need(Struct, frozen=True):
    """Everything that a source may need."""

    client: TokenClient
    secret: Secret
    place: TokenPlace
    values: Mapping[str, str]
    argument: str
    """The text after the scheme's name and a colon."""
    environ: Mapping[str, str]
    client_at: ClientAt
    """For another URL of the provider's row."""
    machine_at: ClientAt
    """For a URL of the machine itself."""
    named_at: ClientAt
    """For a URL that may come from the environment."""

    @property
    def client_id(self) -> str:
        return self.values.get("client_id", "")

    @property
    def profile(self) -> str:
        return self.values.get("profile", "")

    @property
    def region(self) -> str:
        return self.values.get("region", "")


SOURCES: dict[str, Callable[[Need], Source]] = {
    "client_credentials": lambda n: ClientCredentials(
        n.client, n.client_id, n.secret, n.place.scope, n.place.number_field
    ),
    "copilot": lambda n: Copilot(n.client, n.secret),
    "entra": lambda n: Entra(n.client, n.client_id, n.secret, n.place.scope),
    "entra_managed": lambda n: EntraManaged(n.client, n.client_id, n.place.scope),
    "entra_federated": lambda n: EntraFederated(n.client, n.client_id, n.secret, n.place.scope),
    "google": lambda n: GoogleAccount(n.client, n.secret, n.place.scope, _federated(n)),
    "google_metadata": lambda n: GoogleMetadata(n.client, n.place.scope),
    "ibm_iam": lambda n: IbmIam(n.client, n.secret),
    "oci_signature": lambda n: OciFile(n.secret, n.profile),
    "sigv4": lambda n: AwsGiven(n.secret, n.environ),
    "sigv4_chain": lambda n: _decided(n, partial(by_chain, n.environ, n.profile)),
    "sigv4_container": lambda n: AwsContainer(n.machine_at, n.environ),
    "sigv4_file": lambda n: _decided(n, partial(by_profile, n.environ, n.profile)),
    "sigv4_instance": lambda n: AwsInstance(n.machine_at, n.environ),
    "sigv4_web_identity": lambda n: _decided(n, partial(by_statement, n.environ)),
}


def _federated(need: Need) -> GoogleFederated:
    place = need.place
    return GoogleFederated(
        need.client_at(place.exchange_url), place.account_url, need.client_at, place.scope
    )


def _decided(need: Need, decide: Callable[[], Way]) -> AwsDecided:
    environment = Secret(need.environ.get("AWS_SECRET_ACCESS_KEY", "").strip())
    issuers = AwsIssuers(
        AwsRoles(need.named_at, need.region, need.environ),
        AwsSignIn(need.named_at, need.environ),
        {
            "Environment": AwsGiven(environment, need.environ),
            "EcsContainer": AwsContainer(need.machine_at, need.environ),
            "Ec2InstanceMetadata": AwsInstance(need.machine_at, need.environ),
        },
    )
    return AwsDecided(issuers, decide)


class Tokens:
    """The tokens of all Credentials in use."""

    def __init__(
        self,
        client: Client,
        origin: Callable[[Provider, str], Origin],
        environ: Mapping[str, str] = NO_ENVIRONMENT,
    ) -> None:
        self._client = client
        self._origin = origin
        # A copy: secrets are taken out of the environment once the start is over.
        self._environ = {k: v for k, v in environ.items() if k.startswith(AWS)}
        self._kept: dict[tuple[Provider, str, Credential], TokenProver] = {}

    def prover(self, provider: Provider, scheme: str, credential: Credential) -> Prover | None:
        """What fetches the token of this Credential; None for a scheme without tokens."""
        name, _, argument = scheme.partition(":")
        make = SOURCES.get(name)
        if make is None:
            return None
        # A provider whose settings changed is another one, and may want its tokens from elsewhere.
        key = (provider, scheme, credential)
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            place = provider.tokens.get(scheme, TokenPlace())
            client = self._token_client(provider, scheme, place.url)
            client_at = partial(self._token_client, provider, scheme)
            need = Need(
                client=client,
                secret=credential.secret,
                place=place,
                values=provider.values,
                argument=argument,
                environ=self._environ,
                client_at=client_at,
                machine_at=partial(
                    self._or_loopback, partial(TokenClient, self._client, self._machine)
                ),
                named_at=partial(self._or_loopback, client_at),
            )
            kept = self._kept[key] = TokenProver(make(need), _authorizer_of(name, need))
        return kept

    def secrets(self) -> Iterator[str]:
        """All tokens in use, and secrets of the environment that tokens are made from: they must
        not appear in logs or answers."""
        yield from (self._environ[name] for name in SECRET if name in self._environ)
        for kept in self._kept.values():
            yield from kept.secrets()

    async def aclose(self) -> None:
        """Cancel all fetches that are running."""
        await asyncio.gather(*(kept.aclose() for kept in self._kept.values()))

    def _token_client(self, provider: Provider, scheme: str, url: str) -> TokenClient:
        if scheme in MACHINE:
            return TokenClient(self._client, self._machine, MACHINE[scheme])
        return TokenClient(self._client, lambda named: self._origin(provider, named), url)

    def _machine(self, url: str) -> Origin:
        return self._client.origin(url, purpose="provider", operator=True, machine=True)

    def _or_loopback(self, usual: ClientAt, url: str) -> TokenClient:
        """As usual, but loopback addresses are allowed: some people run a local replacement of a
        cloud's service and name it in the environment."""
        local = parse_url(url).literal
        if local is not None and local.is_loopback:
            return TokenClient(self._client, self._loopback, url)
        return usual(url)

    def _loopback(self, url: str) -> Origin:
        return self._client.origin(url, purpose="provider", operator=True, allow_private=True)


def _authorizer_of(scheme: str, need: Need) -> Authorizer:
    if scheme.startswith("sigv4"):
        return Signed(need.argument, need.region)
    return OciSigned() if scheme == "oci_signature" else BEARER
