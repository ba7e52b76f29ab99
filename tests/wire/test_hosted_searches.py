"""Calls of a provider's own tools that are told as custom calls: no client can answer them."""

import json
from typing import Any

import pytest

from stockyard.core.events import Event
from stockyard.core.folding import fold
from stockyard.core.messages import Opaque, Text, ToolCall
from stockyard.core.request import Request
from stockyard.core.response import Output
from stockyard.wire.formats import FORMATS

RESPONSES = FORMATS["openai.responses"]
NONE: frozenset[str] = frozenset()
SEARCH = {
    "id": "ctc_1_xs_call_1",
    "type": "custom_tool_call",
    "call_id": "xs_call_1",
    "name": "x_keyword_search",
    "input": '{"query":"GPT-5"}',
    "status": "completed",
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Here.", "annotations": []}],
}
HOSTED = [{"type": "x_search"}]
OWN = {"type": "custom", "name": "x_keyword_search"}


def answer(tools: Any, *items: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "completed",
        "tools": tools,
        "output": list(items),
    }


def read_whole(tools: Any) -> Output:
    body = json.dumps(answer(tools, SEARCH, MESSAGE)).encode()
    output = RESPONSES.decode_response(body, traits=NONE)
    assert isinstance(output, Output)
    return output


def read_stream(tools: Any) -> Output:
    begun = {**SEARCH, "input": "", "status": "in_progress"}
    delta = {"item_id": SEARCH["id"], "delta": SEARCH["input"]}
    told: list[tuple[str, dict[str, Any]]] = [
        ("created", {"response": answer(tools)}),
        ("output_item.added", {"output_index": 0, "item": begun}),
        ("custom_tool_call_input.delta", {"output_index": 0, **delta}),
        ("output_item.done", {"output_index": 0, "item": SEARCH}),
        ("output_item.added", {"output_index": 1, "item": {**MESSAGE, "content": []}}),
        ("output_item.done", {"output_index": 1, "item": MESSAGE}),
        ("completed", {"response": answer(tools, SEARCH, MESSAGE)}),
    ]
    reader = RESPONSES.reader(traits=NONE)
    events: list[Event] = []
    for number, (kind, fields) in enumerate(told):
        event = {"type": f"response.{kind}", "sequence_number": number, **fields}
        block = b"event: response.%b\ndata: %b\n\n" % (kind.encode(), json.dumps(event).encode())
        events += reader.feed(block)
    return fold([*events, *reader.end()])[0]


@pytest.mark.parametrize("read", [read_whole, read_stream])
def test_a_search_that_the_provider_ran_is_no_call_of_a_client(read: Any) -> None:
    [choice] = read(HOSTED).choices
    searched, said = choice.message.parts
    assert isinstance(searched, Opaque)
    assert searched.value == SEARCH
    assert isinstance(said, Text)
    assert (said.text, choice.finish) == ("Here.", "stop")


@pytest.mark.parametrize("read", [read_whole, read_stream])
@pytest.mark.parametrize(
    "tools",
    [
        [*HOSTED, OWN],
        # Whoever does not repeat the tools, or can load more of them, does not tell whose it is.
        [],
        None,
        [{"type": "tool_search"}],
        [{"type": [], "name": {}}, *HOSTED, OWN],
    ],
)
def test_a_call_of_a_tool_that_the_client_has_or_may_have_is_its_call(
    read: Any, tools: Any
) -> None:
    [choice] = read(tools).choices
    assert isinstance(choice.message.parts[0], ToolCall)
    assert choice.finish == "tool_calls"


def sent(*items: dict[str, Any], tools: Any = HOSTED) -> tuple[list[Any], tuple[str, ...]]:
    asked = {"model": "m", "input": list(items), "tools": tools}
    content = RESPONSES.decode_request(json.dumps(asked).encode())
    request = Request(model="m", content=content)
    written = RESPONSES.encode_request(request, features=NONE, traits=NONE)
    return json.loads(written.body)["input"], written.dropped


def test_a_search_goes_back_to_its_provider_as_it_came_and_needs_no_result() -> None:
    question = {"role": "user", "content": "And now?"}
    written, dropped = sent(SEARCH, MESSAGE, question)
    assert written == [SEARCH, MESSAGE, question]
    assert dropped == ()


def test_a_call_with_a_result_stays_the_clients_when_its_tool_is_declared_no_longer() -> None:
    result = {"type": "custom_tool_call_output", "call_id": SEARCH["call_id"], "output": "none"}
    written, dropped = sent(SEARCH, result)
    assert written == [SEARCH, result]
    assert dropped == ()
