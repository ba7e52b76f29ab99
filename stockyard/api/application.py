"""Builds the control plane: the endpoints of all apps behind one Door."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from litestar import Litestar, Request, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.routes import HTTPRoute

import stockyard
from stockyard.api import problems
from stockyard.api.body import MAX_BODY, PARAMETERS, guard_body, guard_parameters
from stockyard.api.callrate import PER_MINUTE, CallRate
from stockyard.api.door import ASGIApp, Door
from stockyard.api.events import EventEndpoints
from stockyard.api.feed import Feed, Listeners
from stockyard.api.identity import Identities, Identity
from stockyard.api.openapi import describe
from stockyard.api.origins import Origins
from stockyard.api.paging import Cursors
from stockyard.api.permission import IDENTITY, guard, permission_of
from stockyard.api.repeats import Repeats, Results
from stockyard.api.system import Installed, SystemEndpoints


class Slice(Protocol):
    """What the API needs to know about an app."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...
    @property
    def endpoints(self) -> Callable[[], Sequence[Any]]: ...
    @property
    def roots(self) -> Callable[[], Sequence[Any]]: ...


class Application(Litestar):
    """Litestar without its pydantic and attrs plugins.

    Where those packages happen to be installed, importing them takes a seventh of the whole
    program's memory, and no endpoint here uses them.
    """

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def build(
    apps: Sequence[Slice],
    *,
    identities: Identities,
    provided: Mapping[str, object],
    feeds: Sequence[Feed],
    results: Results,
    config_version: Callable[[], int],
    stopping: Callable[[], bool],
    max_body: int = MAX_BODY,
    origins: Collection[str] = (),
    calls_per_minute: int = PER_MINUTE,
    read_only: bool = False,
) -> ASGIApp:
    """The API as an ASGI app. `provided` is what endpoints ask for by the name of a parameter.

    Raises LookupError if an endpoint declares no permission or needs what is not provided.
    """
    values: dict[str, object] = {
        "cursors": Cursors(),
        "installed": installed(apps),
        "identities": identities,
        "feeds": {feed.topic: feed for feed in feeds},
        "listeners": Listeners(stopping),
        **provided,
    }
    dependencies = {name: constant(value) for name, value in values.items()}
    dependencies["identity"] = Provide(identity_of, sync_to_thread=False)
    dependencies["description"] = constant(description_of(apps, dependencies))
    inner = Application(
        route_handlers=[SystemEndpoints, EventEndpoints, *routers(apps)],
        dependencies=dependencies,
        guards=[guard, guard_parameters, guard_body],
        exception_handlers={Exception: problems.answer},
        request_max_body_size=max_body,
        logging_config=None,
        openapi_config=None,
    )
    learn_parameters(inner)
    return Door(
        Repeats(inner, results),
        identities,
        config_version,
        Origins(origins),
        CallRate(calls_per_minute),
        read_only=read_only,
    )


def installed(apps: Sequence[Slice]) -> tuple[Installed, ...]:
    """The apps that have endpoints."""
    return tuple(
        Installed(id=app.id, name=app.name, description=app.description, path=app.path)
        for app in apps
        if app.endpoints()
    )


def description_of(
    apps: Sequence[Slice], dependencies: Mapping[str, Provide]
) -> Callable[[], Mapping[str, Any]]:
    """Describes the endpoints as OpenAPI, on the first request for it.

    From a second application that is never served: the framework would add pages of its own to the
    one that is, without a permission.
    """

    @cache
    def description() -> Mapping[str, Any]:
        described = Application(
            route_handlers=[SystemEndpoints, EventEndpoints, *routers(apps)],
            dependencies=dependencies,
            openapi_config=OpenAPIConfig(
                title="Stockyard", version=stockyard.__version__, use_handler_docstrings=True
            ),
        )
        return describe(described)

    return description


def routers(apps: Sequence[Slice]) -> list[Router]:
    """Each app under its path and under the older ones: the same endpoints, not a redirect."""
    found = []
    for app in apps:
        endpoints = app.endpoints()
        found.append(Router(app.path, route_handlers=endpoints))
        found += [
            Router(alias, route_handlers=endpoints, include_in_schema=False)
            for alias in app.aliases
        ]
    roots = [controller for app in apps for controller in app.roots()]
    return [*found, Router("/api", route_handlers=roots, include_in_schema=False)]


def learn_parameters(inner: Litestar) -> None:
    """Check that every operation has a permission, and note which parameters it knows."""
    for route in inner.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, model) in route.route_handler_map.items():
            if method == "OPTIONS":
                continue  # Made by the framework; the door lets none through.
            permission_of(handler)
            known = frozenset(one.field_alias for one in model.expected_query_params)
            handler.opt.setdefault(PARAMETERS, {})[method] = known
            named = (*model.expected_query_params, *model.expected_header_params)
            aliases = {one.field_name: one.field_alias for one in named}
            handler.opt.setdefault(problems.ALIASES, {}).update(aliases)


def constant(value: object) -> Provide:
    def provide() -> Any:
        return value

    return Provide(provide, sync_to_thread=False)


def identity_of(request: Request[Any, Any, Any]) -> Identity | None:
    identity: Identity | None = request.scope.get(IDENTITY)  # type: ignore[assignment]  # a scope has no types
    return identity
