"""Resolve references to earlier turns in a Responses request.

A caller may name an earlier answer and send only what is new, refer to single items, or send back a
summary that we encrypted. What we store replaces the reference, so that from here on the call is
like any other, whichever provider gets it. A reference to what a provider stores is left alone: the
call then goes to that provider, and only for the team that owns it (`wire.md` 4.3, 9).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.ports import Held, KeptAnswer
from stockyard.errors import Refused
from stockyard.gateway.keepers import Keepers
from stockyard.gateway.named import PICTURE, REFERENCE, may_refer, referred_to
from stockyard.wire.members import members_of
from stockyard.wire.openai_responses.compaction import ITEM as SUMMARY_ITEM
from stockyard.wire.openai_responses.snapshot import ID_PREFIX
from stockyard.wire.openai_responses.ties import LOST, TRIGGER
from stockyard.wire.strict import not_json

PREVIOUS = "previous_response_id"
OPENING = "Summary of the conversation so far:\n\n"
_MARKS = (b"compaction", REFERENCE.encode(), PICTURE.encode())
"""Every input with references contains one of these."""
_OURS = re.compile(r"[a-z]+_([0-9a-z]{26})_.+")
"""The id of an item in an answer that was encoded here. It contains the id of that answer."""

Item = dict[str, Any]
Members = dict[str, bytes]


class Turn(Struct, frozen=True):
    """A request whose references are resolved."""

    body: bytes
    as_sent: bytes = b""
    """The body that the client sent, if the answer must repeat that instead of `body`."""
    model: str = ""
    held: Held | None = None
    """Where the turns that it continues are stored: only that provider can answer."""
    named: str = ""
    """The field that refers to them."""
    summary: bool = False
    """It asks for a summary of the conversation."""
    remembers: bool = False
    """Later requests may refer to the answer."""
    keeps: bool = False
    """Store the answer here if no provider does."""


class TurnReader:
    """Resolves the references in requests of one team on one path."""

    def __init__(
        self, keepers: Keepers, team_id: str, *, native: str | None, strange: bool
    ) -> None:
        """`strange`: the caller has its own provider secret, so its references are the provider's
        business."""
        self._keepers = keepers
        self._strange = strange
        self._team = team_id
        self._native = native

    def read(self, body: bytes) -> Turn:
        """Raises Refused (400) for unknown references and malformed requests."""
        said = _members(body)
        kept, named, held = (None, "", None) if self._strange else self._earlier(said)
        store = said.get("store")
        fits = len(body) <= self._keepers.answers.max_bytes and not self._strange
        turn = Turn(
            body,
            model=_id_in(said, "model"),
            as_sent=b"" if fits or store != b"true" else _without(said, "store"),
            held=held,
            named=named,
            remembers=store != b"false" and not self._strange,
            keeps=store == b"true" and fits and self._native is None,
        )
        if self._native is not None or not _needs_work(said, kept):
            return turn
        return self._continued(turn, said, kept)

    def _earlier(self, said: Members) -> tuple[KeptAnswer | None, str, Held | None]:
        """The earlier answer if we store it; and the field that refers to something a provider
        stores, with its place. Both fields are checked, whichever one the provider would use."""
        kept, named, held = None, "", None
        if conversation := _id_in(said, "conversation"):
            named, held = "conversation", self._held(conversation, "conversation")
        if previous := _id_in(said, PREVIOUS):
            if self._native is None:  # a provider knows nothing of what we keep
                kept = self._keepers.answers.find(self._team, previous)
            if kept is None:
                named, held = PREVIOUS, self._held(previous, PREVIOUS)
        return kept, named, held

    def _held(self, held_id: str, named: str) -> Held:
        held = self._keepers.ids.find(self._team, held_id)
        if held is None or self._native not in (None, held.provider):
            raise lost(held_id, named)
        return held

    def _continued(self, turn: Turn, said: Members, kept: KeptAnswer | None) -> Turn:
        given = items_of(said.get("input", b"null"))
        if given is None:
            return turn  # the codec says what is wrong with it
        summary = _asks_for_summary(given)
        earlier = _turns_of(kept) if kept is not None else []
        there = {item.get("id") for item in earlier}
        items = [*_again(earlier), *self._resolved(given, there)]
        items = [self._opened(item) for item in items]
        if kept is None and items == given:
            return replace(turn, summary=summary)
        changed = said | {"input": msgspec.json.encode(items)}
        if kept is not None:
            del changed[PREVIOUS]
        as_sent = turn.as_sent or turn.body
        return replace(turn, body=_joined(changed), as_sent=as_sent, summary=summary)

    def _resolved(self, items: Iterable[Any], there: set[Any]) -> Iterator[Any]:
        """The items, with references to what we store replaced by it."""
        for item in items:
            thing = referred_to(item)
            found = self._referred(thing)
            if found is None:
                yield item  # no reference, or to what a provider keeps
            elif thing not in there:
                yield from _again([found])

    def _referred(self, item_id: str) -> Item | None:
        made = _OURS.fullmatch(item_id)
        kept = self._keepers.answers.find(self._team, ID_PREFIX + made[1]) if made else None
        turns = _turns_of(kept) if kept is not None else ()
        return next((item for item in turns if item.get("id") == item_id), None)

    def _opened(self, item: Any) -> Any:
        """The item; a summary that we encrypted becomes a message of the model."""
        if not isinstance(item, dict) or item.get("type") != SUMMARY_ITEM:
            return item
        content, envelopes = item.get("encrypted_content"), self._keepers.envelopes
        if not isinstance(content, str) or not envelopes.sealed(content):
            return item
        text = envelopes.open(self._team, content)
        if text is None:
            message = "The summary in 'input' was changed, or was made for another team."
            raise Refused(400, "invalid_request", message, param="input")
        return {"type": "message", "role": "assistant", "content": OPENING + text}


def lost(held_id: str, named: str) -> Refused:
    message = f"Nothing is kept here as '{held_id[:128]}'. Send the earlier turns in 'input'."
    return Refused(400, LOST, message, param=named)


def items_of(raw: bytes) -> list[Any] | None:
    """The items of an `input`; None if it is invalid."""
    value = _value(raw)
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if value is None and raw == b"null":
        return []
    return value if isinstance(value, list) else None


def items_asked(body: bytes) -> list[Any]:
    """The items of the input in a request's body."""
    return items_of(_members(body).get("input", b"null")) or []


