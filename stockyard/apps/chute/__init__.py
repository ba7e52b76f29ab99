"""How calls are carried out: modules, providers and models."""

from stockyard.apps.app import App


def endpoints() -> list[type]:
    from stockyard.apps.chute.aliases import AliasEndpoints
    from stockyard.apps.chute.api import ModuleEndpoints
    from stockyard.apps.chute.breakers import BreakerEndpoints
    from stockyard.apps.chute.cache import CacheEndpoints
    from stockyard.apps.chute.providers import ProviderEndpoints

    return [
        *(ModuleEndpoints, AliasEndpoints, ProviderEndpoints),
        *(BreakerEndpoints, CacheEndpoints),
    ]


def roots() -> list[type]:
    from stockyard.apps.chute.cache import CacheEndpoints

    return [CacheEndpoints]


APP = App(
    id="chute",
    name="Chute",
    description="The proxy: which modules are around a call, and who can be called.",
    path="/api/chute",
    aliases=("/api/proxy",),
    package=__name__,
    endpoints=endpoints,
    roots=roots,
)
