"""Keys for AWS that the machine gives out: to its containers, or to everything that runs on it.

Asked only when the operator chose it, at literal addresses.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.aws_keys import AwsKeys, keys_in, no_keys

Reach = Callable[[str], Asking]
"""Asks at a URL of the machine."""

CONTAINER = "http://169.254.170.2"
INSTANCE = "http://169.254.169.254"
ROLES = "/latest/meta-data/iam/security-credentials/"
SESSION = "/latest/api/token"
SESSION_SECONDS = b"21600"
MAX_TOKEN_FILE = 16 * 1024


class AwsContainer:
    """A Source: the role of an ECS task or of an EKS pod."""

    def __init__(self, reach: Reach, environ: Mapping[str, str]) -> None:
        self._reach = reach
        self._environ = environ

    async def fetch(self) -> AwsKeys:
        relative = self._environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
        url = self._environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        if relative.startswith("/"):
            url = CONTAINER + relative
        if not url:
            raise no_keys("The environment names no address for the keys of this container.")
        token = await asyncio.get_running_loop().run_in_executor(None, self._token)
        shown = [(b"accept", b"application/json")]
        if token:
            shown.append((b"authorization", token.encode()))
        return keys_in(await self._reach(url).answer(b"GET", shown), "The container's service")

    def _token(self) -> str:
        path = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
        if not path:
            return self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        try:
            with Path(path).open("rb") as file:
                return file.read(MAX_TOKEN_FILE).decode().strip()
        except (OSError, ValueError):
            raise no_keys("The token file of the container cannot be read.") from None


class AwsInstance:
    """A Source: the role of an EC2 instance, by the metadata service that wants a session."""

    def __init__(self, reach: Reach, environ: Mapping[str, str]) -> None:
        self._reach = reach
        self._base = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/") or INSTANCE

    async def fetch(self) -> AwsKeys:
        wanted = [(b"x-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS)]
        session = await self._reach(self._base + SESSION).answer(b"PUT", wanted, b"")
        shown = [(b"x-aws-ec2-metadata-token", session.strip())]
        roles = await self._reach(self._base + ROLES).answer(b"GET", shown)
        role = roles.decode("utf-8", "replace").partition("\n")[0].strip()
        if not role:
            raise no_keys("This machine has no role.")
        where = self._base + ROLES + quote(role, safe="")
        return keys_in(await self._reach(where).answer(b"GET", shown), "The machine's service")
