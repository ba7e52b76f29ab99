"""The installation itself: apps, version and health."""

import asyncio
import platform
from collections.abc import Callable, Mapping
from typing import Any, Literal

from litestar import Controller, Request, Response, get
from msgspec import Struct

import stockyard
from stockyard.api import page
from stockyard.api.identity import ANY, PUBLIC
from stockyard.api.parameters import Given
from stockyard.api.permission import needs


class Installed(Struct, frozen=True, kw_only=True):
    """An app that runs here."""

    id: str
    name: str
    description: str
    tier: Literal["core"] = "core"
    path: str
    console: str | None = None
    """Its page in the console, where there is one."""
    tools: tuple[str, ...] = ()


class InstalledList(Struct, frozen=True, kw_only=True):
    apps: tuple[Installed, ...]
    count: int
    next: None = None


class Version(Struct, frozen=True, kw_only=True):
    version: str
    commit: str | None
    built_at: str | None
    python: str
    schema: str


class Component(Struct, frozen=True, kw_only=True):
    """One part of the process: `ok`, `degraded` or `down`, and its figures."""

    state: str
    detail: dict[str, Any] = {}


class Status(Struct, frozen=True, kw_only=True):
    """The health of the process, from memory: no provider is called."""

    status: str
    """`healthy`, `degraded` or `down`."""
    uptime_seconds: float
    version: str
    total_requests: int
    total_errors: int
    error_rate: float
    avg_latency_ms: float | None
    memory: dict[str, int]
    tasks: int
    components: dict[str, Component]


class Alive(Struct, frozen=True, kw_only=True):
    status: str
    version: str


StatusNow = Given[Callable[[], Status]]
Metrics = Given[Callable[[], bytes]]
ExampleModel = Given[Callable[[], str]]
Apps = Given[tuple[Installed, ...]]
Description = Given[Callable[[], Mapping[str, Any]]]
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class SystemEndpoints(Controller):
    """Endpoints that belong to no app."""

    tags = ["System"]  # noqa: RUF012  the framework's own declaration

    @get("/", opt=needs(PUBLIC), include_in_schema=False)
    async def root(
        self, request: Request[Any, Any, Any], example_model: ExampleModel
    ) -> Response[Any]:
        """A page for people, facts for programs."""
        host = request.headers.get("host", "127.0.0.1:4200")
        if "text/html" in request.headers.get("accept", ""):
            return page.answer(host, request.url.scheme, example_model())
        return Response(
            {
                "name": "stockyard",
                "version": stockyard.__version__,
                "endpoints": ["/v1", "/api", "/health", "/metrics"],
            },
            headers={"Vary": "Accept"},
        )

    @get("/metrics", opt=needs("platform.metrics"), include_in_schema=False)
    async def metrics(self, metrics_text: Metrics) -> Response[bytes]:
        """Prometheus text."""
        return Response(metrics_text(), headers={"Content-Type": METRICS_TYPE})

    @get("/api/health", opt=needs(PUBLIC))
    async def health(self) -> Alive:
        """Whether the process answers."""
        return Alive(status="ok", version=stockyard.__version__)

    @get("/api/status", opt=needs("platform.read"))
    async def status(self, status_now: StatusNow) -> Status:
        """How the process is doing."""
        return status_now()

    @get("/api/version", opt=needs(PUBLIC))
    async def version(self) -> Version:
        """What runs here."""
        return Version(
            version=stockyard.__version__,
            commit=None,
            built_at=None,
            python=platform.python_version(),
            schema="1",
        )

    @get("/api/apps", opt=needs(ANY))
    async def apps(self, installed: Apps) -> InstalledList:
        """Which apps run here."""
        return InstalledList(apps=installed, count=len(installed))

    @get("/api/openapi.json", opt=needs(ANY), include_in_schema=False)
    async def openapi(self, description: Description) -> Mapping[str, Any]:
        """This API as OpenAPI 3.1: exactly what runs."""
        return await asyncio.to_thread(description)
