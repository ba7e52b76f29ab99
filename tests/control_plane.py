"""A running control plane on a real socket, over a real database and a Line of made-up modules."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from msgspec import Meta

from stockyard.api import AsOsUser, Component, Identities, LocalReads, Status, build
from stockyard.apps import billing, chute, lookout, repeats, teams
from stockyard.apps.chute.answers import LastingAnswers
from stockyard.apps.chute.models import ModelState, ProviderState
from stockyard.apps.chute.modules import ModuleChanges
from stockyard.apps.lookout.live import TraceFeed
from stockyard.apps.lookout.traces import TraceRecorder
from stockyard.apps.repeats.results import StoredResults
from stockyard.apps.teams.admin import AdminCredential
from stockyard.apps.teams.keys import KeyRing
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Toggle
from stockyard.core.signals import ExchangeFinished, Signal
from stockyard.core.standing import Standings
from stockyard.gateway.line import Line
from stockyard.process.background import Background
from stockyard.providers.prices import PriceList
from stockyard.settings import ModuleSection
from stockyard.storage.answers import MemoryAnswers
from stockyard.storage.migrate import steps_in
from stockyard.storage.sqlite import SqliteDatabase
from stockyard.upstream.health import TargetHealth
from tests.builders import some_ports

APPS = (chute.APP, lookout.APP, billing.APP, teams.APP, repeats.APP)


class FenceConfig(ModuleConfig, frozen=True, kw_only=True):
    words: tuple[str, ...] = ()
    most: Annotated[int, Meta(ge=1)] = 5


class Fence(Module[FenceConfig]):
    name = "fence"
    category = "safety"
    stage = Stage.INSPECT

    def on_request(self, x: Exchange) -> None:
        return None


class Counting(Module[ModuleConfig]):
    name = "counting"
    category = "observe"
    stage = Stage.OBSERVE
    on_by_default = True

    def on_request(self, x: Exchange) -> None:
        return None


class Lamp(Toggle[ModuleConfig]):
    name = "lamp"
    category = "apps"


CATALOG = (Counting, Fence, Lamp)
ORIGINS = ("https://desk.example",)
PRICES = PriceList.bundled()
ALIASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {"hedge": ("fence", {"words": ["x"]})}


class Plane:
    """One control plane: its parts, and clients that speak to it in different roles."""

    def __init__(self, database: SqliteDatabase, port: int) -> None:
        self.database = database
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.signals: list[Signal] = []
        self.recorder = TraceRecorder(database)
        self.keys = KeyRing(database, self.signals.append)
        self.standings = Standings()
        self.line = Line(CATALOG, some_ports(), self.standings, ALIASES)
        self.breakers = TargetHealth()
        self.answers = LastingAnswers(MemoryAnswers(), database, Background())
        self.admin_secret = ""
        self.calls_per_minute = 1_000_000
        self.stopping = False
        self.served: Callable[..., Awaitable[None]]

    async def start(self, sections: Mapping[str, ModuleSection], owner: str) -> None:
        self.admin, secret = await AdminCredential.prepare(self.database, None)
        self.admin_secret = secret or self.admin_secret
        self.modules = ModuleChanges(
            self.line,
            self.database,
            self.signals.append,
            sections=sections,
            owned_by_file=owner == "file",
        )
        await self.modules.start()

    def app(self, local_reads: LocalReads) -> Callable[..., Awaitable[None]]:
        return build(
            APPS,
            identities=Identities(self.admin, self.keys, local_reads),
            provided={
                "database": self.database,
                "keys": self.keys,
                "modules": self.modules,
                "breakers": self.breakers,
                "answers": self.answers,
                "searches": lambda: False,
                "providers": lambda: [
                    ProviderState(name="openai", enabled=True, source="catalogue")
                ],
                "models": lambda: [ModelState(id="gpt-4o", provider="openai", kinds=("chat",))],
                "prices": PRICES,
                "status_now": a_status,
                "metrics_text": lambda: b"stockyard_up 1\n",
                "example_model": lambda: "mock",
            },
            feeds=[TraceFeed(self.database)],
            results=StoredResults(self.database),
            config_version=lambda: self.line.config_version,
            stopping=lambda: self.stopping,
            origins=ORIGINS,
            calls_per_minute=self.calls_per_minute,
        )

    def client(self, secret: str | None = None, **fields: str) -> httpx.AsyncClient:
        if secret is not None:
            fields["authorization"] = f"Bearer {secret}"
        return httpx.AsyncClient(base_url=self.url, headers=fields, timeout=30, trust_env=False)

    @property
    def as_admin(self) -> httpx.AsyncClient:
        return self.client(self.admin_secret)

    async def status_of(self, target: str) -> tuple[int, bytes]:
        """GET a target byte for byte as the admin: the status and the body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"GET {target} HTTP/1.1\r\nHost: localhost:{self.port}\r\nConnection: close\r\n"
        writer.write(f"{head}Authorization: Bearer {self.admin_secret}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return int(answer[9:12]), answer.partition(b"\r\n\r\n")[2]

    async def record(self, *exchanges: Exchange) -> None:
        """Write Traces and wait until they can be read."""
        for x in exchanges:
            self.recorder.record(ExchangeFinished(x))
        self.recorder.flush()
        async with asyncio.timeout(5):
            while self.recorder.queue.counts().queued:  # noqa: ASYNC110  another thread's counter
                await asyncio.sleep(0.005)


def a_status() -> Status:
    return Status(
        status="healthy",
        uptime_seconds=1.0,
        version="0",
        total_requests=0,
        total_errors=0,
        error_rate=0.0,
        avg_latency_ms=None,
        memory={},
        tasks=0,
        components={"database": Component(state="ok")},
    )


@asynccontextmanager
async def served(app: Any, listener: socket.socket) -> AsyncIterator[uvicorn.Server]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield server
    finally:
        # Not by `should_exit`, which is looked at every 0.1 s only.
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.shutdown(sockets=[listener])


@asynccontextmanager
async def a_plane(
    folder: Path,
    *,
    sections: Mapping[str, ModuleSection] | None = None,
    owner: str = "database",
    local_reads: bool = True,
    admin_secret: str = "",
    calls_per_minute: int = 1_000_000,
) -> AsyncIterator[Plane]:
    steps = [step for app in APPS for step in steps_in(app.id, app.migrations)]
    database = SqliteDatabase.open(folder / "stockyard.db", steps)
    # Named as TCP, so that asyncio switches Nagle's delay off.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    try:
        plane = Plane(database, listener.getsockname()[1])
        plane.admin_secret = admin_secret
        plane.calls_per_minute = calls_per_minute
        await plane.start(sections or {}, owner)
        app = plane.app(LocalReads(enabled=local_reads))
        plane.served = app
        async with served(app, listener):
            yield plane
    finally:
        listener.close()
        database.close()


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    async with a_plane(tmp_path) as plane:
        yield plane


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Plane]:
    """One for all tests of a file, which then must not depend on what is in it."""
    async with a_plane(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture
def open_plane(tmp_path: Path) -> Callable[..., Any]:
    """Opens control planes over one data folder, one after the other."""
    return partial(a_plane, tmp_path)


@pytest.fixture
async def control_socket(plane: Plane, tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        async with served(AsOsUser(plane.served), listener):
            yield path
