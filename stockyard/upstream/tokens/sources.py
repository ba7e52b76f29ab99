"""Which scheme gets its tokens from where: the table of sources, and the tokens that are kept.

Fulfils the `provers` of Plans. What is kept stays as long as its Credential is in use.
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
from stockyard.upstream.tokens.asking import Asking
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
from stockyard.upstream.tokens.kept import BEARER, KeptToken
from stockyard.upstream.tokens.oci_file import OciFile, OciSigned
from stockyard.upstream.tokens.token import Showing, Source
from stockyard.upstream.url import parse_url

MAX_KEPT = 1_000

AWS = "AWS_"
"""How the variables begin that its tools share."""
SECRET = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
"""Those that hold a secret, whether or not anybody here uses it."""
NO_ENVIRONMENT: Mapping[str, str] = {}

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
    argument: str
    """What stands behind the name of the scheme."""
    environ: Mapping[str, str]
    at: Callable[[str], Asking]
    """Asks at another address of the row's."""
    machine: Callable[[str], Asking]
    """Asks at an address of the machine itself."""
    named: Callable[[str], Asking]
    """Asks at an address that the environment may have named."""

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
        n.asking, n.client_id, n.secret, n.place.scope, n.place.number_field
    ),
    "copilot": lambda n: Copilot(n.asking, n.secret),
    "entra": lambda n: Entra(n.asking, n.client_id, n.secret, n.place.scope),
    "entra_managed": lambda n: EntraManaged(n.asking, n.client_id, n.place.scope),
    "entra_federated": lambda n: EntraFederated(n.asking, n.client_id, n.secret, n.place.scope),
    "google": lambda n: GoogleAccount(n.asking, n.secret, n.place.scope, _federated(n)),
    "google_metadata": lambda n: GoogleMetadata(n.asking, n.place.scope),
    "ibm_iam": lambda n: IbmIam(n.asking, n.secret),
    "oci_signature": lambda n: OciFile(n.secret, n.profile),
    "sigv4": lambda n: AwsGiven(n.secret, n.environ),
    "sigv4_chain": lambda n: _decided(n, partial(by_chain, n.environ, n.profile)),
    "sigv4_container": lambda n: AwsContainer(n.machine, n.environ),
    "sigv4_file": lambda n: _decided(n, partial(by_profile, n.environ, n.profile)),
    "sigv4_instance": lambda n: AwsInstance(n.machine, n.environ),
    "sigv4_web_identity": lambda n: _decided(n, partial(by_statement, n.environ)),
}


def _federated(need: Need) -> GoogleFederated:
    place = need.place
    return GoogleFederated(need.at(place.exchange_url), place.account_url, need.at, place.scope)


def _decided(need: Need, decide: Callable[[], Way]) -> AwsDecided:
    environment = Secret(need.environ.get("AWS_SECRET_ACCESS_KEY", "").strip())
    issuers = AwsIssuers(
        AwsRoles(need.named, need.region, need.environ),
        AwsSignIn(need.named, need.environ),
        {
            "Environment": AwsGiven(environment, need.environ),
            "EcsContainer": AwsContainer(need.machine, need.environ),
            "Ec2InstanceMetadata": AwsInstance(need.machine, need.environ),
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
        self._kept: dict[tuple[Provider, str, Credential], KeptToken] = {}

    def prover(self, provider: Provider, scheme: str, credential: Credential) -> Prover | None:
        """Who fetches the token of this Credential; None for a scheme without tokens."""
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
            asking = self._asking(provider, scheme, place.url)
            at = partial(self._asking, provider, scheme)
            need = Need(
                asking=asking,
                secret=credential.secret,
                place=place,
                values=provider.values,
                argument=argument,
                environ=self._environ,
                at=at,
                machine=partial(self._or_loopback, partial(Asking, self._client, self._machine)),
                named=partial(self._or_loopback, at),
            )
            kept = self._kept[key] = KeptToken(make(need), _showing(name, need))
        return kept

    def secrets(self) -> Iterator[str]:
        """Every token in use, and what the environment has for getting one. None of it must ever
        leave by another way."""
        yield from (self._environ[name] for name in SECRET if name in self._environ)
        for kept in self._kept.values():
            yield from kept.secrets()

    async def aclose(self) -> None:
        """End what is being fetched."""
        await asyncio.gather(*(kept.aclose() for kept in self._kept.values()))

    def _asking(self, provider: Provider, scheme: str, url: str) -> Asking:
        if scheme in MACHINE:
            return Asking(self._client, self._machine, MACHINE[scheme])
        return Asking(self._client, lambda named: self._origin(provider, named), url)

    def _machine(self, url: str) -> Origin:
        return self._client.origin(url, purpose="provider", operator=True, machine=True)

    def _or_loopback(self, usual: Callable[[str], Asking], url: str) -> Asking:
        """Asks as usual, or at a loopback address that the environment named: some put a service
        of their own in place of a cloud's."""
        local = parse_url(url).literal
        if local is not None and local.is_loopback:
            return Asking(self._client, self._loopback, url)
        return usual(url)

    def _loopback(self, url: str) -> Origin:
        return self._client.origin(url, purpose="provider", operator=True, allow_private=True)


def _showing(scheme: str, need: Need) -> Showing:
    if scheme.startswith("sigv4"):
        return Signed(need.argument, need.region)
    return OciSigned() if scheme == "oci_signature" else BEARER
