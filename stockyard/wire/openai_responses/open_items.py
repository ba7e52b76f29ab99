"""What a written stream has opened and not yet closed."""

from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import Reasoning, ToolCall


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


class OpenCall:
    __slots__ = ("call", "custom", "held", "item", "local", "pieces")

    def __init__(
        self, item: OpenItem, call: ToolCall, *, custom: bool, held: bool, local: bool
    ) -> None:
        self.item = item
        self.call = call
        self.custom = custom
        self.held = held
        """Written when it ends, because the text is inside its arguments."""
        self.local = local
        """It has no events of its own."""
        self.pieces: list[str] = []


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
