"""Use the files of AWS's tools where nothing else is configured.

Providers that have no other Credential get keys from them; and the region, if neither settings nor
environment name one.
"""

from collections.abc import Iterator, Mapping

from stockyard.core.target import Credential, Secret
from stockyard.errors import UpstreamError
from stockyard.providers.catalog import Catalog
from stockyard.providers.credentials import HeldCredential
from stockyard.upstream.tokens.aws_decided import by_profile
from stockyard.upstream.tokens.aws_files import read_files
from stockyard.upstream.tokens.aws_ways import DEFAULT_PROFILE, at_hand

SCHEME = "sigv4_file"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""Environment variables for the region."""


def held_by_file(
    catalog: Catalog, environ: Mapping[str, str], others: frozenset[str]
) -> Iterator[HeldCredential]:
    """Credentials for providers that accept signatures, are not in `others`, and whose profile
    says how to get keys without asking the machine."""
    for provider in catalog:
        scheme = next((s for s in provider.auth if s.partition(":")[0] == SCHEME), None)
        if scheme is None or provider.name in others or provider.scheme or provider.missing:
            continue
        if _at_hand(environ, provider.values.get("profile", "")):
            ours = Credential(id=SCHEME, provider=provider.name, secret=Secret(""), scheme=scheme)
            yield HeldCredential(ours, provider.origin)


def names_region(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name, "").strip() for name in REGIONS)


def region_of(environ: Mapping[str, str], profile: str = "") -> str:
    """The region of a profile; without a name, of the environment's profile. Empty for none."""
    name = profile or environ.get("AWS_PROFILE", "").strip() or DEFAULT_PROFILE
    try:
        return read_files(environ).profile(name).get("region", "").strip()
    except UpstreamError:
        return ""  # reported when the keys are fetched


def _at_hand(environ: Mapping[str, str], profile: str) -> bool:
    try:
        return at_hand(by_profile(environ, profile))
    except UpstreamError:
        return False
