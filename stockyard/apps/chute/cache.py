"""Kept answers over the API: how many there are, and throwing some or all of them away."""

from collections.abc import Callable
from typing import Annotated, Protocol

from litestar import Controller, delete, get
from litestar.params import QueryParameter
from msgspec import Struct

from stockyard.api.moments import moment
from stockyard.api.parameters import Given, Name
from stockyard.api.permission import needs
from stockyard.apps.chute.modules import ModuleChanges
from stockyard.core.ports import Stored
from stockyard.errors import Refused

MODULE = "cache"
Before = Annotated[
    str | None, QueryParameter(max_length=40, description="Only older ones: -1h, or a time.")
]
Tag = Annotated[str | None, QueryParameter(max_length=160)]


class KeptAnswers(Protocol):
    """The answers that the module cache keeps."""

    size_bytes: int

    def __len__(self) -> int: ...
    def purge(self, goes: Callable[[Stored], bool]) -> int: ...


class CacheStats(Struct, frozen=True, kw_only=True):
    """What is kept now, and how often it helped since the process started."""

    entries: int
    bytes: int
    hits: int
    stale: int
    stored: int


class Purged(Struct, frozen=True, kw_only=True):
    purged: int


class CacheEndpoints(Controller):
    """Answers that the module cache keeps."""

    tags = ["Chute"]  # noqa: RUF012  the framework's own declaration

    @get("/cache/stats", opt=needs("chute.read"))
    async def cache_stats(
        self, answers: Given[KeptAnswers], modules: Given[ModuleChanges]
    ) -> CacheStats:
        """How many answers are kept, and how often one was served."""
        counters = modules.control.state(MODULE).counters
        decisions = counters["decisions"]
        return CacheStats(
            entries=len(answers),
            bytes=answers.size_bytes,
            hits=decisions.get("hit", 0),
            stale=decisions.get("stale", 0),
            stored=decisions.get("stored", 0),
        )

    @delete("/cache", opt=needs("chute.write"), status_code=200)
    async def purge_cache(
        self,
        answers: Given[KeptAnswers],
        model: Name = None,
        key: Name = None,
        user: Name = None,
        tag: Tag = None,
        before: Before = None,
    ) -> Purged:
        """Throw answers away: those of a model, a Key, a user, a tag (`name=value`) or an age."""
        wanted, newest = _tag(tag), moment(before, "before")

        def goes(stored: Stored) -> bool:
            return (
                model in (None, stored.model)
                and key in (None, stored.key_id)
                and user in (None, stored.user)
                and (newest is None or stored.stored_at * 1000 < newest)
                and (wanted is None or wanted in stored.tags)
            )

        return Purged(purged=answers.purge(goes))


def _tag(given: str | None) -> tuple[str, str] | None:
    if given is None:
        return None
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise Refused(400, "invalid", "A tag is written `name=value`.", param="tag")
    return name, value
