"""Image streams as Events, both ways: sketches that get better, and images.

A sketch belongs to this format alone. The last image is held until the usage is known, for it is
the event that tells it.
"""

from typing import ClassVar

from stockyard.core.events import (
    Event,
    OpaqueEvent,
    PartEnded,
    PartStarted,
    Started,
    UsageSeen,
)
from stockyard.core.messages import Image
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.fields import Fields
from stockyard.wire.media_usage import write_media_usage
from stockyard.wire.openai_chat.errors import failed_stream
from stockyard.wire.openai_images.request import FORMAT, is_edit
from stockyard.wire.openai_images.response import image_of, said_of
from stockyard.wire.typed_look import Grammar
from stockyard.wire.typed_stream import TypedReader, Value, typed
from stockyard.wire.writer import ByEvent, Writer

NEW, EDIT = "image_generation", "image_edit"
GRAMMAR = Grammar(
    pieces=frozenset({f"{NEW}.partial_image", f"{EDIT}.partial_image"}),
    ends=frozenset({f"{NEW}.completed", f"{EDIT}.completed"}),
    unit="image",
    noun="a stream of images",
)
_KNOWN = frozenset({"type", "usage"})


class ImagesReader(TypedReader):
    grammar = GRAMMAR

    def piece(self, value: Value) -> list[Event]:
        return [OpaqueEvent(format=FORMAT, value=value)]

    def ended(self, value: Value) -> list[Event]:
        fields = Fields({name: item for name, item in value.items() if name not in _KNOWN})
        image, key = image_of(fields), f"image {self._ends}"
        opening = PartStarted(key=key, kind="opaque", whole=image, extra=fields.left(FORMAT))
        return [opening, PartEnded(key=key)]


class ImagesWriter(Writer):
    all_choices = True

    def __init__(self, pen: Pen) -> None:
        super().__init__()
        self._kind = EDIT if pen.asked and is_edit(pen.asked) else NEW
        self._created = pen.created
        self._last: Value | None = None
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        usage = write_media_usage(self._usage)
        if self._last is not None and usage is not None:
            self._last["usage"] = usage
        self._let_go()
        return comment + self._taken()

    def fail(self, fault: Fault) -> bytes:
        return failed_stream(fault)

    def _sketch(self, event: OpaqueEvent) -> None:
        if event.format == FORMAT:
            self._let_go()
            self._out.append(typed(event.value, named=True))

    def _image(self, event: PartStarted) -> None:
        if isinstance(event.whole, Image):
            self._let_go()
            said = {"created_at": self._created, **event.extra.get(FORMAT, {})}
            self._last = {"type": f"{self._kind}.completed", **said_of(event.whole), **said}

    def _let_go(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            self._out.append(typed(last, named=True))

    def _counted(self, event: Started | UsageSeen) -> None:
        self._usage = event.usage or self._usage

    by_event: ClassVar[ByEvent] = {
        Started: _counted,
        PartStarted: _image,
        OpaqueEvent: _sketch,
        UsageSeen: _counted,
    }
