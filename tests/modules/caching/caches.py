"""Builders for caches."""

from stockyard.core.exchange import Exchange
from stockyard.core.ports import Ports
from stockyard.core.stream import Answer
from stockyard.modules.caching.cache import Cache, Config
from tests.builders import Provider, an_answer, some_ports, through


def a_cache(ports: Ports | None = None, **config: object) -> Cache:
    return Cache(Config(**config), ports or some_ports())  # type: ignore[arg-type]  # options by their names


async def asked_twice(
    module: Cache,
    first: Exchange,
    second: Exchange,
    answer: Answer | None = None,
) -> bool:
    """Whether the second call was answered from store."""
    provider = Provider(answer or an_answer())
    await through(first, provider, module)
    await through(second, provider, module)
    return second.cache_state == "hit"
