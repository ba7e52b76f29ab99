"""Tokens of Google, for a workload that another identity provider vouches for.

The statement about the workload is exchanged for a token, which may be exchanged for the token of a
service account. The file that describes this has URLs for both requests. They are not used: secrets
go only where the provider's row says.

https://cloud.google.com/iam/docs/workload-identity-federation
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from stockyard.errors import UpstreamError
from stockyard.upstream.tokens.small_file import content_of
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import ClientAt, TokenClient

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a kind of token
ACCOUNT = "{account}"
"""Placeholder for the service account in the URL of the row."""

_ACCOUNT = re.compile(r"/serviceAccounts/([a-z0-9.@-]+):generateAccessToken")


class Described(Struct, kw_only=True):
    """The needed fields of a file of type `external_account`."""

    audience: str = ""
    subject_token_type: str = ""
    credential_source: dict[str, Any] = {}
    service_account_impersonation_url: str | None = None


class GoogleFederated:
    """Fetches tokens for such files."""

    def __init__(
        self, exchange: TokenClient, account: str, client_at: ClientAt, scope: str
    ) -> None:
        """`account` is the URL for the token of a service account."""
        self._exchange = exchange
        self._account = account
        self._client_at = client_at
        self._scope = scope

    async def fetch(self, described: Described) -> Token:
        own = await self._exchange.form(
            {
                "grant_type": EXCHANGE,
                "audience": described.audience,
                "scope": self._scope,
                "requested_token_type": ACCESS_TOKEN,
                "subject_token_type": described.subject_token_type,
                "subject_token": await _statement(described),
            }
        )
        if not described.service_account_impersonation_url:
            return own
        found = _ACCOUNT.search(described.service_account_impersonation_url)
        if found is None:
            raise _unusable("names no service account that can be read")
        shown = (b"authorization", b"Bearer " + own.secret.reveal().encode())
        client = self._client_at(self._account.replace(ACCOUNT, found[1]))
        return await client.json({"scope": [self._scope]}, [shown])


async def _statement(described: Described) -> str:
    """The statement about the workload, from the file that the description names."""
    source = described.credential_source
    path = source.get("file")
    if not isinstance(path, str):
        raise _unusable("does not say in which file the issuer's statement is")
    content = await content_of(path, "The issuer's statement of the Credential")
    form = source.get("format")
    if not isinstance(form, dict) or form.get("type") != "json":
        return content.decode("utf-8", "replace").strip()
    try:
        said = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        said = {}
    value = said.get(str(form.get("subject_token_field_name")))
    if not isinstance(value, str):
        raise _unusable("describes an issuer's statement that is not there")
    return value


def _unusable(what: str) -> UpstreamError:
    return UpstreamError("auth", f"The key file of the Credential {what}.", nothing_sent=True)
