"""Keys for AWS by a way that is decided for each fetch: files that changed are used at once."""

import asyncio
from collections.abc import Callable, Mapping

from stockyard.upstream.tokens.aws_files import read_files
from stockyard.upstream.tokens.aws_issuers import AwsIssuers
from stockyard.upstream.tokens.aws_keys import AwsKeys, no_keys
from stockyard.upstream.tokens.aws_ways import (
    DEFAULT_PROFILE,
    Way,
    vouched,
    way_of_chain,
    way_of_profile,
)


class AwsDecided:
    """A Source."""

    def __init__(self, issuers: AwsIssuers, decide: Callable[[], Way]) -> None:
        """`decide` may read files."""
        self._issuers = issuers
        self._decide = decide

    async def fetch(self) -> AwsKeys:
        way = await asyncio.get_running_loop().run_in_executor(None, self._decide)
        return await self._issuers.keys(way)


def by_profile(environ: Mapping[str, str], profile: str) -> Way:
    """That of the profile, or of the one that the environment names."""
    named = profile or environ.get("AWS_PROFILE", "").strip() or DEFAULT_PROFILE
    return way_of_profile(read_files(environ), named)


def by_statement(environ: Mapping[str, str]) -> Way:
    """The role for which an issuer vouches, as the environment says (a pod of Kubernetes)."""
    way = vouched(environ)
    if way is None:
        raise no_keys("AWS_WEB_IDENTITY_TOKEN_FILE names no file.")
    return way


def by_chain(environ: Mapping[str, str], profile: str) -> Way:
    """The first way there is, in the order of the SDKs of AWS."""
    way = way_of_chain(read_files(environ), profile, environ)
    if way is None:
        raise no_keys("There are no keys for AWS here: not in the environment, files or machine.")
    return way