def _value(raw: bytes) -> Any:
    """A JSON value; None for anything else."""
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return None  # the codec says what is wrong with it


def _members(body: bytes) -> Members:
    try:
        members = members_of(body)
    except (ValueError, RecursionError):
        return {}  # the codec says what is wrong with it
    if members is None:
        # If the provider used the other one of the two, our check of the references would be void.
        raise not_json("An object in the JSON body has the same key twice.")
    return {member.key: body[member.start : member.end] for member in members}


def _id_in(said: Members, name: str) -> str:
    """The id in a field, which may be an object with an `id`; empty if there is none."""
    value = _value(said.get(name, b"null"))
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def _needs_work(said: Members, kept: KeptAnswer | None) -> bool:
    given = said.get("input", b"")
    return kept is not None or any(mark in given for mark in _MARKS) or may_refer(given)


def _asks_for_summary(items: list[Any]) -> bool:
    """Whether the last item asks for a summary. Raises Refused (400) for one elsewhere."""
    wishes = [i for i, item in enumerate(items) if _type(item) == TRIGGER]
    if wishes and wishes != [len(items) - 1]:
        message = f"An item of type '{TRIGGER}' must be the last one of 'input', and the only one."
        raise Refused(400, "invalid_request", message, param="input")
    return bool(wishes)


def _type(item: Any) -> Any:
    return item.get("type") if isinstance(item, dict) else None


def _turns_of(kept: KeptAnswer) -> list[Item]:
    """Everything up to the end of a kept answer."""
    items: list[Item] = msgspec.json.decode(kept.items)
    answer = msgspec.json.decode(kept.answer)
    return [*items, *answer["output"]]


def _again(items: Iterable[Item]) -> Iterator[Item]:
    """Stored items as a provider takes them: without our ids.

    Unencrypted thinking is dropped: it was for the caller to read, and is of no use to a model.
    """
    for item in items:
        if _type(item) != "reasoning" or item.get("encrypted_content"):
            yield {name: value for name, value in item.items() if name != "id"}


def _without(said: Members, name: str) -> bytes:
    return _joined({key: value for key, value in said.items() if key != name})


def _joined(said: Members) -> bytes:
    fields = (b"%b:%b" % (msgspec.json.encode(key), value) for key, value in said.items())
    return b"{%b}" % b",".join(fields)
