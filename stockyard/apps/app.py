"""What an app contributes to the installation, as one value."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from msgspec import Struct


class Job(Struct, frozen=True, kw_only=True):
    """Work done on a timer. Runs never overlap."""

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[None]]
    deadline_seconds: float = 60.0


class App(Struct, frozen=True, kw_only=True):
    """A vertical slice: its id, what it is, where its schema and its endpoints are."""

    id: str
    name: str
    description: str
    path: str
    """Prefix of its endpoints."""
    aliases: tuple[str, ...] = ()
    """Older prefixes of the same endpoints."""
    package: str
    endpoints: Callable[[], Sequence[Any]] = tuple
    """Its controllers. A function, because it imports the API framework, which is slow to load."""
    roots: Callable[[], Sequence[Any]] = tuple
    """Controllers directly under `/api`, where older clients expect them."""

    @property
    def migrations(self) -> Traversable:
        return files(self.package) / "migrations"
