"""The scenarios of a run: each is a slice of load, sent to every target in turn."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    load: dict[str, Any]
    """Fields of a `Job`."""
    turns: int
    direct: bool = False
    """Whether it is also asked without any hop: what `added` is the difference to."""


def scenarios(*, full: bool) -> tuple[Scenario, ...]:
    seconds, turns = (2.0, 4) if full else (0.5, 2)
    held = 500 if full else 100

    def closed(name: str, *, direct: bool = False, **load: Any) -> Scenario:
        return Scenario(name, {"seconds": seconds, **load}, turns, direct)

    return (
        closed("c1", direct=True, callers=1),
        closed("c32", direct=True, callers=32),
        closed("messages", callers=32, format="messages"),
        closed("20k", callers=8, size=20_000),
        closed("150k", callers=8, size=150_000),
        closed("first", direct=True, callers=1, mode="stream"),
        closed("streams", callers=32, mode="stream"),
        closed("message-streams", callers=32, mode="stream", format="messages"),
        closed("translate", callers=32, served_by="messages"),
        closed("translate-streams", callers=32, mode="stream", served_by="messages"),
        Scenario("held", _held(held), turns // 2, direct=True),
        Scenario("memory", _in_flight(100), 1),
    )


def _held(streams: int) -> dict[str, Any]:
    """Streams of a second each, begun over half a second; late after thrice that."""
    return {
        "mode": "hold",
        "callers": streams,
        "seconds": 0.5,
        "tokens": 50,
        "gap_ms": 20,
        "patience": 3.0,
    }


def _in_flight(calls: int) -> dict[str, Any]:
    """So many large calls at once, waiting for their provider."""
    return {"callers": calls, "size": 150_000, "wait_ms": 200, "seconds": 0.5, "warm": 0.0}
