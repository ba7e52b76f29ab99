"""Turns of a Messages request, both ways.

A turn of the user may hold tool results and text; in the neutral form these are messages of two
roles. Turns of one role that follow each other are merged, as the server would, unless the client
of this same format had sent them apart.
"""

import re
from collections.abc import Iterable
from itertools import chain, takewhile
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Message,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.wire.anthropic_messages.blocks import (
    FORMAT,
    decode_blocks,
    encode_block,
    encode_blocks,
    is_bare,
    is_blank,
    without_blanks,
)
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.tool_ids import Ids, unanswered_call, unknown_call
from stockyard.wire.turns import split_results

ACCEPTED_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
ID_PREFIX = "toolu_"

# Shape words of a message: how it was laid out in this format.
APART = "apart"
"""The client sent this turn apart from an earlier one of the same role."""
TURN = "turn"
"""A system message in the middle of the conversation, which only newer models accept."""
BLOCKS = "blocks"
"""The content was a list of blocks, though one string would have said it."""

_FILLER = "."
"""Text of a first user turn where the conversation has none, because one is required."""

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


def decode_system(content: Any) -> tuple[Message, ...]:
    if content is None:
        return ()
    shape = BLOCKS if isinstance(content, list) else None
    return (Message(role="system", parts=decode_blocks(content, "system"), shape=shape),)


def decode_turns(items: list[Any]) -> tuple[Message, ...]:
    messages: list[Message] = []
    earlier = None
    for i, item in enumerate(items):
        fields = Fields(item, f"messages[{i}]")
        said = fields.required_text("role")
        role = _ROLES.get(said)
        if role is None:
            raise FieldError(fields.at("role"), "user, assistant or system")
        content = fields.any("content")
        parts = decode_blocks(content, fields.at("content"))
        shape = words(
            APART if role == earlier else None,
            TURN if role == "system" else None,
            BLOCKS if isinstance(content, list) else None,
        )
        turn = Message(role=role, parts=parts, shape=shape, extra=fields.left(FORMAT))
        messages += split_results(turn) if role == "user" else (turn,)
        earlier = role
    return tuple(messages)


def encode_system(messages: tuple[Message, ...], drops: Drops) -> Any:
    """The leading system messages: one string if that is what the client sent, else blocks."""
    if not messages:
        return None
    if len(messages) == 1 and len(messages[0].parts) == 1:
        only = messages[0].parts[0]
        as_blocks = has_word(messages[0].shape, BLOCKS)
        if isinstance(only, Text) and is_bare(only) and not as_blocks:
            drops.foreign(only.extra, "messages.content")
            return None if is_blank(only.text) else only.text
    for message in messages:
        drops.foreign(message.extra, "messages")
    return [b for m in messages for b in _said(m, drops)] or None


def encode_turns(
    messages: Iterable[Message], drops: Drops, *, system_role: bool
) -> list[dict[str, Any]]:
    writer = _Turns(drops, system_role=system_role)
    for message in messages:
        writer.add(message)
    return writer.finished()


