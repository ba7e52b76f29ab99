"""Turns of a conversation, both ways.

Turns of the user and of the model alternate strictly here, so those of one role that follow each
other are merged, and all results of one turn stand in one turn of the user, before its text. What
is refused elsewhere in a conversation is put right as well: a first turn of the model, a document
without text beside it, two documents of one name.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Message, Role, Text, ToolCall, ToolResult
from stockyard.wire.anthropic_messages.turns import TURN
from stockyard.wire.bedrock_converse.blocks import (
    OWN_CALL,
    decode_blocks,
    encode_block,
    encode_blocks,
)
from stockyard.wire.bedrock_converse.names import ACCEPTED_ID, FORMAT, ID_PREFIX, tool_name
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.inexpressible import refuse_inexpressible
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.tool_ids import Ids, unanswered_call, unknown_call
from stockyard.wire.turns import split_results

_Block = dict[str, Any]

_APART = "apart_here"
"""Word of a shape: a client of this format sent this turn apart from one of the same role."""
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_FILLER = "."
"""Text where the format requires one and the conversation has none."""


def decode_system(items: list[Any] | None) -> tuple[Message, ...]:
    if items is None:
        return ()
    return (Message(role="system", parts=decode_blocks(items, "system")),)


def decode_turns(items: list[Any]) -> tuple[Message, ...]:
    messages: list[Message] = []
    earlier = None
    for i, item in enumerate(items):
        fields = Fields(item, f"messages[{i}]")
        role = _ROLES.get(fields.required_text("role"))
        if role is None:
            raise FieldError(fields.at("role"), "user, assistant or system")
        parts = decode_blocks(fields.items("content") or [], fields.at("content"))
        shape = words(TURN if role == "system" else None, _APART if role == earlier else None)
        earlier = role
        turn = Message(role=role, parts=parts, shape=shape, extra=fields.left(FORMAT))
        messages += split_results(turn) if role == "user" else (turn,)
    return tuple(messages)


def encode_system(messages: tuple[Message, ...], drops: Drops) -> list[_Block] | None:
    for message in messages:
        drops.foreign(message.extra, "messages")
    return [b for m in messages for b in encode_blocks(m.parts, drops, "messages.content")] or None


def encode_turns(
    messages: Iterable[Message], drops: Drops, *, neutral_names: bool
) -> list[dict[str, Any]]:
    writer = _Turns(drops)
    for message in messages:
        writer.add(message)
    return _with_document_names(writer.finished(), neutral=neutral_names)


def has_tools(messages: Iterable[Message]) -> bool:
    return any(isinstance(part, ToolCall | ToolResult) for m in messages for part in m.parts)


def goes_on_without_thoughts(turns: list[dict[str, Any]]) -> bool:
    """Whether the last turn answers calls before which there is no thought."""
    if len(turns) < 2 or not any("toolResult" in block for block in turns[-1]["content"]):
        return False
    asked = turns[-2]["content"]
    return bool(asked) and "reasoningContent" not in asked[0]


def without_tools(messages: Iterable[Message]) -> Iterator[Message]:
    """The conversation with tool calls and results as plain text."""
    called: dict[str, str] = {}
    for message in messages:
        parts = tuple(told for part in message.parts for told in _told(part, called))
        yield replace(message, role="user" if message.role == "tool" else message.role, parts=parts)


def _told(part: AnyPart, called: dict[str, str]) -> Iterator[AnyPart]:
    if isinstance(part, ToolCall):
        called[part.id] = part.name
        yield Text(text=f"[Called {part.name} with {part.arguments or '{}'}]", cache=part.cache)
    elif isinstance(part, ToolResult):
        name = called.get(part.call_id, "a tool")
        text = "".join(piece.text for piece in part.parts if isinstance(piece, Text))
        outcome = "failed" if part.is_error else "answered"
        yield Text(text=f"[{name} {outcome}: {text}]", cache=part.cache)
        yield from (piece for piece in part.parts if not isinstance(piece, Text))
    else:
        yield part


class _Turns:
    """Assembles messages into turns, with call ids that this format accepts."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops
        self._ids = Ids(ACCEPTED_ID, ID_PREFIX)
        self._answered: set[str] = set()
        self._turns: list[dict[str, Any]] = []
        self._notes: list[_Block] = []
        """Of the system, in the middle of the conversation."""

    def add(self, message: Message) -> None:
        self._drops.foreign(message.extra, "messages")
        if message.name is not None:
            self._drops.add("messages.name")
        blocks = [block for part in message.parts for block in self._blocks(part)]
        if message.role == "system":
            self._add_system(blocks, message)
            return
        if not blocks:
            refuse_inexpressible(message)
        role = "assistant" if message.role == "assistant" else "user"
        notes, self._notes = self._notes, []
        if role == "user":
            blocks = [*notes, *blocks]
        elif notes:
            self._place("user", notes, Message(role="user"))
        if blocks:
            self._place(role, blocks, message)

    def finished(self) -> list[dict[str, Any]]:
        if self._notes:
            self._place("user", self._notes, Message(role="user"))
        turns = self._turns
        for asked, answered in pairwise(turns):
            self._answer_all(asked, answered)
        if not turns or turns[0]["role"] == "assistant":
            turns.insert(0, {"role": "user", "content": [{"text": _FILLER}]})
        for turn in turns:
            blocks = turn["content"]
            # A document is refused without a text beside it.
            if any("document" in b for b in blocks) and not any("text" in b for b in blocks):
                blocks.append({"text": _FILLER})
        return turns

    def _answer_all(self, asked: dict[str, Any], answered: dict[str, Any]) -> None:
        """Give every unanswered call a result that says there was none: the service refuses turns
        without."""
        if asked["role"] != "assistant" or answered["role"] != "user":
            return
        calls = [b["toolUse"]["toolUseId"] for b in asked["content"] if _waits_for_client(b)]
        missing = [call for call in calls if call not in self._answered]
        if missing:
            self._drops.add(*map(unanswered_call, missing))
            answered["content"] = [*map(_no_result, missing), *answered["content"]]

    def _add_system(self, blocks: list[_Block], message: Message) -> None:
        if has_word(message.shape, TURN):
            if blocks:
                self._place("system", blocks, message)
            return
        self._notes += [
            {"text": f"<system>\n{block['text']}\n</system>"} if "text" in block else block
            for block in blocks
        ]

    def _place(self, role: str, blocks: list[_Block], message: Message) -> None:
        last = self._turns[-1] if self._turns else None
        if last is not None and last["role"] == role and not has_word(message.shape, _APART):
            last["content"] += blocks
        else:
            own = own_fields(message.extra, FORMAT)
            last = {**own, "role": role, "content": list(blocks)}
            self._turns.append(last)
        if role == "user":
            last["content"] = _results_first(last["content"])

    def _blocks(self, part: AnyPart) -> list[_Block]:
        if isinstance(part, ToolCall):
            part = replace(part, id=self._ids.call(part.id), name=tool_name(part.name))
        elif isinstance(part, ToolResult):
            fitting = self._ids.result(part.call_id)
            if fitting is None:
                # The provider refuses a result without its call.
                self._drops.add(unknown_call(part.call_id))
                return []
            if fitting in self._answered:
                return []
            self._answered.add(fitting)
            part = replace(part, call_id=fitting)
        return encode_block(part, self._drops, "messages.content")


