"""The figures of a run, each read from the slices of one scenario."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from bench.job import Spread
from bench.rig import DIRECT, GATEWAY, YARDSTICK, Run, Slice

Read = Callable[[Slice, Slice | None], float | None]
"""A number from a slice, and from the direct one of the same turn; None when it means nothing."""

_MB = 1e6
_FULL = 0.95
"""Cores in use above which client and provider, not the target, decide how many calls there are."""


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    scenario: str
    read: Read
    throughput: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one target over its turns."""

    median: float
    least: float
    most: float
    multiple: float | None = None
    """Of the bare proxy's, turn by turn, the median; None where that is not above 0."""
    noisy: bool = False
    rig_bound: bool = False
    """The rig was full before the target was: the true number is higher."""


Table = dict[str, dict[str, Cell]]
"""Label, then target."""


def _cpu(slice_: Slice, _: Slice | None) -> float | None:
    return slice_.cpu_us or None


def _could_do(slice_: Slice, _: Slice | None) -> float | None:
    return 1e6 / slice_.cpu_us if slice_.cpu_us else None


def _per_second(slice_: Slice, _: Slice | None) -> float | None:
    return slice_.outcome.right / slice_.outcome.seconds


def _added(times: Callable[[Slice], Spread], quantile: Literal["p50", "p99"]) -> Read:
    def read(slice_: Slice, direct: Slice | None) -> float | None:
        if direct is None or slice_.target == DIRECT:
            return None
        if not times(slice_).count or not times(direct).count:
            return None
        return float(getattr(times(slice_), quantile) - getattr(times(direct), quantile))

    return read


def _latency(slice_: Slice) -> Spread:
    return slice_.outcome.latency


def _first_event(slice_: Slice) -> Spread:
    return slice_.outcome.first_event


FIGURES = (
    Figure("CPU per call, 32 callers (us)", "c32", _cpu),
    Figure("CPU per call, 1 caller (us)", "c1", _cpu),
    Figure("CPU per call, messages, 32 callers (us)", "messages", _cpu),
    Figure("CPU per call, onto messages (us)", "translate", _cpu),
    Figure("CPU per call, 20 KB, 8 callers (us)", "20k", _cpu),
    Figure("CPU per call, 150 KB, 8 callers (us)", "150k", _cpu),
    Figure("CPU per stream of 16, 32 callers (us)", "streams", _cpu),
    Figure("CPU per stream of 16, messages (us)", "message-streams", _cpu),
    Figure("CPU per stream of 16, onto messages (us)", "translate-streams", _cpu),
    Figure("added latency p50, 1 caller (ms)", "c1", _added(_latency, "p50")),
    Figure("added latency p99, 1 caller (ms)", "c1", _added(_latency, "p99")),
    Figure("added latency p50, 32 callers (ms)", "c32", _added(_latency, "p50")),
    Figure("added latency p99, 32 callers (ms)", "c32", _added(_latency, "p99")),
    Figure("added to the first event p50 (ms)", "first", _added(_first_event, "p50")),
    Figure("added to the first event p99 (ms)", "first", _added(_first_event, "p99")),
    Figure("calls/s, 32 callers", "c32", _per_second, throughput=True),
    Figure("calls/s that its CPU allows", "c32", _could_do),
    Figure("calls/s, onto messages", "translate", _per_second, throughput=True),
    Figure("calls/s, 20 KB, 8 callers", "20k", _per_second, throughput=True),
    Figure("calls/s, 150 KB, 8 callers", "150k", _per_second, throughput=True),
    Figure("streams of 16/s, 32 callers", "streams", _per_second, throughput=True),
    Figure("streams of 16/s, messages", "message-streams", _per_second, throughput=True),
    Figure("streams of 16/s, onto messages", "translate-streams", _per_second, throughput=True),
    Figure("streams held, whole and in time", "held", lambda s, _: float(s.outcome.right)),
    Figure("streams held, events lost", "held", lambda s, _: float(s.outcome.lost_events)),
    Figure("added to a held stream p99 (ms)", "held", _added(_latency, "p99")),
    Figure("streams held, cores used", "held", lambda s, _: s.target_busy or None),
)


def table(run: Run) -> Table:
    """Every figure for which something was measured."""
    out = {figure.label: cells for figure in FIGURES if (cells := _cells(run, figure))}
    return out | dict(_of_the_process(run))


def _cells(run: Run, figure: Figure) -> dict[str, Cell]:
    by = {(s.target, s.turn): s for s in run.slices if s.scenario == figure.scenario}
    values: dict[str, dict[int, float]] = {}
    for (target, turn), slice_ in by.items():
        value = figure.read(slice_, by.get((DIRECT, turn)))
        if value is not None:
            values.setdefault(target, {})[turn] = value
    out = {}
    for target, found in values.items():
        slices = [s for s in by.values() if s.target == target]
        out[target] = _cell(
            found,
            values.get(YARDSTICK, {}) if target == GATEWAY else {},
            noisy=any(s.noisy for s in slices),
            rig_bound=figure.throughput and any(map(_rig_was_full, slices)),
        )
    return out


def _rig_was_full(slice_: Slice) -> bool:
    return slice_.target != DIRECT and slice_.rig_busy > _FULL > slice_.target_busy


def _cell(
    values: dict[int, float],
    yardstick: dict[int, float],
    *,
    noisy: bool = False,
    rig_bound: bool = False,
) -> Cell:
    found = list(values.values())
    return Cell(
        median=statistics.median(found),
        least=min(found),
        most=max(found),
        multiple=_multiple(values, yardstick),
        noisy=noisy,
        rig_bound=rig_bound,
    )


def _multiple(values: dict[int, float], yardstick: dict[int, float]) -> float | None:
    """Slices of one turn are compared with each other: noise hits both."""
    ratios = [
        value / yardstick[turn]
        for turn, value in values.items()
        if value > 0 and yardstick.get(turn, 0.0) > 0
    ]
    return statistics.median(ratios) if ratios else None


def _of_the_process(run: Run) -> Iterator[tuple[str, dict[str, Cell]]]:
    measured = {
        "start to the first right answer (s)": run.start_s,
        "memory idle (MB)": {name: [b / _MB] for name, b in run.idle_bytes.items()},
        "memory at its most (MB)": {name: [b / _MB] for name, b in run.loaded_bytes.items()},
    }
    for label, by_target in measured.items():
        values = {name: dict(enumerate(found)) for name, found in by_target.items()}
        bare = values.get(YARDSTICK, {})
        cells = {n: _cell(found, bare if n == GATEWAY else {}) for n, found in values.items()}
        yield label, cells
