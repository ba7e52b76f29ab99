"""Keys for AWS from the files that its tools share: used where no other Credential is."""

from collections.abc import Iterator, Mapping

from stockyard.core.target import Credential, Secret
from stockyard.errors import UpstreamError
from stockyard.providers.catalog import Catalog
from stockyard.providers.credentials import HeldCredential
from stockyard.upstream.tokens.aws_decided import by_profile
from stockyard.upstream.tokens.aws_ways import at_hand

SCHEME = "sigv4_file"


def held_by_file(
    catalog: Catalog, environ: Mapping[str, str], others: frozenset[str]
) -> Iterator[HeldCredential]:
    """Credentials for providers that take signatures, have no other Credential (`others` have),
    and whose profile says how to get keys without asking the machine."""
    for provider in catalog:
        scheme = next((s for s in provider.auth if s.partition(":")[0] == SCHEME), None)
        if scheme is None or provider.name in others or provider.scheme or provider.missing:
            continue
        if _at_hand(environ, provider.values.get("profile", "")):
            ours = Credential(id=SCHEME, provider=provider.name, secret=Secret(""), scheme=scheme)
            yield HeldCredential(ours, provider.origin)


def _at_hand(environ: Mapping[str, str], profile: str) -> bool:
    try:
        return at_hand(by_profile(environ, profile))
    except UpstreamError:
        return False
