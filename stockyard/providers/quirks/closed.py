"""Quirks of providers that refuse unknown fields, which most ignore.

Clients send answers back as they got them, with fields of whoever gave them: `refusal: null`, an
empty list of annotations, marks for a cache, thinking under another name.
"""

from typing import Any

from stockyard.providers.quirks.quirk import (
    Body,
    Change,
    Message,
    ModelTraits,
    Quirk,
    with_messages,
    without,
)

_CALL = frozenset({"id", "type", "function"})
_MARKS = frozenset({"cache_control", "prompt_cache_breakpoint"})
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def message_fields(fields: str) -> Quirk:
    """`a,b`: messages have these fields and no other. A refusal is told as what was said."""
    known = frozenset(fields.split(","))

    def change(body: Body, model: ModelTraits) -> Change:
        lost: dict[str, None] = {}

        def closed(message: Message) -> Message:
            if message.get("refusal") and not message.get("content"):
                message = without(message, "refusal") | {"content": message["refusal"]}
            # Empty values of known fields, such as `tool_calls: null`, are refused there too.
            left = {
                name: said
                for name, said in message.items()
                if name not in known or (name != "content" and said in _NOTHING)
            }
            lost.update({f"messages.{k}": None for k, v in left.items() if v not in _NOTHING})
            message = without(message, *left) if left else message
            return _with_known_parts(_with_known_calls(message), lost)

        changed = with_messages(body, closed)
        return Change(changed, tuple(lost))

    # What others add is in the turns of an assistant, or a mark. Nothing else is worth a look.
    return Quirk(tuple(sorted(_MARKS)), change, looks_for=("assistant",))


def reasoning_as(field: str) -> Quirk:
    """The provider takes earlier thinking back in this field and refuses `reasoning_content`."""
    others = ("reasoning_content", "reasoning_details")

    def change(body: Body, model: ModelTraits) -> Change:
        def renamed(message: Message) -> Message:
            said = message.get("reasoning_content")
            rest = without(message, *others) if any(f in message for f in others) else message
            return rest | {field: said} if said and field not in rest else rest

        return Change(with_messages(body, renamed))

    return Quirk(others, change)


def _with_known_calls(message: Message) -> Message:
    calls = message.get("tool_calls")
    if not calls or all(call.keys() <= _CALL for call in calls):
        return message
    return message | {"tool_calls": [{k: c[k] for k in c if k in _CALL} for c in calls]}


def _with_known_parts(message: Message, lost: dict[str, None]) -> Message:
    parts = message.get("content")
    if not isinstance(parts, list) or all(_MARKS.isdisjoint(part) for part in parts):
        return message
    lost["cache_control"] = None
    return message | {"content": [without(part, *_MARKS) for part in parts]}
