"""Decide what the mock provider answers in a chat."""

import re
from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct, json

from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.instance import smallest_instance, smallest_object
from stockyard.upstream.mock.mock_request import MockRequest, Tool

Estimate = Callable[[str], int]
"""Counts the tokens of a text. Adding to a text never lowers its count."""

MOST_CALLS = 8
LONGEST_ECHO = 20_000
ARGUMENTS_PER_PIECE = 16
"""In characters."""

_REQUEST_FOR_A_CALL = re.compile(r"\bcall\s+[`'\"]?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_PIECE = re.compile(r"\s*\S+|\s+")


class ToolUse(Struct, frozen=True):
    name: str
    arguments: str


class MockReply(Struct, frozen=True, kw_only=True):
    text: str = ""
    thoughts: str = ""
    calls: tuple[ToolUse, ...] = ()
    finish: Literal["stop", "stop_sequence", "length", "tool_calls"] = "stop"
    stopped_by: str | None = None
    """The stop sequence at which the text ends."""
    input_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int = 0
    """Part of `output_tokens`."""
    content_type: bytes = b"application/json"
    """Content type of the answer, unless it is streamed."""


def reply_to(request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> MockReply:
    """The answer to a request: always the same for the same request."""
    input_tokens = estimate("\n".join(request.texts))
    thoughts = f"The user wrote {len(request.prompt)} characters." if behaviour.thinks else ""
    thought_tokens = estimate(thoughts) if thoughts else 0
    calls = tuple(_called(request, behaviour))
    if calls:
        spent = sum(estimate(call.name + call.arguments) for call in calls)
        return MockReply(
            thoughts=thoughts,
            calls=calls,
            finish="tool_calls",
            input_tokens=input_tokens,
            output_tokens=thought_tokens + spent * request.n,
            thought_tokens=thought_tokens,
        )
    text, stopped_by = _until_stop(_text(request, behaviour, estimate), request.stop)
    said = text
    if request.max_tokens is not None:
        said = within(text, request.max_tokens - thought_tokens, estimate)
    complete = said == text
    return MockReply(
        text=said,
        thoughts=thoughts,
        finish="length" if not complete else "stop_sequence" if stopped_by else "stop",
        stopped_by=stopped_by if complete else None,
        input_tokens=input_tokens,
        output_tokens=thought_tokens + (estimate(said) if said else 0) * request.n,
        thought_tokens=thought_tokens,
    )


def pieces_of(text: str) -> Iterator[str]:
    """Split a text into words, each with the white space before it."""
    return (found[0] for found in _PIECE.finditer(text))


def cut(arguments: str) -> Iterator[str]:
    """Split the arguments of a tool call into pieces, as a stream has them."""
    step = ARGUMENTS_PER_PIECE
    return (arguments[begin : begin + step] for begin in range(0, len(arguments), step))


def within(text: str, tokens: int, estimate: Estimate) -> str:
    """The longest beginning of a text with at most this many tokens."""
    if tokens <= 0:
        return ""
    if estimate(text) <= tokens:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if estimate(text[:middle]) <= tokens:
            fits = middle
        else:
            too_long = middle
    return text[:fits]


def _called(request: MockRequest, behaviour: Behaviour) -> Iterator[ToolUse]:
    for tool in _chosen(request, behaviour):
        arguments = json.encode(smallest_object(tool.schema)).decode()
        yield ToolUse(tool.name, arguments)


def _chosen(request: MockRequest, behaviour: Behaviour) -> tuple[Tool, ...]:
    if not request.tools or (request.answers_tools and request.choice == "auto"):
        return ()
    if request.choice == "named" or (behaviour.calls_tools and not request.answers_tools):
        return request.tools[:MOST_CALLS]
    wanted = {name.rstrip(".:") for name in _REQUEST_FOR_A_CALL.findall(request.prompt)}
    chosen = tuple(tool for tool in request.tools if tool.name in wanted)[:MOST_CALLS]
    return chosen or (request.tools[:1] if request.choice == "required" else ())


def _text(request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> str:
    if behaviour.tokens is not None:
        return within("word " * (4 * behaviour.tokens), behaviour.tokens, estimate).rstrip()
    if request.json:
        schema = request.schema
        return json.encode(smallest_instance(schema) if schema is not None else {}).decode()
    return (
        "This answer comes from Stockyard's mock provider: no account was used and nothing was "
        f"charged. You wrote ({len(request.prompt)} characters): {request.prompt[:LONGEST_ECHO]}"
    )


def _until_stop(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    """The text before the first stop sequence in it, and that sequence."""
    met = [(at, stop) for stop in stops if stop and (at := text.find(stop)) >= 0]
    if not met:
        return text, None
    at, stop = min(met)
    return text[:at], stop
