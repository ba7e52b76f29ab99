"""AWS keys of a role, assumed with other keys or with a workload's statement (STS).

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from time import time
from urllib.parse import urlencode

from stockyard.upstream.client import Fetched
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.tokens.aws_keys import (
    AwsKeys,
    Signed,
    no_keys,
    seconds_until,
    usable_keys,
)
from stockyard.upstream.tokens.aws_places import roles_url
from stockyard.upstream.tokens.aws_ways import Assumed, Vouched
from stockyard.upstream.tokens.small_file import content_of
from stockyard.upstream.tokens.token_client import ClientAt, unsigned

VERSION = "2011-06-15"
FORM = ((b"content-type", b"application/x-www-form-urlencoded; charset=utf-8"),)
WHO = "The service for roles of AWS"

# The service answers in XML. What is wanted of it are single words in elements that occur once, so
# nothing is parsed that could refer to anything.
_KEYS = re.compile(rb"<(AccessKeyId|SecretAccessKey|SessionToken|Expiration)>([^<&]{1,16384})</")
_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")


class AwsRoles:
    """Assumes roles, at the service of one region."""

    def __init__(self, client_at: ClientAt, region: str, environ: Mapping[str, str]) -> None:
        self._client_at = client_at
        self._region = region
        self._environ = environ

    async def assumed(self, way: Assumed, keys: AwsKeys) -> AwsKeys:
        """The keys of a role that the holder of `keys` may assume."""
        fields = {
            "Action": "AssumeRole",
            "RoleArn": way.role,
            "RoleSessionName": way.session_name or _session_name(),
        }
        if way.external_id:
            fields["ExternalId"] = way.external_id
        if way.seconds is not None:
            fields["DurationSeconds"] = str(way.seconds)
        return await self._keys(fields, partial(Signed("sts", self._region).authorized, token=keys))

    async def vouched(self, way: Vouched) -> AwsKeys:
        """The keys of a role for the statement that is in its file now."""
        statement = await content_of(way.statement_file, "The statement for the role of AWS")
        fields = {
            "Action": "AssumeRoleWithWebIdentity",
            "RoleArn": way.role,
            "RoleSessionName": way.session_name or _session_name(),
            "WebIdentityToken": statement.decode("utf-8", "replace").strip(),
        }
        return await self._keys(fields, unsigned)

    async def _keys(self, fields: dict[str, str], sign: Callable[[Outgoing], Outgoing]) -> AwsKeys:
        body = urlencode({**fields, "Version": VERSION}).encode()
        client = self._client_at(roles_url(self._region, self._environ))
        return _keys_in(await client.answer(b"POST", FORM, body, sign=sign, word=_word))


def _session_name() -> str:
    return f"stockyard-{int(time())}"


def _word(fetched: Fetched) -> str:
    found = _CODE.search(fetched.body)
    return found[1].decode() if found else ""


def _keys_in(body: bytes) -> AwsKeys:
    said = {name.decode(): value.decode("utf-8", "replace") for name, value in _KEYS.findall(body)}
    try:
        seconds = seconds_until(said.get("Expiration", ""))
    except ValueError:
        raise no_keys(f"{WHO} answered without keys.") from None
    return usable_keys(
        said.get("AccessKeyId", ""),
        said.get("SecretAccessKey", ""),
        said.get("SessionToken", ""),
        seconds,
        WHO,
    )
