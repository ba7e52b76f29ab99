"""Tokens of Google for a workload that another issuer vouches for.

The issuer's statement is exchanged for a token of the workload's own; with that, a token of a
service account may be asked for. The file that describes this names addresses for both; they are
not followed, for a secret goes only where the provider's row says.

https://cloud.google.com/iam/docs/workload-identity-federation
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from stockyard.errors import UpstreamError
from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.small_file import content_of
from stockyard.upstream.tokens.token import Token

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a kind of token
ACCOUNT = "{account}"
"""What stands for the service account in the row's address."""

_ACCOUNT = re.compile(r"/serviceAccounts/([a-z0-9.@-]+):generateAccessToken")


class Described(Struct, kw_only=True):
    """A file of type `external_account`, as far as it is needed here."""

    audience: str = ""
    subject_token_type: str = ""
    credential_source: dict[str, Any] = {}
    service_account_impersonation_url: str | None = None


class GoogleFederated:
    """Fetches for one description."""

    def __init__(
        self, exchange: Asking, account: str, at: Callable[[str], Asking], scope: str
    ) -> None:
        """`account` is the address at which a service account's token is asked for."""
        self._exchange = exchange
        self._account = account
        self._at = at
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
        asking = self._at(self._account.replace(ACCOUNT, found[1]))
        return await asking.json({"scope": [self._scope]}, [shown])


async def _statement(described: Described) -> str:
    """What the issuer says of the workload, from the file where it puts it."""
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
