"""Linking to the caller's trace, and which calls keep their spans."""

import pytest

from stockyard.core.inbound import ControlHeaders
from stockyard.core.response import Response
from stockyard.errors import UpstreamError
from stockyard.modules.observe.tracelink import Config, TraceLink
from tests.builders import Provider, an_answer, an_exchange, notes, some_ports, through

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def link(**config: object) -> TraceLink:
    return TraceLink(Config(**config), some_ports())  # type: ignore[arg-type]  # options by their names


@pytest.mark.parametrize(
    ("sent", "parent", "noted"),
    [
        (f"00-{TRACE}-{SPAN}-01", f"{TRACE}-{SPAN}", []),
        (f"00-{TRACE}-{SPAN}-00", f"{TRACE}-{SPAN}", []),
        ("", "", []),
        (f"00-{'0' * 32}-{SPAN}-01", "", ["bad_parent"]),
        (f"00-{TRACE}-{'0' * 16}-01", "", ["bad_parent"]),
        (f"01-{TRACE}-{SPAN}-01", "", ["bad_parent"]),
        (f"00-{TRACE.upper()}-{SPAN}-01", "", ["bad_parent"]),
        (f"00-{TRACE}-{SPAN}-01-more", "", ["bad_parent"]),
        (f"00-{TRACE}-{SPAN}-01\n", "", ["bad_parent"]),
        ("nonsense", "", ["bad_parent"]),
    ],
)
def test_a_valid_parent_is_taken_and_any_other_starts_anew(
    sent: str, parent: str, noted: list[str]
) -> None:
    x = an_exchange(asked=ControlHeaders(trace=sent))
    link().on_request(x)
    assert x.trace_parent == parent
    assert notes(x) == noted


def test_a_parent_can_be_left_alone() -> None:
    x = an_exchange(asked=ControlHeaders(trace=f"00-{TRACE}-{SPAN}-01"))
    link(accept_parent=False).on_request(x)
    assert x.trace_parent == ""


def test_two_nodes_keep_the_same_traces() -> None:
    kept = []
    for node in (link(sample_ratio=0.1), link(sample_ratio=0.1)):
        calls = [an_exchange(id=f"req_{number}") for number in range(1000)]
        for x in calls:
            node.on_request(x)
        kept.append([x.id for x in calls if x.sampled])
    assert kept[0] == kept[1]
    assert 50 < len(kept[0]) < 150


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_none_and_all(ratio: float) -> None:
    calls = [an_exchange(id=f"req_{number}") for number in range(50)]
    for x in calls:
        link(sample_ratio=ratio).on_request(x)
    assert {x.sampled for x in calls} == {bool(ratio)}


@pytest.mark.parametrize(
    ("keep_errors", "fails", "slow", "kept"),
    [
        (True, False, False, False),
        (True, True, False, True),
        (False, True, False, False),
        (False, True, True, True),
        (True, False, True, True),
    ],
)
async def test_errors_and_slow_calls_are_kept_anyway(
    keep_errors: bool, fails: bool, slow: bool, kept: bool
) -> None:
    x = an_exchange()
    x.started -= 3_000_000_000 if slow else 0
    module = link(sample_ratio=0, keep_errors=keep_errors, slow_ms=2000)
    if fails:
        with pytest.raises(UpstreamError):
            await through(x, Provider(UpstreamError("timeout", "Late.")), module)
    else:
        assert isinstance(await through(x, Provider(an_answer()), module), Response)
    assert x.sampled is kept