def _waits_for_client(block: _Block) -> bool:
    """Whether it is a call that the client answers. What the provider's own tools are asked they
    answer in the same turn, and a block that only this format knows is as the client wrote it."""
    call = block.get("toolUse") if len(block) == 1 else None
    return call is not None and call.get("type", OWN_CALL) == OWN_CALL


def _no_result(call_id: str) -> _Block:
    said = {"toolUseId": call_id, "content": [{"text": "There was no result."}], "status": "error"}
    return {"toolResult": said}


def _results_first(blocks: list[_Block]) -> list[_Block]:
    """Results before everything else, each with the cache point behind it."""
    results: list[_Block] = []
    others: list[_Block] = []
    group = others
    for block in blocks:
        if "cachePoint" not in block:
            group = results if "toolResult" in block else others
        group.append(block)
    return [*results, *others]


def _with_document_names(turns: list[dict[str, Any]], *, neutral: bool) -> list[dict[str, Any]]:
    """Give every document a unique name. A neutral name holds nothing that the model might obey."""
    taken: set[str] = set()
    for document in _documents(turns):
        name = said = "document" if neutral else document["name"]
        count = 1
        while name in taken or (neutral and name == said):
            name = f"{said}-{count}"
            count += 1
        taken.add(name)
        document["name"] = name
    return turns


def _documents(turns: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for turn in turns:
        for block in turn["content"]:
            # What a client made up itself is left for the provider to judge.
            result = block.get("toolResult")
            inner = result.get("content") if isinstance(result, dict) else None
            for one in (block, *(inner if isinstance(inner, list) else ())):
                document = one.get("document") if isinstance(one, dict) else None
                if isinstance(document, dict) and isinstance(document.get("name"), str):
                    yield document
