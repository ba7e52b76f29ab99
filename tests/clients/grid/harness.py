"""Runs a client through the scenarios, over a gateway in front of a provider that plays along."""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stockyard.testing import ReceivedRequest, ReplayingProvider
from stockyard.testing.formats import format_of
from stockyard.testing.play import Body, Play
from stockyard.testing.yard import Yard
from tests.clients.grid.place import CLASSES, GO, HERE, JAVA, LIBRARIES, NODE, PLACE, python
from tests.clients.grid.programs import SEALING, Program
from tests.clients.grid.scenarios import SCENARIOS, Scenario, expect_error

PATIENCE_SECONDS = 60.0
START_SECONDS = 120.0

UPSTREAMS = {
    "openai.chat": ("openai", "gpt-5.4"),
    "anthropic.messages": ("anthropic", "claude-sonnet-4-5"),
    "openai.responses": ("responder", "gpt-4o"),
    "gemini": ("geminoid", "gemini-2.5-flash"),
    "cohere.chat": ("coherent", "command-a-03-2025"),
    "ollama.chat": ("llamas", "llama3.2"),
}
"""Format of the provider -> its name and a model."""
OWN_KINDS = {
    "responder": "openai.responses",
    "geminoid": "gemini",
    "chatter": "openai.chat",
    "coherent": "cohere.chat",
    "llamas": "ollama.chat",
}
"""Providers that are in no catalog and speak nothing else."""
_PATHS = {"openai": "/v1", "responder": "/v1", "chatter": "/v1", "groq": "/openai/v1"}


MODELS = Play(
    Body(
        200,
        (("content-type", "application/json"),),
        b'{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"x"}]}',
    )
)
"""What the provider answers when a native route asks it for its models."""


@dataclass(frozen=True)
class Outcome:
    """What came of one scenario: fine, or what was wrong, or why it was not played."""

    wrong: str | None = None
    excuse: str | None = None

    @property
    def word(self) -> str:
        if self.excuse is not None:
            return "–"
        return "ok" if self.wrong is None else "**no**"


@dataclass
class Stage:
    """The provider that plays along. One scenario is on at a time."""

    scenario: Scenario | None = None
    requests: list[ReceivedRequest] = field(default_factory=list)

    def answer(self, request: ReceivedRequest) -> Play | None:
        if request.path.endswith("/models"):
            return MODELS
        if self.scenario is None or format_of(request.path) is None:
            return None
        self.requests.append(request)
        return self.scenario.answer(request, len(self.requests) - 1)

    def plays(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.requests = []


async def run(
    program: Program, upstream: str, folder: Path, scenarios: Sequence[Scenario] = SCENARIOS
) -> dict[str, Outcome]:
    """Outcomes by the name of the scenario."""
    stage = Stage()
    name, model = _behind(program, upstream)
    async with (
        ReplayingProvider(stage.answer, patience=PATIENCE_SECONDS) as provider,
        Yard(folder) as yard,
    ):
        _place(yard, name, provider.url)
        await yard.open()
        # Names that a row claims are asked for as they are: clients know what such models can do.
        asked_for = f"{name}/{model}" if name in OWN_KINDS else model
        driver = await Driver.start(program, folder, yard.url, yard.key, asked_for)
        try:
            return {
                scenario.name: await _play(program, scenario, stage, driver, upstream)
                for scenario in scenarios
            }
        finally:
            await driver.stop()


def _behind(program: Program, upstream: str) -> tuple[str, str]:
    if program.native:
        return program.native, "scripted-1"
    if program.speaks == "openai.responses":
        if upstream == "openai.chat":
            return "chatter", "gpt-4o"
        if upstream == "openai.responses":
            return "openai", "gpt-5.4"
    return UPSTREAMS[upstream]


def _place(yard: Yard, name: str, url: str) -> None:
    if name in OWN_KINDS:
        yard.set(f"providers.{name}.kind", OWN_KINDS[name])
    yard.set(f"providers.{name}.base_url", url + _PATHS.get(name, ""))
    yard.set(f"providers.{name}.api_key", f"secret-of-{name}")
    yard.set(f"providers.{name}.allow_private", True)


async def _play(
    program: Program, scenario: Scenario, stage: Stage, driver: "Driver", upstream: str
) -> Outcome:
    if (excuse := program.excused.get(scenario.name)) is not None:
        return Outcome(excuse=excuse)
    stage.plays(scenario)
    heard = await driver.ask(scenario)
    if heard.get("cannot"):
        return Outcome(excuse="the client has nothing of the kind")
    status = program.statuses.get(scenario.name)
    judge = scenario.wrong if status is None else expect_error(status)
    wrong = judge(heard, stage.requests)
    if wrong is None and scenario.leaves:
        wrong = await _let_go(stage)
    if wrong is None and program.speaks == upstream and upstream in SEALING:
        last = stage.requests[-1].body if stage.requests else b""
        if scenario.sealed not in last:
            wrong = "what the provider had sealed did not come back to it"
    return Outcome(wrong)


async def _let_go(stage: Stage) -> str | None:
    if not stage.requests:
        return "the provider was not asked"
    if not await stage.requests[-1].closed_by_client(within=3):
        return "the client left, and the provider still talks"
    return None


class Driver:
    """The process in which a client runs."""

    def __init__(
        self, process: asyncio.subprocess.Process, told: Mapping[str, str], words: Path
    ) -> None:
        self._process = process
        self._told = told
        self._words = words
        """What it complains of: a file, for nobody reads along."""

    @classmethod
    async def start(
        cls, program: Program, folder: Path, url: str, key: str, model: str
    ) -> "Driver":
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        words = folder / "stderr"
        with words.open("wb") as complaints:
            process = await asyncio.create_subprocess_exec(
                *_command(program),
                cwd=home,
                env=_environment(home),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                limit=2**24,
            )
        return cls(process, {"url": url, "key": key, "model": model}, words)

    async def ask(self, scenario: Scenario) -> Mapping[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        told = {**self._told, "scenario": scenario.plays or scenario.name}
        if scenario.key:
            told["key"] = scenario.key
        try:
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            async with asyncio.timeout(START_SECONDS):
                async for line in self._process.stdout:
                    if line.startswith(b"@"):
                        heard: Mapping[str, Any] = json.loads(line[1:])
                        return heard
        except (TimeoutError, ConnectionError) as error:
            return {"gave up": repr(error)}
        return {"ended": self._words.read_text(errors="replace")[-600:]}

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


def _command(program: Program) -> list[str]:
    if program.runtime == "go":
        return [str(GO), program.driver]
    if program.runtime == "java":
        return [JAVA, "-cp", f"{CLASSES}{os.pathsep}{LIBRARIES}/*", "Main", program.driver]
    if program.runtime != "node":
        return [
            str(python(program.place)),
            str(HERE / "drivers" / f"{program.driver}.py"),
            *program.arguments,
        ]
    # Node looks for packages beside the file that asks for them.
    copy = PLACE / "node" / "drivers"
    shutil.copytree(HERE / "drivers", copy, dirs_exist_ok=True)
    return [NODE, str(copy / f"{program.driver}.mjs"), *program.arguments]


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the operator's own: no keys, no proxies, no settings."""
    path = os.pathsep.join([str(PLACE / "node" / "node_modules" / ".bin"), os.environ["PATH"]])
    return {
        "PATH": path,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "PYTHONPATH": str(HERE / "drivers"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "NO_PROXY": "*",
    }
