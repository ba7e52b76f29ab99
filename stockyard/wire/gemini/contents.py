"""Contents of a request: the turns of a conversation, both ways.

A turn of the user may hold results of calls, and text; in the neutral form these are messages of
two roles. Calls in a turn of the user, and results in a turn of the model, are accepted here and
become messages of the roles that other formats want. Calls and results need no ids: a result
without one belongs to the first open call of its name. Turns of one role that follow each other are
merged, unless a client of this same format had sent them apart. What its clients keep of a stream
is a turn of the model for each event: to others, who want all calls of an answer in one message,
that is one message.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, groupby, pairwise
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Document,
    Extra,
    Image,
    Message,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.gemini.names import FORMAT, listed, tool_name
from stockyard.wire.gemini.parts import decode_parts, encode_part, encode_parts
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.tool_ids import Ids, missing_id, unknown_call

ACCEPTED_ID = re.compile(r".+", re.DOTALL)
ID_PREFIX = "call_"

NO_SIGNATURE = "skip_thought_signature_validator"
"""What the service documents for calls in the history that another model made."""

_SHOWN_LATER = "[see the next message]"
"""Stands in a result for a picture that follows it."""

# Shape words of a message: how it was laid out in this format.
APART = "apart_contents"
"""The client sent this turn apart from an earlier one of the same role. No other format has the
word: results that come apart here belong in one turn elsewhere."""
ROLELESS = "roleless"
"""The content did not say its role."""
EMPTY = "empty"
"""The content has no parts, as the client sent it."""
IN_USER_TURN, IN_MODEL_TURN = "in_user_turn", "in_model_turn"
"""A call that stood in a turn of the user, a result that stood in a turn of the model."""
_CUTS = "cuts="
"""Before the numbers of the parts at which the client had begun a new turn of the model."""
_SYSTEM_ROLE = "role="
"""The role that a system instruction had given itself; it means nothing."""

_ROLES: dict[str, Role] = {"user": "user", "function": "user", "model": "assistant"}


def decode_system(value: Any) -> tuple[Message, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = {"parts": [{"text": value}]}
    fields = Fields(value, "systemInstruction")
    role, parts = fields.text("role"), _parts_of(fields)
    shape = None if role is None else _SYSTEM_ROLE + role
    return (Message(role="system", parts=parts, shape=shape, extra=fields.left(FORMAT)),)


def decode_contents(items: list[Any]) -> tuple[Message, ...]:
    return tuple(_joined(_decode_turns(items)))


def _decode_turns(items: list[Any]) -> Iterator[Message]:
    calls = _CallIds()
    earlier = None
    for i, item in enumerate(items):
        fields = Fields(item, f"contents[{i}]")
        said = fields.text("role")
        role = _ROLES.get(said or "user")
        if role is None:
            raise FieldError(fields.at("role"), "user or model")
        parts = tuple(calls.settled(part, i) for part in _parts_of(fields))
        shape = words(
            APART if role == earlier else None,
            ROLELESS if said is None else None,
            None if parts else EMPTY,
        )
        turn = Message(role=role, parts=parts, shape=shape, extra=fields.left(FORMAT))
        yield from _split(turn) if parts else (turn,)
        earlier = role


def _split(turn: Message) -> Iterator[Message]:
    """A turn as messages of one role each, in its order."""
    shape, extra = turn.shape, turn.extra
    for role, parts in groupby(turn.parts, lambda part: _role_of(part, turn.role)):
        place = IN_USER_TURN if turn.role == "user" else IN_MODEL_TURN
        misplaced = (role, turn.role) in (("assistant", "user"), ("tool", "assistant"))
        shape = words(shape, place if misplaced else None)
        yield Message(role=role, parts=tuple(parts), shape=shape, extra=extra)
        shape, extra = None, {}


def _role_of(part: AnyPart, speaker: Role) -> Role:
    if isinstance(part, ToolResult):
        return "tool"
    return "assistant" if isinstance(part, ToolCall) else speaker


def _joined(turns: Iterable[Message]) -> Iterator[Message]:
    """The turns, with those of the model that follow each other in one."""
    run: list[Message] = []
    for turn in turns:
        goes_on = _is_models(turn) and not turn.extra
        if run and not (goes_on and _is_models(run[0])):
            yield _as_one(run)
            run = []
        if turn.role == "assistant":
            run.append(turn)
        else:
            yield turn
    if run:
        yield _as_one(run)


def _is_models(turn: Message) -> bool:
    said = turn.role == "assistant" and bool(turn.parts)
    return said and not has_word(turn.shape, IN_USER_TURN)


def _as_one(run: list[Message]) -> Message:
    if len(run) == 1:
        return run[0]
    cuts = accumulate(len(turn.parts) for turn in run[:-1])
    return replace(
        run[0],
        parts=tuple(chain.from_iterable(turn.parts for turn in run)),
        shape=words(run[0].shape, _CUTS + ".".join(map(str, cuts))),
    )


def _pieces(message: Message) -> Iterator[tuple[AnyPart, ...]]:
    """The parts of a message, cut where the client had cut them."""
    said = next((w for w in (message.shape or "").split() if w.startswith(_CUTS)), "")
    cuts = [int(cut) for cut in said.removeprefix(_CUTS).split(".") if cut]
    return (message.parts[a:b] for a, b in pairwise([0, *cuts, len(message.parts)]))


def encode_system(messages: tuple[Message, ...], drops: Drops) -> dict[str, Any] | None:
    """The leading system messages, as one instruction."""
    parts: list[dict[str, Any]] = []
    head: dict[str, Any] = {}
    for message in messages:
        drops.foreign(message.extra, "messages")
        parts += encode_parts(message.parts, drops, "messages.content")
        if message.shape is not None and message.shape.startswith(_SYSTEM_ROLE):
            head["role"] = message.shape.removeprefix(_SYSTEM_ROLE)
        head |= own_fields(message.extra, FORMAT)
    return {**head, "parts": parts} if parts else None


def encode_contents(
    messages: Iterable[Message], drops: Drops, *, sign_calls: bool, text_results: bool
) -> list[dict[str, Any]]:
    """`sign_calls`: the model refuses calls without a signature, whoever made them.
    `text_results`: it refuses pictures in the results of calls."""
    writer = _Contents(drops, sign_calls=sign_calls, text_results=text_results)
    for message in messages:
        writer.add(message)
    return writer.finished()


def _parts_of(fields: Fields) -> tuple[AnyPart, ...]:
    return decode_parts(listed(fields, "parts") or [], fields.at("parts"))


class _CallIds:
    """Gives calls their ids, and finds the call that a result answers."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._unanswered: list[ToolCall] = []

    def settled(self, part: AnyPart, turn: int) -> AnyPart:
        if isinstance(part, ToolCall):
            return self._call(part, turn)
        if isinstance(part, ToolResult):
            return self._result(part)
        return part

    def _call(self, call: ToolCall, turn: int) -> ToolCall:
        if not call.id:
            made = missing_id(f"content {turn}", 0, len(self._names), call.name)
            call = replace(call, id=made)
        self._names[call.id] = call.name
        self._unanswered.append(call)
        return call

    def _result(self, result: ToolResult) -> ToolResult:
        own = result.extra.get(FORMAT, {}).get("functionResponse", {})
        name = own.get("name", "")
        call_id = result.call_id or self._answered_by(name)
        self._unanswered = [c for c in self._unanswered if c.id != call_id]
        if name and self._names.get(call_id) == name:
            # The call says the name. Other formats have no place for it, and miss nothing.
            return replace(result, call_id=call_id, extra=_without_name(result.extra))
        return replace(result, call_id=call_id)

    def _answered_by(self, name: str) -> str:
        """The first open call of this name; the first of all, if no call has it: the service asks
        for no more than that there are as many results as calls."""
        named = (call.id for call in self._unanswered if call.name == name)
        if (found := next(named, "")) or not self._unanswered or name in self._names.values():
            return found
        return self._unanswered[0].id


