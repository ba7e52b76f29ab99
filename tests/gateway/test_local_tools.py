"""Tools that clients of Responses run themselves, with models that were never taught them."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from stockyard.wire.formats import FORMATS

SHELL = {"commands": ["ls", "pwd"], "timeout_ms": 1000}
LOCAL_SHELL = {"command": ["ls", "-l"], "working_directory": "/tmp"}
PATCH = {"type": "update_file", "path": "a.py", "diff": "@@\n-1\n+2"}
CASES = [
    ("shell", SHELL, {"type": "shell_call", "action": SHELL}),
    (
        "local_shell",
        LOCAL_SHELL,
        {"type": "local_shell_call", "action": {"type": "exec", "env": {}, **LOCAL_SHELL}},
    ),
    ("apply_patch", PATCH, {"type": "apply_patch_call", "operation": PATCH}),
]
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def asking(*tools: Any, stream: bool = False, **more: Any) -> dict[str, Any]:
    said = {"model": "claude-scripted", "input": "list", "tools": list(tools), "stream": stream}
    return said | more


def answered(heard: Heard, *, stream: bool) -> dict[str, Any]:
    """The answer of a call; of a stream, as its last event tells it."""
    assert heard.status == 200
    if not stream:
        return dict(heard.json)
    *_, last = [event.json for event in heard.events if event.json]
    assert last["type"] == "response.completed"
    return dict(last["response"])


@streamed
@pytest.mark.parametrize(("name", "arguments", "item"), CASES, ids=[case[0] for case in CASES])
async def test_local_tools_are_offered_as_functions_and_called_as_what_they_are(
    yard: Yard, name: str, arguments: dict[str, Any], item: dict[str, Any], stream: bool
) -> None:
    yard.set("translation.local_tools", True)
    anthropic = yard.provider("anthropic").says("").and_calls(name, arguments)
    heard = await yard.call("/v1/responses", asking({"type": name}, stream=stream))
    (tool,) = anthropic.last.json["tools"]
    assert (tool["name"], bool(tool["description"])) == (name, True)
    assert tool["input_schema"]["required"]
    found = [one for one in answered(heard, stream=stream)["output"] if one["type"] != "message"]
    assert len(found) == 1
    call = found[0]
    assert call["status"] == "completed"
    assert call["id"]
    assert call["call_id"]
    assert call | item == call
    if stream:
        done = [e.json["item"] for e in heard.events if e.name == "response.output_item.done"]
        assert done[-1] == call


@pytest.mark.parametrize(
    ("call", "output", "told", "failed"),
    [
        (
            {"type": "shell_call", "call_id": "c1", "action": SHELL},
            {"type": "shell_call_output", "call_id": "c1", "output": [{"stdout": "a"}]},
            '[{"stdout":"a"}]',
            False,
        ),
        (
            {"type": "local_shell_call", "id": "l", "call_id": "c1", "action": LOCAL_SHELL},
            {"type": "local_shell_call_output", "id": "c1", "output": "total 0"},
            "total 0",
            False,
        ),
        (
            {"type": "apply_patch_call", "call_id": "c1", "operation": PATCH},
            {"type": "apply_patch_call_output", "call_id": "c1", "status": "failed"},
            "failed",
            True,
        ),
        (
            {"type": "apply_patch_call", "call_id": "c1", "operation": PATCH},
            {"type": "apply_patch_call_output", "call_id": "c1", "status": "completed"},
            "completed",
            False,
        ),
    ],
)
async def test_results_of_local_tools_go_along(
    yard: Yard, call: dict[str, Any], output: dict[str, Any], told: str, failed: bool
) -> None:
    yard.set("translation.local_tools", True)
    anthropic = yard.provider("anthropic").says("done")
    name = call["type"].removesuffix("_call")
    begun, more = ({"role": "user", "content": text} for text in ("list", "go on"))
    turns = [begun, call, output, more]
    heard = await yard.call("/v1/responses", asking({"type": name}, input=turns))
    assert heard.status == 200
    _, asked, result = anthropic.last.json["messages"][:3]
    assert asked["role"] == "assistant"
    (use,) = asked["content"]
    assert (use["type"], use["name"]) == ("tool_use", name)
    assert use["input"] == call.get("action", call.get("operation"))
    came = result["content"][0]
    assert (came["type"], came["tool_use_id"]) == ("tool_result", use["id"])
    assert (came["content"], came.get("is_error", False)) == (told, failed)


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize(
    "tool",
    [
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "web_search"},
        {"type": "shell"},
    ],
)
async def test_hosted_tools_are_left_out_and_local_ones_too_unless_allowed(
    yard: Yard, tool: dict[str, Any], allowed: bool
) -> None:
    if allowed:
        yard.set("translation.local_tools", True)
    anthropic = yard.provider("anthropic").says("hi")
    heard = await yard.call("/v1/responses", asking(tool))
    told = allowed and tool == {"type": "shell"}
    assert bool(anthropic.last.json.get("tools")) == told
    assert ("x-stockyard-dropped" in heard.headers) != told


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", {"type": "any"}),
        ({"type": "shell"}, {"type": "tool", "name": "shell"}),
        ({"type": "apply_patch"}, None),
    ],
)
async def test_a_choice_of_tool_may_demand_a_local_one(
    yard: Yard, choice: Any, sent: dict[str, str] | None
) -> None:
    yard.set("translation.local_tools", True)
    anthropic = yard.provider("anthropic").says("").and_calls("shell", SHELL)
    heard = await yard.call("/v1/responses", asking({"type": "shell"}, tool_choice=choice))
    if sent is None:
        assert (heard.status, heard.json["error"]["param"]) == (400, "tool_choice")
    else:
        assert anthropic.last.json["tool_choice"].items() >= sent.items()


@streamed
async def test_a_function_of_the_same_name_is_the_client_s_own(yard: Yard, stream: bool) -> None:
    yard.set("translation.local_tools", True)
    yard.provider("anthropic").says("").and_calls("shell", {"x": 1})
    own = {"type": "function", "name": "shell", "parameters": {"type": "object"}}
    heard = await yard.call("/v1/responses", asking({"type": "shell"}, own, stream=stream))
    kinds = [item["type"] for item in answered(heard, stream=stream)["output"]]
    assert "function_call" in kinds
    assert "shell_call" not in kinds


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("shell", ("action", "commands")),
        ("local_shell", ("action", "command")),
        ("apply_patch", ("operation", "diff")),
    ],
)
@pytest.mark.parametrize("odd", ["ls -l", "[1]", '{"commands'])
async def test_text_that_a_model_wrote_instead_of_arguments_is_not_lost(
    yard: Yard, name: str, place: tuple[str, str], odd: str
) -> None:
    yard.set("translation.local_tools", True)
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": odd}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    body = {"id": "a", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    together = yard.provider("together")
    together.sends(200, {"content-type": "application/json"}, json.dumps(body).encode())
    heard = await yard.call("/v1/responses", asking({"type": name}, model="together/m"))
    (item,) = heard.json["output"]
    said = item[place[0]][place[1]]
    assert said == ([odd] if isinstance(said, list) else odd)


def test_local_tools_go_unchanged_to_a_provider_of_the_format() -> None:
    turns = [{"type": "shell_call", "call_id": "c1", "action": SHELL}]
    body = json.dumps({"input": turns, "tools": [{"type": "shell"}], "model": "m"}).encode()
    codec = FORMATS["openai.responses"]
    content = codec.decode_request(body)
    request = Request(model="m", content=content)
    none: frozenset[str] = frozenset()
    again = json.loads(codec.encode_request(request, features=none, traits=none).body)
    assert (again["input"], again["tools"]) == (turns, [{"type": "shell"}])
