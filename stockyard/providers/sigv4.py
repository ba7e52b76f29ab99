"""Sign a request with Signature Version 4. No I/O and no clock: the moment is passed in.

What is signed: method, path, query, the host, the date, a session token if there is one, and the
SHA-256 of the body. Nothing that the client sent besides is, so that it cannot spoil a signature.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from msgspec import Struct

from stockyard.providers.signable import Signable

ALGORITHM = "AWS4-HMAC-SHA256"

_PLAIN = "-_.~"


class SigningKeys(Struct, frozen=True):
    """Whose signature it is. Not to be printed: it holds the secret."""

    id: str
    secret: str
    session: str = ""
    """Sent and signed along with what temporary keys sign."""

    def __repr__(self) -> str:
        return "SigningKeys(***)"


class Scope(NamedTuple):
    """What a signature is good for."""

    region: str
    service: str


def signature_fields(
    request: Signable, keys: SigningKeys, scope: Scope, moment: float
) -> tuple[tuple[bytes, bytes], ...]:
    """The header fields that prove the request, `moment` being seconds since 1970."""
    date = datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {"host": request.host, "x-amz-date": date}
    if keys.session:
        signed["x-amz-security-token"] = keys.session
    names = ";".join(signed)
    asked = _canonical(request, signed, names)
    place = f"{date[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = f"{ALGORITHM}\n{date}\n{place}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{keys.secret}".encode()
    for part in place.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    proof = (
        f"{ALGORITHM} Credential={keys.id}/{place}, SignedHeaders={names}, Signature={signature}"
    )
    del signed["host"]
    fields = {**signed, "authorization": proof}
    return tuple((name.encode(), value.encode()) for name, value in fields.items())


def _canonical(request: Signable, signed: dict[str, str], names: str) -> str:
    path, _, query = request.target.partition("?")
    fields = "".join(f"{name}:{value}\n" for name, value in signed.items())
    digest = request.digest().hex()
    # The path is encoded once more than it is sent: `%3A` is signed as `%253A`.
    where = quote(path or "/", safe="/" + _PLAIN)
    return f"{request.method}\n{where}\n{_sorted(query)}\n{fields}\n{names}\n{digest}"


def _sorted(query: str) -> str:
    """The query as it is signed: encoded as it is sent, in the order of its names."""
    pairs = (field.partition("=") for field in query.split("&") if field)
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs))
