"""Why an answer ended, in a provider's own word (`wire.md` 6)."""

from collections.abc import Container


def odd(word: object, known: Container[str]) -> str:
    """The word, if nobody here knows it. The answer is taken for one that ended well."""
    return word if isinstance(word, str) and word and word not in known else ""
