"""Streaming of blocks that only this format has: a start, then deltas.

They are what the provider's own tools are asked and answer, and images.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from stockyard.wire.arguments import compact

_Object = dict[str, Any]

CALL, RESULT = "toolUse", "toolResult"
_GROWS = {CALL: "input", RESULT: "content", "image": "source"}
"""Block type -> the field that streams in deltas."""


def whole_of(start: _Object, deltas: Sequence[_Object]) -> _Object:
    """Assemble a block from its start and deltas."""
    name, begun = next(iter(start.items()))
    if not isinstance(begun, dict):
        return start
    said = [delta[name] for delta in deltas if name in delta]
    if name == CALL:
        grown: _Object = {"input": _input("".join(piece["input"] for piece in said))}
    elif name == RESULT:
        grown = {"content": [one for piece in said for one in piece]}
    else:
        grown = {key: value for piece in said for key, value in piece.items()}
    return {name: {**begun, **grown}}


def pieces_of(block: _Object) -> tuple[_Object, list[_Object]]:
    """The start of a block in a stream, and the deltas that complete it."""
    name, value = next(iter(block.items()), ("", None))
    grows = _GROWS.get(name, "")
    if not isinstance(value, dict) or grows not in value:
        return block, []
    start = {key: said for key, said in value.items() if key != grows}
    return {name: start}, [{name: piece} for piece in _grown(name, grows, value[grows])]


def _grown(name: str, grows: str, value: Any) -> Iterator[Any]:
    if name == RESULT:
        yield value
    else:
        yield {grows: compact(value) if name == CALL else value}


def _input(text: str) -> Any:
    try:
        return msgspec.json.decode(text or "{}")
    except (ValueError, RecursionError):
        return text
