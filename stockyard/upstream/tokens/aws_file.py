"""Keys for AWS from the file that its tools share, `~/.aws/credentials`.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

import asyncio
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from pathlib import Path

from stockyard.core.target import Credential, Secret
from stockyard.errors import UpstreamError
from stockyard.providers.catalog import Catalog
from stockyard.providers.directory import Held
from stockyard.upstream.tokens.aws_keys import AwsKeys, no_keys, usable_keys

READ_AGAIN_SECONDS = 300.0
"""Tools write new keys into the file when the old ones end."""
MAX_FILE = 1024 * 1024
DEFAULT_FILE = "~/.aws/credentials"
DEFAULT_PROFILE = "default"
SCHEME = "sigv4_file"


def held_by_file(
    catalog: Catalog, environ: Mapping[str, str], others: frozenset[str]
) -> Iterator[Held]:
    """Credentials for providers that take signatures, have no other Credential (`others` have),
    and whose profile is in the file."""
    for provider in catalog:
        scheme = next((s for s in provider.auth if s.partition(":")[0] == SCHEME), None)
        if scheme is None or provider.name in others or provider.scheme or provider.missing:
            continue
        file = AwsFile(environ, provider.values.get("profile", ""))
        if file.has_keys():
            ours = Credential(id=SCHEME, provider=provider.name, secret=Secret(""), scheme=scheme)
            yield Held(ours, provider.origin)


class AwsFile:
    """A Source."""

    def __init__(self, environ: Mapping[str, str], profile: str = "") -> None:
        self._path = environ.get("AWS_SHARED_CREDENTIALS_FILE", "").strip() or DEFAULT_FILE
        self._profile = profile or environ.get("AWS_PROFILE", "").strip() or DEFAULT_PROFILE

    async def fetch(self) -> AwsKeys:
        return await asyncio.get_running_loop().run_in_executor(None, self.read)

    def has_keys(self) -> bool:
        try:
            return bool(self.read().id)
        except UpstreamError:
            return False

    def read(self) -> AwsKeys:
        """The keys of the profile. Raises UpstreamError when there are none."""
        found = self._section()
        return usable_keys(
            found.get("aws_access_key_id", ""),
            found.get("aws_secret_access_key", ""),
            found.get("aws_session_token", ""),
            READ_AGAIN_SECONDS,
            f"The profile '{self._profile}'",
        )

    def _section(self) -> Mapping[str, str]:
        parser = ConfigParser(interpolation=None, default_section="", strict=False)
        try:
            with Path(self._path).expanduser().open("rb") as file:
                parser.read_string(file.read(MAX_FILE).decode())
        except (OSError, ValueError, RuntimeError, Error):
            raise no_keys("The shared file of AWS keys cannot be read.") from None
        if not parser.has_section(self._profile):
            raise no_keys(f"The shared file of AWS keys has no profile '{self._profile}'.")
        return parser[self._profile]
