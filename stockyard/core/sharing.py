"""Who learns of a call's trace: providers that get trace headers, and collectors of spans."""

from typing import Literal

from msgspec import Struct

from stockyard.core.glob import Globs

Dialect = Literal["genai", "openinference", "plain"]
"""The vocabulary of spans."""


class Spread(Struct, frozen=True):
    """The providers that get the caller's trace headers."""

    hosts: Globs
    tags: tuple[str, ...] = ()
    """Tags of the call that are sent along as baggage."""


class Export(Struct, frozen=True):
    """Where to send finished calls as spans, and in which vocabulary."""

    url: str
    headers: tuple[tuple[str, str], ...]
    dialect: Dialect
    service: str
