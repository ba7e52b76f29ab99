"""Normalise answers of providers that deviate from the format, for clients that expect it.

Answers are forwarded as they came. A few things in them mean nothing to a client of the format:
content that is a list, finish reasons that one provider invented, a last chunk under another name.
Only the pieces that have one of those are rewritten.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from zlib import crc32

import msgspec

from stockyard.wire.codec import Traits
from stockyard.wire.openai_chat.messages import EMPTIED, as_text, is_blank
from stockyard.wire.openai_chat.parts import THOUGHTS, is_reference, thought_in
from stockyard.wire.openai_chat.pictures import PICTURES, drawn, pictures_of
from stockyard.wire.openai_chat.reasoning import DEFAULT_FIELD
from stockyard.wire.openai_chat.response import CITED, FINISHES
from stockyard.wire.surrogates import decode_event

_NAMES = frozenset(
    {
        *("content_list", "content_object", "finish_empty_with_tools", "finish_extra"),
        "message_beside_delta",
    }
)
"""Traits of providers that say such things."""

_ODD = re.compile(
    rb'"content"[ \t\r\n]*:[ \t\r\n]*[\[{]|"chat\.completion\.done"'
    rb'|"finish_reason"[ \t\r\n]*:[ \t\r\n]*"'
    rb'(?!(?:stop|length|tool_calls|content_filter|function_call)")'
)
_OBJECTS = {"chat.completion.done": "chat.completion.chunk"}

_Object = dict[str, Any]


@lru_cache(256)
def plain_for(traits: Traits) -> Callable[[bytes], bytes] | None:
    """What makes the answers of such a provider ordinary; None where they are."""
    return plain if any(trait.partition(":")[0] in _NAMES for trait in traits) else None


def plain(answer: bytes) -> bytes:
    """A whole answer, or the data of one event. The same object when nothing in it is odd."""
    if _ODD.search(answer) is None:
        return answer
    try:
        said = decode_event(answer)
    except (ValueError, RecursionError):
        return answer
    if not isinstance(said, dict) or not isinstance(said.get("choices"), list):
        return answer
    name = said.get("object")
    said["object"] = _OBJECTS.get(name, name) if isinstance(name, str) else name
    for choice in said["choices"]:
        if isinstance(choice, dict):
            _make_plain(choice)
    return msgspec.json.encode(said)


def _make_plain(choice: _Object) -> None:
    whole = "message" in choice and "delta" not in choice
    part = choice.get("message" if whole else "delta")
    part = part if isinstance(part, dict) else {}
    if isinstance(part.get("content"), list):
        _say_content(part, whole=whole)
    elif whole:
        part |= {"content": as_text(part.get("content"))}
        for name in [name for name in EMPTIED if is_blank(part.get(name))]:
            del part[name]
    word = choice.get("finish_reason")
    if not isinstance(word, str) or word in ("stop", "length"):
        return
    called = bool(part.get("tool_calls"))
    if not word:
        # In a stream every chunk may have it, which then means nothing.
        choice["finish_reason"] = "tool_calls" if called else "stop" if whole else None
    elif (finish := FINISHES.get(word)) is not None and word != "function_call":
        choice["finish_reason"] = "tool_calls" if called and finish == "stop" else finish
        if finish != word:
            choice.setdefault("native_finish_reason", word)


def _say_content(part: _Object, *, whole: bool) -> None:
    """A list as one text, and beside it the thinking, the pictures, and what the text rests on."""
    entries = part["content"]
    texts = [
        e if isinstance(e, str) else e.get("text") for e in entries if isinstance(e, str | dict)
    ]
    part["content"] = "".join(text for text in texts if isinstance(text, str))
    thoughts = [e for e in entries if isinstance(e, dict) and e.get("type") in THOUGHTS]
    thought = "".join(map(thought_in, thoughts))
    if thought:
        part.setdefault(DEFAULT_FIELD, thought)
    images = [e for e in entries if isinstance(e, dict) and e.get("type") == "image_url"]
    if pictures := drawn(pictures_of(images)):
        part.setdefault(PICTURES, pictures if whole else _indexed(pictures))
    if references := list(filter(is_reference, entries)):
        part.setdefault(CITED, references if whole else _indexed(references))


def _indexed(found: list[_Object]) -> list[_Object]:
    """Official accumulators go by the indexes of what is listed in pieces. Nobody counts here what
    came before, so each has one that no other will have."""
    return [{**one, "index": crc32(msgspec.json.encode(one))} for one in found]
