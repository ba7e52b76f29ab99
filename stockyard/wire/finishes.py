"""Finish reasons in a provider's own spelling (`wire.md` 6)."""

from collections.abc import Container


def odd(word: object, known: Container[str]) -> str:
    """The finish reason if it is unknown here. Such an answer counts as complete."""
    return word if isinstance(word, str) and word and word not in known else ""
