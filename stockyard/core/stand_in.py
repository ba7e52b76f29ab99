"""Answers that follow from the question alone, for calls that no text answers: vectors, ranks and
judgements in a provider's place.

The same text always has the same vector, a document ranks by how many words it shares with the
question, and nothing is harmful.
"""

import re
from array import array
from hashlib import shake_256
from math import sqrt
from sys import byteorder

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput, Item, NumberType, Vector
from stockyard.core.meaning import AnyContent, AnyOutput
from stockyard.core.messages import Opaque, Text
from stockyard.core.moderation import Judgement, ModerationContent, ModerationOutput
from stockyard.core.rerank import Ranked, RerankContent, RerankOutput, text_of

DIMENSIONS = 1536
MOST_DIMENSIONS = 16_384
CODES: dict[NumberType, str] = {"int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}
"""How arrays call numbers of one byte with and without a sign."""
_WORDS = re.compile(r"\w+")


def stand_in(content: AnyContent, model: str) -> AnyOutput | None:
    """An answer to a call of a kind that is known here; None for any other."""
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
    return None


def vector_of(text: str, dimensions: int) -> "array[float]":
    """A vector of length one, always the same for the same text."""
    drawn = array("i", shake_256(text.encode("utf-8", "replace")).digest(4 * dimensions))
    if byteorder == "big":
        drawn.byteswap()
    length = sqrt(sum(number * number for number in drawn)) or 1.0
    return array("f", (number / length for number in drawn))


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
