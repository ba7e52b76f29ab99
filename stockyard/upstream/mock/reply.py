"""What the mock provider says."""

import re
from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct, json

from stockyard.upstream.mock.asked import Asked, Offer
from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.instance import smallest_instance, smallest_object

Estimate = Callable[[str], int]
"""Tokens of a text; the same for the same text, and not less for a longer one."""

MOST_CALLS = 8
LONGEST_ECHO = 20_000
ARGUMENTS_PER_PIECE = 16
"""Characters."""

_REQUEST_FOR_A_CALL = re.compile(r"\bcall\s+[`'\"]?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_PIECE = re.compile(r"\s*\S+|\s+")


class ToolUse(Struct, frozen=True):
    name: str
    arguments: str


class Reply(Struct, frozen=True, kw_only=True):
    text: str = ""
    thoughts: str = ""
    calls: tuple[ToolUse, ...] = ()
    finish: Literal["stop", "stop_sequence", "length", "tool_calls"] = "stop"
    stopped_by: str | None = None
    """The stop sequence that was met."""
    input_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int = 0
    """Part of `output_tokens`."""
    content_type: bytes = b"application/json"
    """Of a whole answer."""


def reply_to(asked: Asked, behaviour: Behaviour, estimate: Estimate) -> Reply:
    """Deterministic: the same request gets the same answer."""
    input_tokens = estimate("\n".join(asked.texts))
    thoughts = f"The user wrote {len(asked.prompt)} characters." if behaviour.thinks else ""
    thought_tokens = estimate(thoughts) if thoughts else 0
    calls = tuple(_called(asked, behaviour))
    if calls:
        spent = sum(estimate(call.name + call.arguments) for call in calls)
        return Reply(
            thoughts=thoughts,
            calls=calls,
            finish="tool_calls",
            input_tokens=input_tokens,
            output_tokens=thought_tokens + spent * asked.n,
            thought_tokens=thought_tokens,
        )
    text, stopped_by = _until_stop(_text(asked, behaviour, estimate), asked.stop)
    said = text
    if asked.max_tokens is not None:
        said = within(text, asked.max_tokens - thought_tokens, estimate)
    complete = said == text
    return Reply(
        text=said,
        thoughts=thoughts,
        finish="length" if not complete else "stop_sequence" if stopped_by else "stop",
        stopped_by=stopped_by if complete else None,
        input_tokens=input_tokens,
        output_tokens=thought_tokens + (estimate(said) if said else 0) * asked.n,
        thought_tokens=thought_tokens,
    )


def pieces_of(text: str) -> Iterator[str]:
    """A text in words, each with the white space before it."""
    return (found[0] for found in _PIECE.finditer(text))


def cut(arguments: str) -> Iterator[str]:
    """The arguments of a call as they would stream."""
    step = ARGUMENTS_PER_PIECE
    return (arguments[begin : begin + step] for begin in range(0, len(arguments), step))


def within(text: str, tokens: int, estimate: Estimate) -> str:
    """The longest beginning of a text that has no more tokens."""
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


def _called(asked: Asked, behaviour: Behaviour) -> Iterator[ToolUse]:
    for offer in _chosen(asked, behaviour):
        arguments = json.encode(smallest_object(offer.schema)).decode()
        yield ToolUse(offer.name, arguments)


def _chosen(asked: Asked, behaviour: Behaviour) -> tuple[Offer, ...]:
    if not asked.tools or (asked.answers_tools and asked.choice == "auto"):
        return ()
    if asked.choice == "named" or (behaviour.calls_tools and not asked.answers_tools):
        return asked.tools[:MOST_CALLS]
    wanted = {name.rstrip(".:") for name in _REQUEST_FOR_A_CALL.findall(asked.prompt)}
    chosen = tuple(offer for offer in asked.tools if offer.name in wanted)[:MOST_CALLS]
    return chosen or (asked.tools[:1] if asked.choice == "required" else ())


def _text(asked: Asked, behaviour: Behaviour, estimate: Estimate) -> str:
    if behaviour.tokens is not None:
        return within("word " * (4 * behaviour.tokens), behaviour.tokens, estimate).rstrip()
    if asked.json:
        schema = asked.schema
        return json.encode(smallest_instance(schema) if schema is not None else {}).decode()
    return (
        "This answer comes from Stockyard's mock provider: no account was used and nothing was "
        f"charged. You wrote ({len(asked.prompt)} characters): {asked.prompt[:LONGEST_ECHO]}"
    )


def _until_stop(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    """The text up to the first stop sequence in it, and which one that was."""
    met = [(at, stop) for stop in stops if stop and (at := text.find(stop)) >= 0]
    if not met:
        return text, None
    at, stop = min(met)
    return text[:at], stop
