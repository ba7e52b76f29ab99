"""The bench counts right answers and nothing else."""

import sys
from collections.abc import Iterator

import pytest

from bench import report
from bench.answers import Format
from bench.figures import table
from bench.job import Job, Mode
from bench.process import Process, cores
from bench.request import request
from bench.rig import DIRECT, GATEWAY, YARDSTICK, Rig
from bench.scenarios import Scenario
from bench.target import BARE, Load, NeverAnsweredError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench reads /proc")


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    load = Load(cores()[-1])
    yield load
    load.stop()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.stop()


def test_a_short_slice_finds_a_gateway_that_answers_right(rig: Rig) -> None:
    rig.start(BARE, starts=1)
    whole = Scenario("c32", {"callers": 4, "seconds": 0.1}, turns=2, direct=True)
    held = {"mode": "hold", "callers": 5, "seconds": 0.05, "tokens": 5, "gap_ms": 5}
    rig.measure([whole, Scenario("held", held, turns=1)], said=lambda _: None, warm_up=0.1)

    assert not any(s.outcome.wrong for s in rig.run.slices)
    assert all(s.outcome.right > 0 for s in rig.run.slices)
    figures = table(rig.run)
    assert set(figures["calls/s, 32 callers"]) == {DIRECT, YARDSTICK, GATEWAY}
    assert figures["CPU per call, 32 callers (us)"][GATEWAY].median > 0
    assert figures["streams held, whole and in time"][GATEWAY].median == 5
    assert figures["streams held, events lost"][GATEWAY].median == 0
    assert "CPU per call" in report.text(rig.run)
    assert report.as_json(rig.run).startswith(b"{")


def test_a_gateway_that_never_answers_is_told_with_its_last_words(rig: Rig) -> None:
    with pytest.raises(NeverAnsweredError, match="no such file"):
        rig.start(f"{sys.executable} -c \"raise SystemExit('no such file')\"", starts=1)


@pytest.mark.parametrize(
    ("lie", "mode", "found"),
    [
        ("swapped", "whole", "another call's answer"),
        ("swapped", "stream", "another call's answer"),
        ("dropped", "stream", "tokens missing or out of order"),
        ("dropped", "hold", "tokens missing or out of order"),
        ("unfinished", "stream", "no terminator"),
    ],
)
@pytest.mark.parametrize("kind", ["chat", "messages"])
def test_a_lying_provider_is_caught(
    load: Load, lie: str, mode: Mode, found: str, kind: Format
) -> None:
    upstream = Process.python("bench.upstream", "0", "--lie", lie, "--every", "1", core=cores()[-1])
    try:
        port = int(upstream.read_line())
        outcome = load.run(
            Job(port=port, key="k", mode=mode, format=kind, seconds=0.05, warm=0.0, limit=2)
        )
    finally:
        upstream.stop()
    assert outcome.right_ever == 0
    assert set(outcome.wrong) == {found}
    assert outcome.lost_events == (sum(outcome.wrong.values()) if lie == "dropped" else 0)


def test_nobody_listening_is_wrong_and_not_silent(load: Load) -> None:
    outcome = load.run(Job(port=1, key="k", seconds=0.05, warm=0.0))
    assert outcome.right_ever == 0
    assert set(outcome.wrong) == {"no connection"}


def test_the_parts_of_a_call_are_measured_beside_what_the_design_allows(rig: Rig) -> None:
    rig.measure_stages()

    us = {stage.label: stage.us for stage in rig.run.stages}
    assert len(us) == 9
    assert all(0 < found < 10_000 for found in us.values())
    assert [s.budget_us for s in rig.run.stages if s.budget_us] == [15, 15, 15, 12, 4, 25]
    assert "trace row, both parts" in report.text(rig.run)


@pytest.mark.parametrize("size", [200, 20_000, 150_000])
def test_a_call_looks_like_one_of_the_official_library(size: int) -> None:
    before, after = request(Job(port=4200, key="sk-sy-" + "k" * 43, size=size))
    head, body = (before + b"0" * 16 + after).split(b"\r\n\r\n", 1)
    assert 520 < len(head) < 640
    assert size <= len(body) < size * 1.2 + 400
    assert f"Content-Length: {len(body)}".encode() in head
