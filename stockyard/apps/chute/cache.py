"""The endpoints for cached answers: statistics, and purging some or all of them."""

from typing import Annotated

from litestar import Controller, delete, get
from litestar.params import QueryParameter
from msgspec import Struct

from stockyard.api.moments import moment
from stockyard.api.parameters import Given, Name
from stockyard.api.permission import needs
from stockyard.apps.chute.answers import LastingAnswers
from stockyard.apps.chute.models import Purge
from stockyard.apps.chute.modules import ModuleChanges
from stockyard.errors import Refused

MODULE = "cache"
Before = Annotated[
    str | None, QueryParameter(max_length=40, description="Only older ones: -1h, or a time.")
]
Tag = Annotated[str | None, QueryParameter(max_length=160, description="`name=value`.")]


class CacheStats(Struct, frozen=True, kw_only=True):
    """What is cached now, and how many hits there were since the process started."""

    entries: int
    """In memory."""
    bytes: int
    lasting: int
    """In the database."""
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
        self, answers: Given[LastingAnswers], modules: Given[ModuleChanges]
    ) -> CacheStats:
        """How many answers are kept, and how often one was served."""
        counters = modules.control.state(MODULE).counters
        decisions = counters["decisions"]
        return CacheStats(
            entries=len(answers.memory),
            bytes=answers.memory.size_bytes,
            lasting=await answers.count(),
            hits=decisions.get("hit", 0),
            stale=decisions.get("stale", 0),
            stored=decisions.get("stored", 0),
        )

    @delete("/cache", opt=needs("chute.write"), status_code=200)
    async def purge_cache(
        self,
        answers: Given[LastingAnswers],
        model: Name = None,
        key: Name = None,
        user: Name = None,
        tag: Tag = None,
        before: Before = None,
    ) -> Purged:
        """Delete cached answers by model, Key, user, tag or age; without any of these, all."""
        newest = moment(before, "before")
        which = Purge(
            model=model,
            key_id=key,
            user=user,
            tag=_tag(tag),
            before=None if newest is None else newest / 1000,
        )
        return Purged(purged=await answers.purge(which))


def _tag(given: str | None) -> tuple[str, str] | None:
    if given is None:
        return None
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise Refused(400, "invalid", "A tag is written `name=value`.", param="tag")
    return name, value
