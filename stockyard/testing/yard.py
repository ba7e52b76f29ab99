"""A whole Stockyard in a test: real sockets, real data, and providers that follow a script.

```python
async def test_a_failing_provider_is_replaced(yard):
    yard.provider("openai").fails(503)
    yard.provider("anthropic").says("hello")
    yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])

    answer = await yard.chat("hi", model="gpt-4o")

    assert answer.text == "hello"
    assert yard.last.attempts == ["openai 503", "anthropic 200"]
```

It opens with its first call, and what decides about its start (providers, settings) is said before
that. Modules and scripts may change at any time. The fixture is in `stockyard.testing.fixtures`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from stockyard.app import Stockyard
from stockyard.control_plane import control_plane
from stockyard.core.module import AnyModule
from stockyard.core.signals import ExchangeFinished
from stockyard.errors import StockyardError
from stockyard.gateway.server import Server, ServerSettings, bind
from stockyard.providers.row import Row, shipped_rows
from stockyard.settings import load
from stockyard.testing.calls import a_call
from stockyard.testing.heard import Heard
from stockyard.testing.on_demand import OnDemand
from stockyard.testing.outcome import Outcome
from stockyard.testing.provider import ScriptedProvider
from stockyard.testing.raw_client import RawClient

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
REMEMBERED = 10_000
SETTLED_WITHIN_SECONDS = 10.0
"""Only what goes wrong takes so long, and machines of tests may be busy."""


class Yard:
    """One installation for one test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings: dict[str, Any] = {
            "server.data_dir": str(folder / "stockyard"),
            "server.drain": "200ms",
            # The machine may be busy with other tests.
            "overload.loop_lag": "1h",
        }
        self._providers: dict[str, ScriptedProvider] = {}
        self._base_paths: dict[str, str] = {}
        self._custom: list[type[AnyModule]] = []
        self._changes: list[tuple[str, bool, dict[str, Any] | None]] = []
        self._stockyard: Stockyard | None = None
        self._server: Server | None = None
        self._opening = asyncio.Lock()
        self.calls: deque[Outcome] = deque(maxlen=REMEMBERED)
        """Every call that ended, in the order of their ends."""
        self.key = ""
        """The secret of a Key that may call."""
        self.url = ""
        """Scheme, host and port, without a path."""

    # Before it opens

    def provider(self, name: str, **settings: Any) -> ScriptedProvider:
        """The scripted provider of this name, in place of the one that the catalog has.

        Further arguments are settings of its section. One that the catalog does not have needs
        `kind`, the format it speaks.
        """
        found = self._providers.get(name)
        if found is not None and not settings:
            return found
        if self._stockyard is not None:
            raise RuntimeError(f"Name the provider '{name}' before the first call.")
        row = _rows().get(name)
        self._base_paths[name] = urlsplit(row.base_url).path if row is not None else "/v1"
        for setting, value in settings.items():
            self.set(f"providers.{name}.{setting}", value)
        return self._providers.setdefault(name, ScriptedProvider())

    def set(self, place: str, value: object) -> None:
        """A setting of the process, as in the file: `yard.set("timeout.idle", "200ms")`."""
        if self._stockyard is not None:
            raise RuntimeError(f"Set '{place}' before the first call.")
        self._settings[place] = value

    def add(self, module: type[AnyModule], **config: Any) -> None:
        """A module of the test's own, beside those of the catalog, and switched on."""
        if self._stockyard is not None:
            raise RuntimeError(f"Add the module '{module.name}' before the first call.")
        self._custom.append(module)
        self.enable(module.name, **config)

    # Modules, at any time

    def enable(self, name: str, **config: Any) -> None:
        """Switch a module on. What is named is set, everything else is as it was by default."""
        self._change(name, enabled=True, config=config or None)

    def disable(self, name: str) -> None:
        self._change(name, enabled=False)

    def _change(self, name: str, *, enabled: bool, config: dict[str, Any] | None = None) -> None:
        if self._stockyard is None:
            self._changes.append((name, enabled, config))
            return
        line = self._stockyard.line
        line.prepare(name, enabled=enabled, config=config).apply(line.config_version + 1)

    # Calls

    async def chat(
        self, prompt: str = "hi", *, headers: Mapping[str, str] | None = None, **fields: object
    ) -> Heard:
        """Ask in the chat dialect. Further arguments are fields of the body."""
        return await self.call(CHAT, self._body(prompt, fields), headers=headers)

    async def messages(
        self, prompt: str = "hi", *, headers: Mapping[str, str] | None = None, **fields: object
    ) -> Heard:
        """Ask in the messages dialect."""
        return await self.call(MESSAGES, self._body(prompt, fields), headers=headers)

    async def stream(
        self, prompt: str = "hi", *, headers: Mapping[str, str] | None = None, **fields: object
    ) -> Heard:
        """Ask for a stream in the chat dialect, and hear it to its end."""
        return await self.chat(prompt, headers=headers, stream=True, **fields)

    async def call(
        self, path: str, body: object = b"", *, headers: Mapping[str, str] | None = None
    ) -> Heard:
        """POST anything anywhere, on a connection of its own."""
        async with self.raw() as client:
            client.ask(path, body, headers=self.headers | dict(headers or {}))
            try:
                await client.answer()
            except ConnectionError:
                pass  # cut off: what came is there, and `complete` says that it is not all
            return Heard(client.reply)

    async def get(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> Heard:
        """Send a request without a body."""
        await self.open()
        lines = [f"{method} {path} HTTP/1.1", "host: localhost", "connection: close"]
        fields = self.headers | dict(headers or {})
        lines += [f"{name}: {value}" for name, value in fields.items()]
        async with self.raw() as client:
            client.send("\r\n".join([*lines, "", ""]).encode())
            await client.to_the_end()
            return Heard(client.reply)

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[RawClient]:
        """One connection, which the test drives itself. `ask` with `headers=yard.headers`."""
        await self.open()
        async with RawClient.to(self.url) as client:
            yield client

    @property
    def headers(self) -> dict[str, str]:
        """The header fields of a caller who has our Key."""
        return {"authorization": f"Bearer {self.key}"}

    def body(self, prompt: str = "hi", **fields: object) -> dict[str, object]:
        """The body of a call as `chat` and `messages` send it."""
        return self._body(prompt, fields)

    def _body(self, prompt: str, fields: Mapping[str, object]) -> dict[str, object]:
        return {**a_call(prompt), "model": self._model(), **fields}

    def _model(self) -> str:
        """A model that the first provider serves under that very name."""
        name = next(iter(self._providers), None)
        row = _rows().get(name or "")
        if name is None or row is None or not row.models:
            return "mock" if name is None else f"{name}/scripted-1"
        return row.models[0].replace("*", "scripted")

    # What happened

    @property
    def last(self) -> Outcome:
        """What became of the call that ended last."""
        if not self.calls:
            raise LookupError("No call has ended.")
        return self.calls[-1]

    async def ended(self, calls: int, *, within: float = SETTLED_WITHIN_SECONDS) -> bool:
        """Whether so many calls end, counted from the start, within so many seconds."""
        return await becomes(lambda: len(self.calls) >= calls, within=within)

    async def quiet(self, *, within: float = SETTLED_WITHIN_SECONDS) -> bool:
        """Whether no call is running any more within so many seconds."""
        return await becomes(lambda: not self.stockyard.office.running, within=within)

    @property
    def stockyard(self) -> Stockyard:
        """The installation, to look into."""
        if self._stockyard is None:
            raise RuntimeError("The yard opens with its first call, or with `await yard.open()`.")
        return self._stockyard

    @property
    def server(self) -> Server:
        if self._server is None:
            raise RuntimeError("The yard opens with its first call, or with `await yard.open()`.")
        return self._server

    # Opening and closing

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> Self:
        """Listen. The first call does this by itself."""
        async with self._opening:
            if self._stockyard is None:
                await self._open()
        return self

    async def _open(self) -> None:
        for name, provider in self._providers.items():
            await provider.__aenter__()
            self._settings.setdefault(
                f"providers.{name}.base_url", provider.url + self._base_paths[name]
            )
            self._settings.setdefault(f"providers.{name}.api_key", f"secret-of-{name}")
            self._settings.setdefault(f"providers.{name}.allow_private", True)
        listening = bind(ServerSettings(port=0))
        try:
            self._settings["server.port"] = port = listening.getsockname()[1]
            # So that a config file of whoever runs the test is not found.
            environ = {"XDG_CONFIG_HOME": str(self._folder)}
            settings = load(self._settings, environ, self._folder)
            stockyard = self._stockyard = await Stockyard.open(settings, {}, self._custom)
            for name, enabled, changed in self._changes:
                self._change(name, enabled=enabled, config=changed)
        except StockyardError:
            listening.close()
            raise
        self._server = Server(
            stockyard.front,
            lambda: OnDemand(partial(control_plane, stockyard)),
            ServerSettings(
                drain_s=settings.server.drain,
                hard_stop_s=settings.server.hard_stop,
                fast_stop_s=1,
            ),
            listening,
        )
        self.url = f"http://127.0.0.1:{port}"
        self.key = stockyard.first_run.key or ""
        stockyard.signals.listen(ExchangeFinished, "yard", self._remember)
        stockyard.health.ready()
        await self._server.startup()

    async def close(self) -> None:
        """Stop as the process does, and leave nothing behind."""
        if self._server is not None:
            await self._server.shutdown()
        if self._stockyard is not None:
            await self._stockyard.close()
        self._server = None
        for provider in self._providers.values():
            await provider.aclose()

    def _remember(self, signal: ExchangeFinished) -> None:
        self.calls.append(Outcome(signal.exchange))


@cache
def _rows() -> dict[str, Row]:
    return shipped_rows()


async def becomes(true: Callable[[], bool], *, within: float = SETTLED_WITHIN_SECONDS) -> bool:
    """Whether something comes true within so many seconds. Looks again every few milliseconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while not true():
        if loop.time() > until:
            return False
        await asyncio.sleep(0.002)
    return True
