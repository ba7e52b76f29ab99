"""A run: start everything, send each question to all targets in turn, stop everything."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec

from bench.job import Outcome, Stage
from bench.process import Process, busy, cores
from bench.scenarios import Scenario
from bench.target import BARE, Load, Target, started

_WARM_UP = 1.0
"""Seconds of load before anything counts: connections, caches, specialised bytecode."""
_NOISY = 0.15
"""Cores of foreign work above which a slice is marked."""

DIRECT, YARDSTICK, GATEWAY = "direct", "bare proxy", "gateway"


@dataclass(frozen=True, slots=True)
class Slice:
    """One measurement."""

    scenario: str
    target: str
    turn: int
    outcome: Outcome
    cpu_us: float
    """CPU of the target per right answer, in microseconds."""
    target_busy: float
    rig_busy: float
    """Cores in use: by the target, and by client and provider together."""
    noisy: bool


@dataclass
class Run:
    """All that was measured."""

    slices: list[Slice] = field(default_factory=list)
    start_s: dict[str, list[float]] = field(default_factory=dict)
    idle_bytes: dict[str, int] = field(default_factory=dict)
    loaded_bytes: dict[str, int] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    """Of our own gateway only; empty when they were not asked for."""
    one_core: bool = False


class Rig:
    """The pretend provider, the load generator, and the targets between them."""

    def __init__(self, *, lie: tuple[str, ...] = ()) -> None:
        self._core, self._rig_core = cores()
        self._upstream = Process.python("bench.upstream", "0", *lie, core=self._rig_core)
        self._load = Load(self._rig_core)
        self._targets: list[Target] = []
        self.run = Run(one_core=self._core == self._rig_core)
        self.up = int(self._upstream.read_line())
        self._targets.append(Target(DIRECT, self.up))

    def start(self, gateway_command: str, *, starts: int) -> None:
        """Start yardstick and gateway; the gateway so many times, since its start is a figure."""
        for _ in range(starts - 1):
            self._start(GATEWAY, gateway_command).stop()
        for name, command in ((YARDSTICK, BARE), (GATEWAY, gateway_command)):
            target = self._start(name, command)
            self._targets.append(target)
            self.run.idle_bytes[name] = target.idle_bytes

    def measure(
        self,
        questions: Collection[Scenario],
        said: Callable[[str], None],
        *,
        warm_up: float = _WARM_UP,
    ) -> None:
        for target in self._targets[1:]:
            self._load.run(target.job(callers=8, seconds=warm_up))
        for scenario in questions:
            said(scenario.name)
            asked = self._targets if scenario.direct else self._targets[1:]
            for turn in range(scenario.turns):
                # Another one begins each time, so that no target always follows the same one.
                for target in (*asked[turn % len(asked) :], *asked[: turn % len(asked)]):
                    self.run.slices.append(self._slice(scenario, target, turn))
        for target in self._targets[1:]:
            assert target.process is not None
            self.run.loaded_bytes[target.name] = target.process.memory()[1]

    def measure_stages(self) -> None:
        process = Process.python("bench.stages", core=self._core)
        try:
            self.run.stages = msgspec.json.decode(process.read_line(), type=list[Stage])
        finally:
            process.stop()

    def stop(self) -> None:
        for target in self._targets:
            target.stop()
        self._load.stop()
        self._upstream.stop()

    def _start(self, name: str, command: str) -> Target:
        target = started(name, command, up=self.up, core=self._core, load=self._load)
        self.run.start_s.setdefault(name, []).append(target.start_s)
        return target

    def _slice(self, scenario: Scenario, target: Target, turn: int) -> Slice:
        before, clock = self._used(target), time.perf_counter()
        outcome = self._load.run(target.job(**scenario.load))
        wall = time.perf_counter() - clock
        own, provider, everyone = (
            after - b for after, b in zip(self._used(target), before, strict=True)
        )
        rig = provider + outcome.load_cpu
        return Slice(
            scenario=scenario.name,
            target=target.name,
            turn=turn,
            outcome=outcome,
            cpu_us=own / outcome.right_ever * 1e6 if outcome.right_ever else 0.0,
            target_busy=own / wall,
            rig_busy=rig / wall,
            noisy=(everyone - own - rig) / wall > _NOISY,
        )

    def _used(self, target: Target) -> tuple[float, float, float]:
        """CPU seconds so far: of the target, of the provider, of everyone."""
        own = target.process.cpu() if target.process is not None else 0.0
        return own, self._upstream.cpu(), busy()
