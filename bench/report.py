"""A run as a plain table to read and as JSON to keep."""

import platform
from collections.abc import Iterator, Sequence

import msgspec

from bench.figures import Cell, Table, table
from bench.rig import DIRECT, GATEWAY, YARDSTICK, Run

_NOTES = """\
x: gateway over bare proxy, slices of one turn compared, the median. [least..most] over turns.
~ others were busy on this machine  > client and provider were full first: a lower bound
Where there is a >, latency added at 32 callers is mostly the queue in front of the provider.
onto messages: asked in chat, answered by a model that speaks messages. No bare proxy translates."""

_STAGE_NOTES = """\
Parts of a small call, inside one process and without the kernel's work for its sockets."""


def text(run: Run) -> str:
    rows: list[tuple[str, ...]] = [("", DIRECT, YARDSTICK, GATEWAY, "x")]
    rows += [_row(label, cells) for label, cells in table(run).items()]
    lines = [_machine(run), "", *_aligned(rows), "", _NOTES]
    if run.stages:
        lines += ["", *_aligned(_stage_rows(run)), "", _STAGE_NOTES]
    faults = list(_faults(run))
    if faults:
        lines += ["", "Wrong answers:", *faults]
    return "\n".join(lines)


def as_json(run: Run) -> bytes:
    figures: Table = table(run)
    whole = {"machine": _machine(run), "figures": figures, "run": run}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1)


def _machine(run: Run) -> str:
    one = ", one core for everything" if run.one_core else ""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}{one}"


def _row(label: str, cells: dict[str, Cell]) -> tuple[str, ...]:
    gateway = cells.get(GATEWAY)
    multiple = "" if gateway is None or gateway.multiple is None else f"{gateway.multiple:.2f}"
    return (label, *(_shown(cells.get(t)) for t in (DIRECT, YARDSTICK, GATEWAY)), multiple)


def _stage_rows(run: Run) -> Sequence[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("", "CPU (us)", "budget (us)")]
    for stage in run.stages:
        budget = "-" if stage.budget_us is None else _number(stage.budget_us)
        rows.append((stage.label, _number(stage.us), budget))
    return rows


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    marks = ("~" if cell.noisy else "") + (">" if cell.rig_bound else "")
    if cell.least == cell.most:
        return marks + _number(cell.median)
    return f"{marks}{_number(cell.median)} [{_number(cell.least)}..{_number(cell.most)}]"


def _number(value: float) -> str:
    size = abs(value)
    if value == int(value) and size < 1000:
        return str(int(value))
    digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:,.{digits}f}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for label, *cells in rows:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join((label.ljust(widths[0]), *padded)).rstrip()


def _faults(run: Run) -> Iterator[str]:
    for slice_ in run.slices:
        where = f"{slice_.target}, {slice_.scenario}, turn {slice_.turn + 1}"
        for why, count in slice_.outcome.wrong.items():
            yield f"  {where}: {count} x {why}"
        if slice_.outcome.late:
            yield f"  {where}: {slice_.outcome.late} x late"
        yield from (f"    {sample[:200]}" for sample in slice_.outcome.samples[:1])
