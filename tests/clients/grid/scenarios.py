"""What every client is put through, what the provider does meanwhile, and what must come of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stockyard.testing import ReceivedRequest
from stockyard.testing.play import Halt, Play
from stockyard.testing.steps import HangUp, Stall
from stockyard.testing.turn import Failure, Turn, Usage, tool_call

Heard = Mapping[str, Any]
"""What a driver tells of a scenario."""

PIECES = ("Fine", " today", ".")
TEXT = "".join(PIECES)
USAGE = Usage(30, 7)
REPORT = "12 degrees"
SEALED = b"c2NyaXB0ZWQ="
"""The signature of scripted thinking, in all formats that have one."""
IMAGE = b"iVBORw0KGgo"
CITIES = ({"city": "Zürich"}, {"city": "Köln"})


@dataclass(frozen=True)
class Scenario:
    """One of them."""

    name: str
    title: str
    answer: Callable[[ReceivedRequest, int], Play]
    """What the provider does with a request, by how many came before it."""
    wrong: Callable[[Heard, Sequence[ReceivedRequest]], str | None]
    """What is wrong with what the client told and the provider was asked; None: nothing."""
    plays: str = ""
    """The driver's function, where it is not that of the scenario's name."""
    key: str = ""
    """A Key that is not ours, in place of ours."""
    sealed: bytes = b""
    """What the provider must hear again from clients of its own format."""
    leaves: bool = False
    """The client leaves: the gateway must let the provider go."""


def _says(text: str) -> Play:
    first, *rest = text.split(" ")
    return Play(Turn(pieces=(first, *(f" {word}" for word in rest)), usage=USAGE))


def _calls(*cities: Mapping[str, object]) -> Play:
    tools = tuple(tool_call(i, "weather", city) for i, city in enumerate(cities))
    return Play(Turn(pieces=("Let me look.",), tools=tools, usage=USAGE))


SHELLS: Mapping[str, Mapping[str, object]] = {
    "Bash": {"command": "printf '%s degrees' 12", "description": "Measure"},
    "exec_command": {"cmd": "printf '%s degrees' 12"},
    "shell": {"command": ["bash", "-c", "printf '%s degrees' 12"]},
    "shell_command": {"command": "printf '%s degrees' 12"},
    "run_shell_command": {"command": "printf '%s degrees' 12"},
}
"""What agents have in place of a tool for the weather. None of these words is the report."""


def _asks_tool(request: ReceivedRequest, before: int) -> Play:
    """A call first, and an answer when its result has come. Agents ask for other things beside."""
    if REPORT.encode() in request.body:
        return _says("Cold.")
    names = [name for name in SHELLS if f'"name":"{name}"'.encode() in _dense(request.body)]
    if names:
        tool = tool_call(0, names[0], SHELLS[names[0]])
        return Play(Turn(pieces=("Let me look.",), tools=(tool,), usage=USAGE))
    return _calls(CITIES[0])


def _dense(body: bytes) -> bytes:
    return body.replace(b'": ', b'":')


def _form(request: ReceivedRequest) -> Play:
    """JSON as it was asked for: as the text, or as the arguments of a tool."""
    tools = request.fields.get("tools")
    city = {"city": "Köln"}
    if not tools:
        return _says(json.dumps(city, ensure_ascii=False))
    tool = (tools[0].get("functionDeclarations") or [tools[0].get("function") or tools[0]])[0]
    return Play(Turn(tools=(tool_call(0, tool["name"], city),), usage=USAGE))


def _fails(status: int, **more: Any) -> Callable[[ReceivedRequest, int], Play]:
    return lambda request, before: Play(Failure(status, "Told to fail.", **more))


def _breaks(halt: Halt) -> Callable[[ReceivedRequest, int], Play]:
    return lambda request, before: Play(Turn(pieces=PIECES, usage=USAGE), halt=halt)


def _expect(**wanted: Any) -> Callable[[Heard, Sequence[ReceivedRequest]], str | None]:
    """These values, where the client has a place for them: None is one that it does not tell."""

    def wrong(heard: Heard, requests: Sequence[ReceivedRequest]) -> str | None:
        for name, value in wanted.items():
            if name not in heard:
                return f"no {name}: {_short(heard)}"
            told = heard[name]
            if told is not None and told != value:
                return f"{name}: {_short(told)}, not {_short(value)}"
        return None

    return wrong


_MISTAKES = (
    *("TypeError", "AttributeError", "KeyError", "NameError", "ReferenceError"),
    *("NullPointerException", "ClassCastException", "NoSuchElementException"),
)
"""Errors of a client in itself."""


def expect_error(*statuses: int) -> Callable[[Heard, Sequence[ReceivedRequest]], str | None]:
    """An error with one of these statuses, where the client has a place for it."""

    def wrong(heard: Heard, requests: Sequence[ReceivedRequest]) -> str | None:
        error = heard.get("error")
        if error is None or error["name"] in _MISTAKES:
            return f"no error of the gateway's: {_short(heard)}"
        if error["status"] is not None and error["status"] not in statuses:
            return f"status {error['status']}, not {statuses}: {_short(error)}"
        return None

    return wrong


def _streamed(heard: Heard, requests: Sequence[ReceivedRequest]) -> str | None:
    pieces = heard.get("pieces")
    if pieces is None:
        return f"no pieces: {_short(heard)}"
    if "".join(pieces) != TEXT or len(pieces) < 2:
        return f"pieces: {pieces}"
    return _expect(tokens=[30, 7])(heard, requests)


def _answered(heard: Heard, requests: Sequence[ReceivedRequest]) -> str | None:
    if not any(REPORT.encode() in request.body for request in requests):
        return f"the result never came to the provider: {_short(heard)}"
    return _expect(text="Cold.")(heard, requests)


def _seen(heard: Heard, requests: Sequence[ReceivedRequest]) -> str | None:
    if not requests or IMAGE not in requests[-1].body:
        return f"the image never came to the provider: {_short(heard)}"
    return _expect(text="A dot.")(heard, requests)


def _thought(heard: Heard, requests: Sequence[ReceivedRequest]) -> str | None:
    if len(requests) != 2:
        return f"{len(requests)} calls, not 2: {_short(heard)}"
    return _expect(thought="Let me see.", text=TEXT)(heard, requests)


def _listed(heard: Heard, requests: Sequence[ReceivedRequest]) -> str | None:
    return None if heard.get("models") else f"no models: {_short(heard)}"


def _cut(heard: Heard, requests: Sequence[ReceivedRequest]) -> str | None:
    if heard.get("text") == TEXT and len(requests) > 1:
        return None  # agents ask again
    if not heard.get("raised"):
        return f"a part was taken for the whole: {_short(heard)}"
    return _expect(text="Fine")(heard, requests)


def _thinks(request: ReceivedRequest, before: int) -> Play:
    return Play(Turn(pieces=PIECES, reasoning=("Let me", " see."), usage=USAGE))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 300 else f"{text[:300]}..."


WEATHER = [["weather", city] for city in CITIES]

SCENARIOS = (
    Scenario("whole", "whole answer", lambda r, n: _says(TEXT), _expect(text=TEXT, tokens=[30, 7])),
    Scenario("streamed", "stream", lambda r, n: Play(Turn(pieces=PIECES, usage=USAGE)), _streamed),
    Scenario("tools", "tool call", lambda r, n: _calls(CITIES[0]), _expect(calls=WEATHER[:1])),
    Scenario(
        "parallel", "two calls, streamed", lambda r, n: _calls(*CITIES), _expect(calls=WEATHER)
    ),
    Scenario(
        "result",
        "tool result",
        _asks_tool,
        _answered,
    ),
    Scenario(
        "structured", "structured output", lambda r, n: _form(r), _expect(value={"city": "Köln"})
    ),
    Scenario("image", "image", lambda r, n: _says("A dot."), _seen),
    Scenario("reasoning", "reasoning, two turns", _thinks, _thought, sealed=SEALED),
    Scenario("refused", "error 400", _fails(400), expect_error(400)),
    Scenario("wrong_key", "error 401", _fails(400), expect_error(401), "refused", "sk-sy-wrong"),
    Scenario("limited", "error 429", _fails(429), expect_error(429), "refused"),
    Scenario("broken", "error 500", _fails(500), expect_error(500, 502), "refused"),
    Scenario("cut", "cut stream", _breaks(Halt("first_content", None, HangUp("fin"))), _cut),
    Scenario(
        "cancelled",
        "cancel",
        _breaks(Halt("first_content", None, Stall())),
        _expect(text="Fine"),
        leaves=True,
    ),
    Scenario("models", "list of models", _fails(404), _listed),
)
