"""A model's turn as items: messages, reasoning, tool calls and items that only this format has.

In the neutral form a turn of the model is one message. The items it came in are remembered on their
parts, so that they can be told apart again.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Image, Opaque, Part, Reasoning, Text, ToolCall
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.layout import is_blank_elsewhere
from stockyard.wire.media import sniffed
from stockyard.wire.openai_responses.calls import Names, decode_call, encode_call
from stockyard.wire.openai_responses.parts import (
    FORMAT,
    decode_content,
    encode_content,
    is_bare,
    remember,
    remembered,
    type_of,
)
from stockyard.wire.openai_responses.reasoning import (
    belongs_to,
    decode_reasoning,
    encode_reasoning,
)

CALLS = frozenset({"function_call", "custom_tool_call"})
DRAWING = "image_generation_call"

_Part = TypeVar("_Part", bound=Part)


def decode_item(item: Any, path: str, names: Names, *, answer: bool) -> list[AnyPart]:
    """The parts of one item that the model said, of a request or of an answer."""
    fields = Fields(item, path)
    kind = type_of(fields)
    if kind == "message":
        return decode_spoken(fields)
    if kind == "reasoning":
        return decode_reasoning(fields)
    if kind in CALLS and not names.of_provider(item):
        return [decode_call(fields, answer=answer)]
    return [decode_other(item, answer=answer)]


def decode_other(item: Any, *, answer: bool) -> Image | Opaque:
    """An item of one of the service's own tools. Images that it made are images in answers."""
    data = item.get("result") if item.get("type") == DRAWING else None
    if not answer or not isinstance(data, str) or not data:
        return Opaque(format=FORMAT, value=item)
    own = {key: value for key, value in item.items() if key != "result"}
    kind = sniffed(data, f"image/{item.get('output_format') or 'png'}")
    return Image(data=data, media_type=kind, extra=remember({}, drawing=own))


def drawn(part: _Part) -> _Part | Opaque:
    """An image of an answer as an image generation item."""
    if not isinstance(part, Image) or part.data is None:
        return part
    own = remembered(part.extra).get("drawing", {"type": DRAWING, "status": "completed"})
    return Opaque(format=FORMAT, value={**own, "result": part.data})


def decode_spoken(fields: Fields) -> list[AnyPart]:
    """The parts of an assistant message; the first one remembers the message's own fields."""
    fields.any("role")
    content = fields.any("content")
    facts: dict[str, Any] = {"item": fields.rest}
    if isinstance(content, str):
        facts["string"] = True
    parts = list(decode_content(content, fields.at("content")))
    if not parts:
        facts["empty"] = True
        parts = [Text(text="")]
    parts[0] = replace(parts[0], extra=remember(parts[0].extra, **facts))
    return parts


def encode_turn(
    parts: Sequence[AnyPart], drops: Drops, names: Names, *, answer: bool
) -> list[dict[str, Any]]:
    """All items of a turn, of a request or of an answer."""
    items: list[dict[str, Any]] = []
    for run in _runs(parts):
        item = _encode_run(run, drops, names, answer=answer)
        if item is not None:
            items.append(item)
    return items


def _runs(parts: Sequence[AnyPart]) -> list[list[AnyPart]]:
    """Group the parts by the item they belong to."""
    runs: list[list[AnyPart]] = []
    for part in parts:
        last = runs[-1][-1] if runs else None
        if last is not None and _joins(part, last):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _joins(part: AnyPart, last: AnyPart) -> bool:
    if isinstance(part, Reasoning) and isinstance(last, Reasoning):
        return belongs_to(part, last)
    return _is_content(part) and _is_content(last) and "item" not in remembered(part.extra)


def _is_content(part: AnyPart) -> bool:
    return not isinstance(part, Reasoning | ToolCall | Opaque)


def _encode_run(
    run: list[AnyPart], drops: Drops, names: Names, *, answer: bool
) -> dict[str, Any] | None:
    first = run[0]
    if isinstance(first, Reasoning):
        item = encode_reasoning([p for p in run if isinstance(p, Reasoning)], answer=answer)
        if item is None:
            drops.add("input.reasoning")
        return item
    if isinstance(first, ToolCall):
        drops.foreign(first.extra, "input")
        if first.kind == "server":
            drops.add("input.server_tool_use")
            return None
        if first.cache is not None:
            drops.add("cache_control")
        return encode_call(first, names)
    if isinstance(first, Opaque):
        if first.format != FORMAT:
            drops.add("input.opaque")
            return None
        return dict(first.value)
    return _encode_spoken(run, drops, answer=answer)


def _encode_spoken(run: list[AnyPart], drops: Drops, *, answer: bool) -> dict[str, Any] | None:
    blank = all(isinstance(part, Text) and is_blank_elsewhere(part, FORMAT) for part in run)
    if blank and not answer:
        return None
    known = remembered(run[0].extra)
    own: dict[str, Any] = known.get("item", {})
    content: Any = encode_content(tuple(run), drops, spoken=True)
    if known.get("empty") and isinstance(run[0], Text) and not run[0].text:
        content = content[1:]
    elif not content:
        return None
    if not answer and len(run) == 1 and is_bare(run[0]) and (known.get("string") or not known):
        content = content[0]["text"]
    if answer:
        content = [_as_answered(part) for part in content]
        own = {"type": "message", **own}
    return {**own, "role": "assistant", "content": content}


def _as_answered(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] != "output_text":
        return part
    return {"type": "output_text", "annotations": [], "logprobs": [], **part}
