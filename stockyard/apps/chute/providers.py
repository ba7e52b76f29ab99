"""The endpoints for providers and models: what can be called."""

from collections.abc import Callable, Sequence
from typing import Annotated

from litestar import Controller, get
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from stockyard.api.parameters import Given, Name
from stockyard.api.permission import needs
from stockyard.apps.chute.models import ModelState, ProviderState
from stockyard.errors import Refused

Providers = Given[Callable[[], Sequence[ProviderState]]]
Models = Given[Callable[[], Sequence[ModelState]]]
PartOfName = Annotated[
    str | None, QueryParameter(max_length=300, description="A part of the model's name.")
]
Abilities = Annotated[
    str | None,
    QueryParameter(max_length=300, description="What it can do, such as `vision,tools`."),
]
READ = needs("chute.read")


class ProviderList(Struct, frozen=True, kw_only=True):
    providers: list[ProviderState]
    count: int
    next: None = None


class ModelList(Struct, frozen=True, kw_only=True):
    models: list[ModelState]
    count: int
    next: None = None


class ProviderEndpoints(Controller):
    """Who can be called."""

    tags = ["Chute"]  # noqa: RUF012  the framework's own declaration

    @get("/providers", opt=READ)
    async def list_providers(self, providers: Providers) -> ProviderList:
        """Every provider that is set up or can be. Credentials are named, never shown."""
        found = list(providers())
        return ProviderList(providers=found, count=len(found))

    @get("/providers/{name:str}", opt=READ)
    async def read_provider(self, providers: Providers, name: FromPath[str]) -> ProviderState:
        """One provider."""
        for provider in providers():
            if provider.name == name:
                return provider
        raise Refused(404, "not_found", "There is no such provider.")

    @get("/models", opt=READ)
    async def list_models(
        self,
        models: Models,
        q: PartOfName = None,
        provider: Name = None,
        kind: Name = None,
        cap: Abilities = None,
    ) -> ModelList:
        """Models that can be called, as far as they are known without asking anybody."""
        wanted = set(cap.split(",")) if cap else set()
        found = [
            model
            for model in models()
            if provider in (None, model.provider)
            and (kind is None or kind in model.kinds)
            and (q is None or q.lower() in model.id.lower())
            and wanted <= set(model.can)
        ]
        return ModelList(models=found, count=len(found))
