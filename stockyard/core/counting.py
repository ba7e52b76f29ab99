"""Counting: how many tokens a chat would send, without sending it."""

from stockyard.core.meaning import AnyOutput


class CountOutput(AnyOutput, frozen=True, kw_only=True, omit_defaults=True):
    tokens: int
    """Of the whole prompt, the tools included."""
    cached: int = 0
    """How many of them a provider would read from what it keeps."""