def _without_name(extra: Extra) -> Extra:
    own = dict(extra[FORMAT])
    inner = {key: value for key, value in own.pop("functionResponse").items() if key != "name"}
    if inner:
        own["functionResponse"] = inner
    return {**extra, FORMAT: own} if own else {k: v for k, v in extra.items() if k != FORMAT}


class _Contents:
    """Puts messages together into turns; a result is named after its call."""

    def __init__(self, drops: Drops, *, sign_calls: bool, text_results: bool) -> None:
        self._drops = drops
        self._sign_calls = sign_calls
        self._text_results = text_results
        self._shown_later: list[dict[str, Any]] = []
        """Pictures of results. They wait for the other results of their turn, for there may be
        nothing beside those."""
        self._ids = Ids(ACCEPTED_ID, ID_PREFIX)
        self._names: dict[str, str] = {}
        self._answered: set[str] = set()
        self._turns: list[dict[str, Any]] = []
        self._notes: list[dict[str, Any]] = []
        """What the system says in the middle; it waits for the next turn of the user."""

    def add(self, message: Message) -> None:
        self._drops.foreign(message.extra, "messages")
        if message.name is not None:
            self._drops.add("messages.name")
        if message.role == "system":
            self._notes += [_noted(part) for part in self._encoded(message.parts)]
            return
        if message.role != "tool":
            self._show()
        apart = has_word(message.shape, APART)
        if has_word(message.shape, IN_MODEL_TURN):
            self._place("model", self._encoded(message.parts), message, apart=apart)
            return
        notes, self._notes = self._notes, []
        if message.role == "assistant":
            if notes:
                self._place("user", notes, Message(role="user"), apart=False)
            role = "user" if has_word(message.shape, IN_USER_TURN) else "model"
            for piece in _pieces(message):
                self._place(role, self._encoded(piece), message, apart=apart)
                apart = True
            return
        parts = self._encoded(message.parts)
        # Results must come first in their turn.
        parts = [*parts, *notes] if message.role == "tool" else [*notes, *parts]
        self._place("user", parts, message, apart=apart)

    def finished(self) -> list[dict[str, Any]]:
        self._show()
        if self._notes:
            self._place("user", self._notes, Message(role="user"), apart=False)
        if self._sign_calls:
            for before, turn in pairwise([{}, *self._turns]):
                if before.get("role") != "model":
                    _sign_first_call(turn["parts"])
        return self._turns

    def _place(
        self, role: str, parts: list[dict[str, Any]], message: Message, *, apart: bool
    ) -> None:
        if not parts and not has_word(message.shape, EMPTY):
            return
        last = self._turns[-1] if self._turns else None
        if last is not None and last.get("role", "user") == role and not apart:
            last["parts"] += parts
            return
        head = {} if has_word(message.shape, ROLELESS) else {"role": role}
        self._turns.append({**own_fields(message.extra, FORMAT), **head, "parts": parts})

    def _show(self) -> None:
        shown, self._shown_later = self._shown_later, []
        self._place("user", shown, Message(role="user"), apart=True)

    def _without_media(self, result: ToolResult) -> ToolResult:
        parts: list[AnyPart] = []
        for part in result.parts:
            if isinstance(part, Image | Video | Audio | Document):
                self._shown_later += self._encoded((part,))
                part = Text(text=_SHOWN_LATER)
            parts.append(part)
        return replace(result, parts=tuple(parts))

    def _encoded(self, parts: tuple[AnyPart, ...]) -> list[dict[str, Any]]:
        return [item for part in parts if (item := self._encode(part)) is not None]

    def _encode(self, part: AnyPart) -> dict[str, Any] | None:
        if isinstance(part, ToolCall):
            part = replace(part, id=self._ids.call(part.id), name=tool_name(part.name))
            self._names[part.id] = part.name
        elif isinstance(part, ToolResult):
            return self._encode_result(part)
        return encode_part(part, self._drops, "messages.content")

    def _encode_result(self, result: ToolResult) -> dict[str, Any] | None:
        fitting = self._ids.result(result.call_id)
        if fitting is not None:
            if fitting in self._answered:
                return None
            self._answered.add(fitting)
            result = replace(result, call_id=fitting)
        if self._text_results:
            result = self._without_media(result)
        item = encode_part(result, self._drops, "messages.content")
        if item is None:
            return None
        said = item["functionResponse"]
        if "name" not in said:
            if fitting is None:
                # A result without its call has no name, and is refused.
                self._drops.add(unknown_call(result.call_id))
                return None
            said["name"] = self._names[fitting]
        return item


def _noted(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "text": f"<system>\n{part['text']}\n</system>"} if "text" in part else part


def _sign_first_call(parts: list[dict[str, Any]]) -> None:
    """Of the calls of one turn, only the first carries a signature."""
    call = next((part for part in parts if "functionCall" in part), None)
    if call is not None:
        call.setdefault("thoughtSignature", NO_SIGNATURE)
