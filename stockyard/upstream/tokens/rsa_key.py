"""Sign with private RSA keys."""

from typing import TYPE_CHECKING

from stockyard.errors import UpstreamError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def private_key(pem: bytes, what: str, password: bytes | None = None) -> "RSAPrivateKey":
    """The key in a PEM text. Raises UpstreamError (`auth`), which calls the text `what`."""
    # Imported late: it takes 30 ms, and few installations sign this way.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unusable(what, "holds no private key that can be read") from None
    if not isinstance(key, RSAPrivateKey):
        raise _unusable(what, "holds another private key than RSA")
    return key


def rs256(key: "RSAPrivateKey", text: bytes) -> bytes:
    """The signature of a text: PKCS #1 v1.5 with SHA-256."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return key.sign(text, PKCS1v15(), SHA256())


def _unusable(what: str, why: str) -> UpstreamError:
    return UpstreamError("auth", f"{what} {why}.", nothing_sent=True)
