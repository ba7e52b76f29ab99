"""AWS keys that the machine gives to its containers, or to everything that runs on it.

Used only if the operator chose it. The addresses are literal.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from stockyard.upstream.tokens.aws_keys import AwsKeys, keys_in, no_keys
from stockyard.upstream.tokens.token_client import ClientAt

CONTAINER = "http://169.254.170.2"
INSTANCE = "http://169.254.169.254"
ROLES = "/latest/meta-data/iam/security-credentials/"
SESSION = "/latest/api/token"
SESSION_SECONDS = b"21600"
MAX_TOKEN_FILE = 16 * 1024


class AwsContainer:
    """Source of keys for the role of an ECS task or an EKS pod."""

    def __init__(self, client_at: ClientAt, environ: Mapping[str, str]) -> None:
        self._client_at = client_at
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
        return keys_in(await self._client_at(url).answer(b"GET", shown), "The container's service")

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
    """Source of keys for the role of an EC2 instance, from version 2 of its metadata service."""

    def __init__(self, client_at: ClientAt, environ: Mapping[str, str]) -> None:
        self._client_at = client_at
        self._base = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/") or INSTANCE

    async def fetch(self) -> AwsKeys:
        wanted = [(b"x-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS)]
        session = await self._client_at(self._base + SESSION).answer(b"PUT", wanted, b"")
        shown = [(b"x-aws-ec2-metadata-token", session.strip())]
        roles = await self._client_at(self._base + ROLES).answer(b"GET", shown)
        role = roles.decode("utf-8", "replace").partition("\n")[0].strip()
        if not role:
            raise no_keys("This machine has no role.")
        where = self._base + ROLES + quote(role, safe="")
        return keys_in(await self._client_at(where).answer(b"GET", shown), "The machine's service")
