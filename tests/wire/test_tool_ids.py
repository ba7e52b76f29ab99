"""Ids of tool calls that both sides accept."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.request import Request
from stockyard.wire.formats import FORMATS
from stockyard.wire.tool_ids import Ids, derived, missing_id

ACCEPTED = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CHAT, MESSAGES = FORMATS["openai.chat"], FORMATS["anthropic.messages"]
NONE: frozenset[str] = frozenset()


def test_an_id_that_fits_is_sent_unchanged() -> None:
    assert Ids(ACCEPTED, "toolu_").call("call_1") == "call_1"


@given(st.text())
def test_another_is_derived_the_same_way_every_time(original: str) -> None:
    first, again = Ids(ACCEPTED, "toolu_"), Ids(ACCEPTED, "toolu_")
    fitting = first.call(original)
    assert ACCEPTED.fullmatch(fitting)
    assert again.call(original) == fitting
    assert first.result(original) == fitting


def test_lengths_and_prefixes() -> None:
    assert re.fullmatch(r"[a-zA-Z0-9]{9}", derived("functions.f:0", prefix="", length=9))
    assert re.fullmatch(r"call_[a-zA-Z0-9]{24}", missing_id("c1", 0, 1, "f"))
    assert missing_id("c1", 0, 1, "f") != missing_id("c1", 0, 2, "f")


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_ids_survive_the_way_to_messages_with_calls_and_results_together(ids: list[str]) -> None:
    """Also ids that repeat from turn to turn, as some providers number them."""
    messages: list[dict[str, object]] = [{"role": "user", "content": "go"}]
    for i, call_id in enumerate(ids):
        function = {"name": "f", "arguments": f'{{"i":{i}}}'}
        call = {"id": call_id, "type": "function", "function": function}
        messages.append({"role": "assistant", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": call_id, "content": str(i)})
    body = json.dumps({"model": "m", "messages": messages}).encode()
    request = Request(model="m", content=CHAT.decode_request(body))
    encoded = json.loads(MESSAGES.encode_request(request, features=NONE, traits=NONE).body)
    called, answered = [], []
    for turn in encoded["messages"][1:]:
        for block in turn["content"]:
            if block["type"] == "tool_use":
                called.append((block["id"], block["input"]["i"]))
            else:
                answered.append((block["tool_use_id"], int(block["content"])))
    assert called == answered
    assert len({name for name, _ in called}) == len(ids)


def test_a_result_without_its_call_is_dropped_and_told() -> None:
    messages = [
        {"role": "user", "content": "go"},
        {"role": "tool", "tool_call_id": "x", "content": "1"},
    ]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    request = Request(model="m", content=CHAT.decode_request(body))
    encoded = MESSAGES.encode_request(request, features=NONE, traits=NONE)
    assert encoded.dropped == ("messages.tool_call_id:x",)


def to_messages(*turns: dict[str, Any]) -> tuple[list[Any], tuple[str, ...]]:
    asked = [{"role": "user", "content": "go"}, *turns]
    body = json.dumps({"model": "m", "messages": asked}).encode()
    request = Request(model="m", content=CHAT.decode_request(body))
    encoded = MESSAGES.encode_request(request, features=NONE, traits=NONE)
    return json.loads(encoded.body)["messages"], encoded.dropped


def calling(*ids: str, arguments: str = "{}") -> dict[str, Any]:
    function = {"name": "f", "arguments": arguments}
    calls = [{"id": call_id, "type": "function", "function": function} for call_id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "7"}


def test_a_call_that_nobody_answered_is_answered_with_an_error_and_told() -> None:
    """`wire.md` 5.2: its provider refuses a turn that leaves a call open."""
    more = {"role": "user", "content": "and?"}
    turns, dropped = to_messages(calling("a", "b"), result("a"), more)
    kinds = [(block["type"], block.get("tool_use_id")) for block in turns[2]["content"]]
    assert kinds == [("tool_result", "b"), ("tool_result", "a"), ("text", None)]
    assert turns[2]["content"][0]["is_error"] is True
    assert dropped == ("messages.tool_calls.id:b",)
    turns, dropped = to_messages(calling("a"), more)
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "text"]
    assert dropped == ("messages.tool_calls.id:a",)


def test_calls_that_are_answered_or_come_last_are_left_alone() -> None:
    turns, dropped = to_messages(calling("a", "b"), result("b"), result("a"))
    assert [block["tool_use_id"] for block in turns[2]["content"]] == ["b", "a"]
    assert dropped == ()
    turns, dropped = to_messages(calling("a"))
    assert (len(turns), dropped) == (2, ())


@pytest.mark.parametrize(
    "target", ["anthropic.messages", "bedrock.converse", "gemini", "ollama.chat"]
)
@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "no"])
def test_arguments_that_are_no_object_are_told(target: str, arguments: str) -> None:
    """`wire.md` 5.2: who wants all or nothing is refused."""
    messages = [{"role": "user", "content": "go"}, calling("a", arguments=arguments), result("a")]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    request = Request(model="m", content=CHAT.decode_request(body))
    encoded = FORMATS[target].encode_request(request, features=NONE, traits=NONE)
    assert encoded.dropped == ("messages.tool_calls.arguments",)
    assert json.dumps({"_raw": arguments})[1:-1] in json.dumps(json.loads(encoded.body))


@pytest.mark.parametrize(
    ("target", "written"),
    [("anthropic.messages", '"input":{}'), ("gemini", '"args":{}'), ("ollama.chat", ":{}")],
)
@pytest.mark.parametrize("arguments", ["", " ", "null"])
def test_no_arguments_are_an_empty_object(target: str, written: str, arguments: str) -> None:
    messages = [{"role": "user", "content": "go"}, calling("a", arguments=arguments), result("a")]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    request = Request(model="m", content=CHAT.decode_request(body))
    encoded = FORMATS[target].encode_request(request, features=NONE, traits=NONE)
    assert encoded.dropped == ()
    assert written in encoded.body.decode()
