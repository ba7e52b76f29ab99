"""Make up answers without a provider: vectors, ranks, moderation results, images and sound.

They depend on the request alone. The same text always gets the same vector and the same image, a
document ranks by the number of words it shares with the query, nothing is flagged, and speech is
silence.
"""

import re
import struct
import zlib
from array import array
from base64 import b64encode
from collections.abc import Sequence
from hashlib import shake_256
from math import sqrt
from sys import byteorder

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput, Item, NumberType, Vector
from stockyard.core.images import ImagesContent
from stockyard.core.meaning import AnyContent, AnyOutput
from stockyard.core.messages import AnyPart, Audio, Image, Message, Opaque, Text
from stockyard.core.moderation import Judgement, ModerationContent, ModerationOutput
from stockyard.core.rerank import Ranked, RerankContent, RerankOutput, text_of
from stockyard.core.response import Choice, Output
from stockyard.core.speech import SpeechContent

DIMENSIONS = 1536
MOST_DIMENSIONS = 16_384
MOST_IMAGES = 10
SIDE = 64
"""Pixels of an image."""
SILENCE = (
    struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 2036, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    + struct.pack("<4sI", b"data", 2000)
    + b"\x80" * 2000
)
"""A WAV file of a quarter of a second."""
CODES: dict[NumberType, str] = {"int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}
"""How arrays call numbers of one byte with and without a sign."""
_WORDS = re.compile(r"\w+")


def stand_in(content: AnyContent, model: str) -> AnyOutput | None:
    """A made-up answer; None for a kind of call that has none here."""
    if isinstance(content, EmbeddingsContent):
        vectors = tuple(_vector(item, content) for item in content.items)
        return EmbeddingsOutput(model=model, vectors=vectors)
    if isinstance(content, RerankContent):
        return RerankOutput(model=model, ranked=_ranked(content))
    if isinstance(content, ModerationContent):
        apart = all(isinstance(judged, Text) for judged in content.inputs)
        harmless = Judgement(flagged=False)
        return ModerationOutput(
            model=model, judgements=(harmless,) * (len(content.inputs) if apart else 1)
        )
    if isinstance(content, ImagesContent):
        return _output(
            model, [_painted(content, n) for n in range(min(content.wanted, MOST_IMAGES))]
        )
    if isinstance(content, SpeechContent):
        return _output(model, [Audio(data=b64encode(SILENCE).decode(), format="wav")])
    return None


def square(seed: bytes) -> bytes:
    """A PNG file of one colour."""
    line = b"\0" + zlib.crc32(seed).to_bytes(4)[:3] * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(line * SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def vector_of(text: str, dimensions: int) -> "array[float]":
    """A vector of length one, always the same for the same text."""
    drawn = array("i", shake_256(text.encode("utf-8", "replace")).digest(4 * dimensions))
    if byteorder == "big":
        drawn.byteswap()
    length = sqrt(sum(number * number for number in drawn)) or 1.0
    return array("f", (number / length for number in drawn))


def _painted(content: ImagesContent, number: int) -> Image:
    seed = f"{number} {content.prompt or ''}".encode("utf-8", "replace")
    return Image(data=b64encode(square(seed)).decode(), media_type="image/png")


def _output(model: str, parts: Sequence[AnyPart]) -> Output:
    """Each part is a choice of its own."""
    return Output(
        model=model,
        choices=tuple(
            Choice(index=n, message=Message(role="assistant", parts=(part,)), finish="stop")
            for n, part in enumerate(parts)
        ),
    )


def _vector(item: Item, content: EmbeddingsContent) -> Vector:
    text = repr(item.value) if isinstance(item, Opaque) else str(item)
    dimensions = min(content.dimensions or DIMENSIONS, MOST_DIMENSIONS)
    types: tuple[NumberType, ...] = content.types or ("float",)
    return Vector({kind: _numbers(kind, text, dimensions) for kind in types})


def _numbers(kind: NumberType, text: str, dimensions: int) -> tuple[float, ...]:
    if kind == "float":
        return tuple(vector_of(text, dimensions))
    count = dimensions if kind in ("int8", "uint8") else max(1, dimensions // 8)
    return tuple(array(CODES[kind], shake_256(text.encode("utf-8", "replace")).digest(count)))


def _ranked(content: RerankContent) -> tuple[Ranked, ...]:
    wanted = _words(content.query)
    ranked = [
        Ranked(
            index,
            len(wanted & _words(text_of(document) or "")) / max(1, len(wanted)),
            document if content.with_documents else None,
        )
        for index, document in enumerate(content.documents)
    ]
    return tuple(sorted(ranked, key=lambda one: -one.score)[: content.top_n])


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(text.lower()))
