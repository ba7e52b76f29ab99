"""The output items of a stream being written, with numbered events that open, grow and close
them."""

from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import Reasoning
from stockyard.wire.openai_responses.errors import event
from stockyard.wire.openai_responses.snapshot import WITH_STATUS, item_id


class OpenItems:
    """All items of one answer. What is said of them goes to `out`."""

    def __init__(self, out: list[bytes], answer_id: str) -> None:
        self.number = 0
        """That of the next event."""
        self._out = out
        self._answer_id = answer_id
        self._items: list[OpenItem] = []

    def values(self) -> list[dict[str, Any]]:
        return [item.value for item in self._items]

    def done_values(self) -> list[dict[str, Any]]:
        return [item.value for item in self._items if not item.open]

    def open(self, value: dict[str, Any]) -> "OpenItem":
        index = len(self._items)
        name = value.get("id") or item_id(value, self._answer_id, index)
        timed = {"status": "in_progress"} if value.get("type") in WITH_STATUS else {}
        item = OpenItem(index, name, {**value, "id": name, **timed})
        self._items.append(item)
        self.say("response.output_item.added", output_index=index, item=item.value)
        return item

    def done(self, item: "OpenItem", value: dict[str, Any]) -> None:
        if not item.open:
            return
        item.open = False
        item.value = {**value, "id": item.id}
        self.say("response.output_item.done", output_index=item.index, item=item.value)

    def say(self, kind: str, **fields: Any) -> None:
        self.say_bytes(event(kind, {"type": kind, "sequence_number": self.number, **fields}))

    def say_of(self, item: "OpenItem", kind: str, **fields: Any) -> None:
        self.say(f"response.{kind}", item_id=item.id, output_index=item.index, **fields)

    def say_bytes(self, written: bytes) -> None:
        """One event that carries `number` already."""
        self._out.append(written)
        self.number += 1


class OpenItem:
    """An output item that has been opened."""

    __slots__ = ("content", "id", "index", "open", "value")

    def __init__(self, index: int, name: str, value: dict[str, Any]) -> None:
        self.index = index
        self.id = name
        self.value = value
        """As it was opened; as it is when it is done."""
        self.content: list[OpenContent] = []
        self.open = True


class OpenContent:
    """A content part of a message."""

    __slots__ = ("annotations", "index", "item", "kind", "logprobs", "open", "pieces")

    def __init__(self, item: OpenItem, kind: str) -> None:
        self.item = item
        self.index = len(item.content)
        self.kind = kind
        self.pieces: list[str] = []
        self.annotations: list[dict[str, Any]] = []
        self.logprobs: list[Any] = []
        self.open = True

    def value(self) -> dict[str, Any]:
        text = "".join(self.pieces)
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        beside = {"annotations": list(self.annotations), "logprobs": list(self.logprobs)}
        return {"type": "output_text", **beside, "text": text}


class OpenThought:
    __slots__ = ("item", "key", "part", "pieces", "signed")

    def __init__(self, key: str, item: OpenItem, part: Reasoning) -> None:
        self.key = key
        self.item = item
        self.part = part
        self.pieces: list[str] = []
        self.signed: tuple[str, str | None] | None = None

    def whole(self) -> Reasoning:
        signature, made_by = self.signed or (self.part.signature, self.part.made_by)
        text = self.part.text + "".join(self.pieces)
        return replace(self.part, text=text, signature=signature, made_by=made_by)