class _Turns:
    """Assembles messages into turns, with call ids that this format accepts."""

    def __init__(self, drops: Drops, *, system_role: bool) -> None:
        self._drops = drops
        self._system_role = system_role
        self._ids = Ids(ACCEPTED_ID, ID_PREFIX)
        self._answered: set[str] = set()
        self._turns: list[dict[str, Any]] = []
        self._pending_system: list[dict[str, Any]] = []

    def add(self, message: Message) -> None:
        text = message.only_text
        if text and message.role in ("user", "assistant") and self._may_follow(message.role, text):
            self._turns.append({"role": message.role, "content": text})
            return
        self._drops.foreign(message.extra, "messages")
        if message.name is not None:
            self._drops.add("messages.name")
        if message.role == "system":
            self._add_system(message)
            return
        role = "assistant" if message.role == "assistant" else "user"
        blocks = [block for part in message.parts for block in self._blocks(part)]
        if not has_word(message.shape, BLOCKS):
            blocks = without_blanks(blocks)
        notes, self._pending_system = self._pending_system, []
        if role == "user":
            # Results must come first in their turn; a note of the system goes after them.
            blocks = [*blocks, *notes] if _results(blocks) else [*notes, *blocks]
        elif notes:
            self._place("user", notes, Message(role="user"))
        if blocks:
            self._place(role, blocks, message)

    def _may_follow(self, role: str, text: str) -> bool:
        """Whether a turn of this text alone goes behind the others as it is."""
        if self._pending_system or is_blank(text):
            return False
        return not self._turns or self._turns[-1]["role"] != role

    def finished(self) -> list[dict[str, Any]]:
        if self._pending_system:
            self._place("user", self._pending_system, Message(role="user"))
        turns = self._turns
        for i, turn in enumerate(turns):
            if turn["role"] == "assistant":
                answering = takewhile(lambda later: later["role"] == "user", turns[i + 1 :])
                self._answer_all(turn, list(answering))
        if not turns or turns[0]["role"] == "assistant":
            # Others take a question that is all in the text of the system.
            turns.insert(0, {"role": "user", "content": _FILLER})
        if turns and turns[-1]["role"] == "assistant":
            _without_blanks_at_the_end(turns[-1])
        return turns

    def _answer_all(self, asked: dict[str, Any], answered: list[dict[str, Any]]) -> None:
        """Give every unanswered call a result that says there was none: the provider refuses a user
        turn without. Consecutive user turns count as one."""
        calls = [b["id"] for b in _as_list(asked["content"]) if b.get("type") == "tool_use"]
        if not calls or not answered:
            return
        blocks = chain.from_iterable(_as_list(turn["content"]) for turn in answered)
        results = {block.get("tool_use_id") for block in blocks}
        missing = [call for call in calls if call not in results]
        if missing:
            first = answered[0]
            self._drops.add(*map(unanswered_call, missing))
            first["content"] = [*map(_no_result, missing), *_as_list(first["content"])]

    def _add_system(self, message: Message) -> None:
        blocks = _said(message, self._drops)
        if self._system_role or has_word(message.shape, TURN):
            if blocks:
                self._place("system", blocks, message)
            return
        for block in blocks:
            if block.get("type") == "text":
                block["text"] = f"<system>\n{block['text']}\n</system>"
        self._pending_system += blocks

    def _place(self, role: str, blocks: list[dict[str, Any]], message: Message) -> None:
        last = self._turns[-1] if self._turns else None
        if last is not None and last["role"] == role and not has_word(message.shape, APART):
            last["content"] = _as_list(last["content"]) + blocks
            if role == "user":
                last["content"].sort(key=lambda block: block.get("type") != "tool_result")
            return
        content: Any = blocks
        if not has_word(message.shape, BLOCKS) and _is_plain(blocks):
            content = blocks[0]["text"]
        self._turns.append({**own_fields(message.extra, FORMAT), "role": role, "content": content})

    def _blocks(self, part: AnyPart) -> Iterable[dict[str, Any]]:
        if isinstance(part, ToolCall):
            part = replace(part, id=self._ids.call(part.id))
        elif isinstance(part, ToolResult):
            fitting = self._ids.result(part.call_id)
            if fitting is None:
                # The provider refuses a result without its call.
                self._drops.add(unknown_call(part.call_id))
                return
            if fitting in self._answered:
                return
            self._answered.add(fitting)
            part = replace(part, call_id=fitting)
        block = encode_block(part, self._drops, "messages.content")
        if block is not None:
            yield block


def _said(message: Message, drops: Drops) -> list[dict[str, Any]]:
    """A message of the system as blocks."""
    blocks = encode_blocks(message.parts, drops, "messages.content")
    return blocks if has_word(message.shape, BLOCKS) else without_blanks(blocks)


def _no_result(call_id: str) -> dict[str, Any]:
    said = {"type": "tool_result", "tool_use_id": call_id, "content": "There was no result."}
    return {**said, "is_error": True}


def _without_blanks_at_the_end(turn: dict[str, Any]) -> None:
    """Strip trailing whitespace of a final assistant turn, which the model continues: it is
    refused."""
    content = turn["content"]
    if isinstance(content, str):
        turn["content"] = content.rstrip() or content
    elif content[-1].get("type") == "text":
        content[-1]["text"] = content[-1]["text"].rstrip() or content[-1]["text"]


def _results(blocks: list[dict[str, Any]]) -> bool:
    return bool(blocks) and blocks[0].get("type") == "tool_result"


def _as_list(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _is_plain(blocks: list[dict[str, Any]]) -> bool:
    return len(blocks) == 1 and blocks[0].keys() == {"type", "text"} and blocks[0]["type"] == "text"
