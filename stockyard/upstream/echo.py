"""Keep from callers what a provider repeats of the Credential that it was sent.

Some providers name the key in the error that refuses it. On native routes callers hear the
provider's own words, and of a key no fragment (`wire.md` 2.3, `security.md` 9).
"""

import re
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

from msgspec.structs import replace

from stockyard.core.response import Raw
from stockyard.core.target import Credential
from stockyard.errors import StockyardError

COVER = b"***"
BEGINNING = 16
"""So much of a secret is a fragment, and whatever may belong to it behind that."""
LEAST = 12
"""What is shorter is no secret, but a word that local models are given for one."""

Covering = Callable[[bytes], bytes]


def covering(credential: Credential | None) -> Covering:
    """What takes a Credential out of a provider's words. A caller's own is the caller's to see."""
    if credential is None or credential.own:
        return bytes
    whole = credential.secret.reveal()
    # Keys of AWS are told as two, `id:secret`; a key file is one text of many lines.
    secrets = [whole, *whole.split(":")] if "\n" not in whole else [whole]
    found = [form for secret in secrets if len(secret) >= LEAST for form in _forms(secret)]
    if not found:
        return bytes
    seen = re.compile(b"|".join(found))
    return lambda said: seen.sub(COVER, said)


def covered(raw: Raw, credential: Credential | None) -> Raw:
    """An error as the provider sent it, without the Credential."""
    cover = covering(credential)
    fields = [(name, cover(value)) for name, value in raw.fields]
    return replace(raw, fields=fields, body=cover(raw.body))


def cover_words(error: StockyardError, credential: Credential | None) -> None:
    """The same of an error that came inside a stream."""
    error.message = covering(credential)(error.message.encode("utf-8", "replace")).decode()


def _forms(secret: str) -> list[bytes]:
    plain = secret.encode()
    beginning = re.escape(plain[:BEGINNING]) + rb"[A-Za-z0-9_\-+/=.~%]*"
    others = (b64encode(plain).rstrip(b"="), quote(secret, safe="").encode(), plain)
    return [*(re.escape(form) for form in others), beginning]
