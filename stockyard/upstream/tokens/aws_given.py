"""AWS keys that stand in the environment or in the settings."""

from collections.abc import Mapping

from stockyard.core.target import Secret
from stockyard.upstream.tokens.aws_keys import AwsKeys, usable_keys

FOREVER = float("inf")


class AwsGiven:
    """Source of keys. The Credential's secret is `id:secret` or `id:secret:session`; or it is only
    the secret, and the environment has the rest."""

    def __init__(self, secret: Secret, environ: Mapping[str, str]) -> None:
        self._secret = secret
        self._environ = environ

    async def fetch(self) -> AwsKeys:
        secret = self._secret.reveal()
        key_id, _, rest = secret.partition(":")
        if rest:
            own, _, session = rest.partition(":")
            return usable_keys(key_id, own, session, FOREVER, "The Credential")
        key_id = self._environ.get("AWS_ACCESS_KEY_ID", "").strip()
        session = self._environ.get("AWS_SESSION_TOKEN", "").strip()
        return usable_keys(key_id, secret, session, FOREVER, "The environment")
