"""Removes secrets from log output, wherever they came from.

It works on the final bytes, so that a new place that logs something cannot forget it
(`security.md` 9): every secret in use, in the ways it may be written, and what merely looks like
one.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote

SHORTEST = 8
"""Shorter secrets would take ordinary words out of every line."""
SHOWN_START = 16
HIDDEN = b"[secret]"
SHAPES = (
    r"\b(?:sk|rk|pk|sya|gsk|csk|pplx|nvapi|hf|r8|fw)[-_][A-Za-z0-9_-]{16,}",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bAKIA[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{20,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"(?i:\bbearer[ \t]+)[A-Za-z0-9._~+/=-]{8,}",
    r"://[^/@\s\"]+:[^/@\s\"]+@",
)


class Pattern(Protocol):
    def search(self, text: bytes) -> object: ...
    def sub(self, replacement: bytes, text: bytes) -> bytes: ...


class Redaction:
    """Hides secrets in log lines. `secrets` gives those in use now; it is called for each batch."""

    def __init__(self, secrets: Callable[[], Iterable[str]] = tuple) -> None:
        self._secrets = secrets

    def __call__(self, text: bytes) -> bytes:
        pattern = pattern_of(frozenset(self._secrets()))
        return pattern.sub(HIDDEN, text) if pattern.search(text) else text


@lru_cache(maxsize=2)
def pattern_of(secrets: frozenset[str]) -> Pattern:
    # Late: it is needed only by the first line, after the server listens.
    import re2

    written = {form for secret in secrets for form in forms(secret)}
    literals = [re2.escape(form) for form in sorted(written, key=len, reverse=True)]
    options = re2.Options()
    options.max_mem = 64 << 20
    pattern: Pattern = re2.compile("|".join((*literals, *SHAPES)).encode(), options)
    return pattern


def forms(secret: str) -> Iterator[str]:
    """The ways in which a secret may be written."""
    if len(secret) < SHORTEST:
        return
    yield secret
    yield quote(secret, safe="")
    yield b64encode(secret.encode()).decode().rstrip("=")
    if len(secret) > SHOWN_START:
        yield secret[:SHOWN_START]
