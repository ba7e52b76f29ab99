"""Sign a request as Oracle's cloud wants it. No I/O, no clock and no key: they are passed in.

https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm
"""

from base64 import b64encode
from collections.abc import Callable
from email.utils import formatdate

from stockyard.providers.signable import Signable

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose bodies are signed along, even when they are empty."""

Sign = Callable[[bytes], bytes]
"""Signs with RSA and SHA-256."""


def signature_fields(
    request: Signable, content_type: str, key_id: str, sign: Sign, moment: float
) -> tuple[tuple[bytes, bytes], ...]:
    """The header fields that prove the request, `moment` being seconds since 1970."""
    signed = {
        "date": formatdate(moment, usegmt=True),
        "(request-target)": f"{request.method.lower()} {request.target}",
        "host": request.host,
    }
    if request.method in WITH_BODY:
        signed |= {
            "content-length": str(len(request.body)),
            "content-type": content_type,
            "x-content-sha256": b64encode(request.digest()).decode(),
        }
    text = "\n".join(f"{name}: {value}" for name, value in signed.items())
    signature = b64encode(sign(text.encode())).decode()
    proof = (
        f'Signature algorithm="rsa-sha256",headers="{" ".join(signed)}",keyId="{key_id}",'
        f'signature="{signature}",version="1"'
    )
    added = [(name, signed[name]) for name in ("date", "x-content-sha256") if name in signed]
    return tuple((n.encode(), v.encode()) for n, v in (*added, ("authorization", proof)))
