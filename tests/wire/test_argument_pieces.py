"""What Anthropic's own library makes of arguments that are not what they should be."""

import json
from itertools import pairwise
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from stockyard.core.events import ArgumentsDelta, Event, Finished, PartEnded, PartStarted, Started
from stockyard.wire.argument_pieces import ArgumentPieces
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

READ: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def accumulated(*pieces: str, custom: bool = False) -> Any:
    """The input of a call as a client of Messages has it in the end."""
    events: list[Event] = [
        Started(id="1"),
        PartStarted(
            key="0",
            kind="tool_call",
            id="call_1",
            name="f",
            kind_of_tool="custom" if custom else "function",
        ),
        *(ArgumentsDelta(key="0", text=piece) for piece in pieces),
        PartEnded(key="0"),
        Finished(reason="tool_calls"),
    ]
    writer = FORMATS["anthropic.messages"].writer(
        Pen(id="1", model="m", created=1, wants_usage=True)
    )
    stream = writer.write(events) + writer.end()
    message: Any = None
    buffers: dict[int, bytes] = {}
    for line in stream.splitlines():
        if line.startswith(b"data: "):
            message = accumulate_event(
                event=READ.validate_json(line[6:]),
                current_snapshot=message,
                json_bufs=buffers,
            )
    assert message is not None
    return message.content[0].input


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], {}),
        (["{}"], {}),
        ([" ", '{"a"', ": 1}"], {"a": 1}),
        (["null"], {}),
        (["no", " object"], {"_raw": "no object"}),
        (["[1, 2]"], {"_raw": "[1, 2]"}),
        (["{'a': 1}"], {"_raw": "{'a': 1}"}),
        (['{"a": "\\d"}'], {"_raw": '{"a": "\\d"}'}),
        (['{"a": 1} {"b": 2}'], {"_raw": '{"a": 1} {"b": 2}'}),
        (["[" * 5000], {"_raw": "[" * 5000}),
        (['{"a":' + "[" * 5000], {"_raw": '{"a":' + "[" * 5000}),
    ],
)
def test_whatever_a_model_wrote_is_an_object_to_the_official_library(
    pieces: list[str], expected: dict[str, Any]
) -> None:
    assert accumulated(*pieces) == expected


@pytest.mark.parametrize("broken", ['{"a": [1, ', '{"a', '{"a": tr'])
def test_arguments_that_break_off_reach_the_official_library_as_far_as_they_came(
    broken: str,
) -> None:
    assert isinstance(accumulated(broken), dict)


def test_free_text_is_the_one_argument_of_the_function_that_stands_for_its_tool() -> None:
    assert accumulated("*** Begin", " Patch", custom=True) == {"input": "*** Begin Patch"}


objects = st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.floats()))


@settings(deadline=None)
@given(value=objects, cuts=st.lists(st.integers(0, 200)))
def test_an_object_passes_as_it_is_wherever_it_is_cut(value: Any, cuts: list[int]) -> None:
    text = json.dumps(value, allow_nan=False) if _finite(value) else "{}"
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    said = ArgumentPieces(PartStarted(key="0", kind="tool_call"))
    told = [said.add(text[a:b]) for a, b in pairwise(places)]
    assert json.loads("".join(told) + said.rest()) == json.loads(text)


def _finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def test_space_before_an_object_does_not_hold_it_back() -> None:
    pieces = ArgumentPieces(PartStarted(key="0", kind="tool_call", id="call_1", name="f"))
    assert [pieces.add(piece) for piece in (" ", "\n", '{"a":', "1}")] == ["", "", '{"a":', "1}"]
    assert pieces.rest() == ""
