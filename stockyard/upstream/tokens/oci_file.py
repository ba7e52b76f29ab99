"""Keys for Oracle's cloud, from the file of its tools, and signing requests with them.

https://docs.oracle.com/en-us/iaas/Content/API/Concepts/sdkconfig.htm
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from configparser import ConfigParser, Error
from functools import partial
from time import time
from typing import Any

from stockyard.core.target import Secret
from stockyard.errors import UpstreamError
from stockyard.providers.oci_signature import signature_fields
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.prover import signable, with_field
from stockyard.upstream.tokens.rsa_key import private_key, rs256
from stockyard.upstream.tokens.small_file import read
from stockyard.upstream.tokens.token import Token

READ_AGAIN_SECONDS = 300.0
"""How often the file is read: OCI's tools write new session tokens into it."""
DEFAULT_PROFILE = "DEFAULT"
CONFIG = "The file of the Credential for Oracle's cloud"
KEY = "The key file of the Credential for Oracle's cloud"
OF_SESSION = "ST$"
SESSION = "The session token of the Credential for Oracle's cloud"

_CONTENT_TYPE = re.compile(rb"\r\ncontent-type: *([^\r]*?) *\r\n", re.I)
_WHOSE = ("tenancy", "user", "fingerprint")


class OciKey(Token, frozen=True):
    id: str
    """The `keyId` of the signature: whose key it is, or the token of a session."""
    private: Any
    """Parsed once, because parsing takes as long as signing."""

    def secrets(self) -> Iterator[str]:
        yield self.secret.reveal()
        if self.id.startswith(OF_SESSION):
            yield self.id.removeprefix(OF_SESSION)


class OciFile:
    """Source of keys. The Credential's secret is the path of the file."""

    def __init__(self, secret: Secret, profile: str) -> None:
        self._secret = secret
        self._profile = profile or DEFAULT_PROFILE

    async def fetch(self) -> OciKey:
        return await asyncio.get_running_loop().run_in_executor(None, self._read)

    def _read(self) -> OciKey:
        said = self._section()
        pem = read(said.get("key_file", ""), KEY)
        password = said.get("pass_phrase", "").encode() or None
        return OciKey(
            secret=Secret(pem.decode("utf-8", "replace")),
            seconds=READ_AGAIN_SECONDS,
            id=_key_id(said),
            private=private_key(pem, KEY, password),
        )

    def _section(self) -> Mapping[str, str]:
        parser = ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(read(self._secret.reveal(), CONFIG).decode())
            return parser[self._profile]
        except (ValueError, Error):
            raise _unusable("cannot be read") from None
        except KeyError:
            raise _unusable(f"has no profile '{self._profile}'") from None


class OciSigned:
    """Authorizer that signs the whole request."""

    def __init__(self, now: Callable[[], float] = time) -> None:
        self._now = now

    def authorized(self, outgoing: Outgoing, token: Token) -> Outgoing:
        assert isinstance(token, OciKey)  # noqa: S101  its source gives nothing else
        named = _CONTENT_TYPE.search(outgoing.head)
        if named is None:
            outgoing = with_field(outgoing, b"content-type", b"application/json")
        kind = named[1].decode("latin-1") if named else "application/json"
        sign = partial(rs256, token.private)
        fields = signature_fields(signable(outgoing), kind, token.id, sign, self._now())
        for name, value in fields:
            outgoing = with_field(outgoing, name, value)
        return outgoing

    def carries(self, outgoing: Outgoing, token: Token) -> bool:
        return isinstance(token, OciKey) and b'keyId="%b"' % token.id.encode() in outgoing.head

    def stale(self, status: int, code: str | None) -> bool:
        return status == 401


def _key_id(said: Mapping[str, str]) -> str:
    if path := said.get("security_token_file", ""):
        key_id = OF_SESSION + read(path, SESSION).decode("utf-8", "replace").strip()
    else:
        key_id = "/".join(said.get(name, "") or " " for name in _WHOSE)
    if not key_id.isascii() or not key_id.isprintable() or {'"', " "} & {*key_id}:
        raise _unusable(f"must say {', '.join(_WHOSE)}")
    return key_id


def _unusable(what: str) -> UpstreamError:
    return UpstreamError("auth", f"{CONFIG} {what}.", nothing_sent=True)
