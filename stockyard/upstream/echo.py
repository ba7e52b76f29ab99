"""Remove our Credential from answers in which a provider repeats it.

Some providers quote the key in the error that refuses it, others in details of an account or in a
URL. On native routes callers get the provider's own bytes, but not even a fragment of our key
(`wire.md` 2.3, `security.md` 9).
"""

import re
from base64 import b64encode
from functools import lru_cache
from urllib.parse import quote

from msgspec.structs import replace

from stockyard.core.response import Raw
from stockyard.core.target import Attempt, Credential
from stockyard.errors import StockyardError, UpstreamError

COVER = b"***"
BEGINNING = 16
"""The first so many characters of a secret are recognised as a fragment of it, together with the
characters behind them that may belong to it."""
LEAST = 12
"""Anything shorter is not a secret, but a dummy value for a local model."""
_MORE = rb"[A-Za-z0-9_\-+/=.~%]*"
"""Characters that may follow the beginning of a secret as a part of it."""
_MORE_OF_IT = re.compile(rb"\A" + _MORE)


class Covering:
    """Removes secrets from bytes, in all encodings in which providers repeat them."""

    __slots__ = ("_forms", "_open", "_seen")

    def __init__(self, *secrets: str) -> None:
        said = [secret for secret in secrets if len(secret) >= LEAST]
        self._forms = tuple(dict.fromkeys(form for secret in said for form in _forms(secret)))
        self._open = tuple(dict.fromkeys(form[:BEGINNING] for form in self._forms))
        """The beginnings of all forms: a fast search for them lets nearly all bytes pass."""
        beginnings = [secret.encode()[:BEGINNING] for secret in said]
        found = [re.escape(form) for form in self._forms]
        found += [re.escape(beginning) + _MORE for beginning in beginnings]
        self._seen = re.compile(b"|".join(found)) if found else None

    def __call__(self, said: bytes) -> bytes:
        if self._seen is None or not self._may_be_in(said):
            return said
        return self._seen.sub(COVER, said)

    def unfinished(self, said: bytes) -> int:
        """How many bytes at the end may be the beginning of a secret that continues."""
        return max((_overlap(said, form) for form in self._forms), default=0)

    def ends_in(self, said: bytes) -> bool:
        """Whether it ends with a fragment of a secret, which may continue."""
        if self._seen is None or not self._may_be_in(said):
            return False
        last = [found[0] for found in self._seen.finditer(said) if found.end() == len(said)]
        return bool(last) and last[0] not in self._forms

    def _may_be_in(self, said: bytes) -> bool:
        return any(said.find(opening) >= 0 for opening in self._open)


class CoveredPieces:
    """The same for bytes that come in pieces, wherever they are cut.

    What may be the beginning of a secret waits for the next piece; everything else passes at once.
    """

    __slots__ = ("_cover", "_held", "_within")

    def __init__(self, cover: Covering) -> None:
        self._cover = cover
        self._held = b""
        self._within = False
        """The last piece ended with a fragment."""

    def feed(self, piece: bytes) -> bytes:
        said = self._held + piece if self._held else piece
        if self._within:
            said = _MORE_OF_IT.sub(b"", said)
            if not said:
                return b""
        waits = self._cover.unfinished(said)
        passes = said[: len(said) - waits]
        self._held = said[len(passes) :]
        self._within = self._cover.ends_in(passes)
        return self._cover(passes)

    def rest(self) -> bytes:
        """The bytes that still wait, because nothing more comes."""
        held, self._held = self._held, b""
        return self._cover(held)


def covering(credential: Credential | None, proof: str = "") -> Covering:
    """Removes a Credential of ours; one that the caller brought may be seen.

    `proof`: header lines that were made with it for one try, such as a token that expires.
    """
    if credential is None or credential.own:
        return _cover_of()
    whole = credential.secret.reveal()
    # Keys of AWS are two parts, `id:secret`; a key file is one text of many lines.
    secrets = [whole, *whole.split(":")] if "\n" not in whole else [whole]
    secrets += (line.rpartition(" ")[2] for line in proof.splitlines())
    return _cover_of(*secrets)


_cover_of = lru_cache(maxsize=64)(Covering)
"""Cached, because many calls use the same Credential."""


def covering_of(attempt: Attempt) -> Covering:
    """Removes the secrets of a try from its answer."""
    return covering(attempt.target.credential, attempt.proof.reveal())


def covered(raw: Raw, attempt: Attempt) -> Raw:
    """The provider's answer without the Credential."""
    cover = covering_of(attempt)
    fields = [(name, cover(value)) for name, value in raw.fields]
    return replace(raw, fields=fields, body=cover(raw.body))


def cover_words(error: StockyardError, attempt: Attempt) -> None:
    """The same for an error that came inside a stream."""
    cover = covering_of(attempt)

    def plain(words: str) -> str:
        return cover(words.encode("utf-8", "replace")).decode()

    error.message = plain(error.message)
    if isinstance(error, UpstreamError):
        error.code = error.code and plain(error.code)
        error.param = error.param and plain(error.param)


def _forms(secret: str) -> list[bytes]:
    plain = secret.encode()
    return [b64encode(plain).rstrip(b"="), quote(secret, safe="").encode(), plain]


def _overlap(said: bytes, form: bytes) -> int:
    """The length of the longest end of `said` that is a beginning of `form`, but not all of it."""
    at = said.find(form[:1], max(0, len(said) - len(form) + 1))
    while at >= 0:
        if form.startswith(said[at:]):
            return len(said) - at
        at = said.find(form[:1], at + 1)
    return 0
