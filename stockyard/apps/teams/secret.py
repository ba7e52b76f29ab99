"""Generate our secrets, and recognise them before anything is looked up.

A prefix for the type, 256 random bits and a checksum: a typing error or another service's secret is
refused at the cost of a CRC.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from zlib import crc32

KEY_PREFIX = b"sk-sy-"
ADMIN_PREFIX = b"sya-"
RANDOM = 43
CHECKSUM = 6
KEY_LENGTH = len(KEY_PREFIX) + RANDOM + CHECKSUM


def new_secret(prefix: bytes) -> bytes:
    body = prefix + secrets.token_urlsafe(32).encode()
    return body + checksum(body)


def checksum(body: bytes) -> bytes:
    return urlsafe_b64encode(crc32(body).to_bytes(4, "big"))[:CHECKSUM]


def looks_like_a_key(secret: bytes) -> bool:
    return (
        len(secret) == KEY_LENGTH
        and secret.startswith(KEY_PREFIX)
        and checksum(secret[:-CHECKSUM]) == secret[-CHECKSUM:]
    )


def fingerprint(secret: bytes) -> bytes:
    """What is stored instead of the secret. With 256 random bits a plain hash is enough."""
    return hashlib.sha256(secret).digest()
