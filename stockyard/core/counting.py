"""Counting: how many tokens a chat would send, without sending it."""

from stockyard.core.meaning import AnyOutput


class CountOutput(AnyOutput, frozen=True, kw_only=True, omit_defaults=True):
    tokens: int
    """Tokens of the whole prompt, including tools."""
    cached: int = 0
    """How many of them the provider would read from its prompt cache."""
