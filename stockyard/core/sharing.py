"""With whom a call's trace is shared: providers that are told of it, and whoever collects spans."""

from typing import Literal

from msgspec import Struct

from stockyard.core.glob import Globs

Dialect = Literal["genai", "openinference", "plain"]
"""The vocabulary of spans."""


class Spread(Struct, frozen=True):
    """Which providers are told of the caller's trace."""

    hosts: Globs
    tags: tuple[str, ...] = ()
    """Tags of the call that go along as baggage."""


class Export(Struct, frozen=True):
    """Where finished calls are sent as spans, and in whose vocabulary."""

    url: str
    headers: tuple[tuple[str, str], ...]
    dialect: Dialect
    service: str
