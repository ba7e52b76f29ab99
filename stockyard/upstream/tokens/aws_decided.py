"""AWS keys from wherever files and environment say. They are read anew for each fetch."""

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
    """Source of keys that decides anew for each fetch where to get them."""

    def __init__(self, issuers: AwsIssuers, decide: Callable[[], Way]) -> None:
        """`decide` may block: it runs in a thread."""
        self._issuers = issuers
        self._decide = decide

    async def fetch(self) -> AwsKeys:
        way = await asyncio.get_running_loop().run_in_executor(None, self._decide)
        return await self._issuers.keys(way)


def by_profile(environ: Mapping[str, str], profile: str) -> Way:
    """What a profile says; without a name, the one that the environment names."""
    named = profile or environ.get("AWS_PROFILE", "").strip() or DEFAULT_PROFILE
    return way_of_profile(read_files(environ), named)


def by_statement(environ: Mapping[str, str]) -> Way:
    """The role of a workload that the environment describes, as in a pod of Kubernetes."""
    way = vouched(environ)
    if way is None:
        raise no_keys("AWS_WEB_IDENTITY_TOKEN_FILE names no file.")
    return way


def by_chain(environ: Mapping[str, str], profile: str) -> Way:
    """The first way that applies, in the order of AWS's SDKs."""
    way = way_of_chain(read_files(environ), profile, environ)
    if way is None:
        raise no_keys("There are no keys for AWS here: not in the environment, files or machine.")
    return way
