"""Citations: grounding metadata of candidates, both ways.

This format lists the sources of a whole candidate, and which byte ranges of the text each supports.
Other formats attach citations to each text and count in characters.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from stockyard.wire.fields import objects_in
from stockyard.wire.sources import address_of, unwrapped

_Object = dict[str, Any]

MAX_CITATIONS = 10_000
"""How many of an answer are read."""
MAX_COMPARED = 1_000_000
"""How often, at most, a segment is compared with a text. Those of real answers are few."""
MAX_SEGMENTS = 64 * 1024 * 1024
"""Bytes, added up, before the ends of the segments that are written."""

GROUNDING = "groundingMetadata"
_STEP = 4096
_LATER_BYTES = bytes(range(0x80, 0xC0))
"""Those of a character that are not its first."""
_RECITED = "citationMetadata"
_SOURCES = ("web", "retrievedContext", "maps")


class Cited(NamedTuple):
    """A citation, and the number of the text it belongs to among all texts of the answer."""

    text: int
    value: _Object


class CitingText(NamedTuple):
    """One text of an answer and its citations."""

    part: int
    """Index of the part that holds it."""
    text: str
    citations: Sequence[Any]
    before: int = 0
    """Bytes of text before it in that part: clients join all texts of a stream into one."""


class _Stretch(NamedTuple):
    text: int
    start: int
    """In characters."""
    end: int


class _Texts:
    """The texts of an answer, to be searched for segments."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [_Utf8(text) for text in texts]
        self._compared = 0

    def stretch(self, segment: _Object) -> _Stretch:
        """The text that a segment lies in, and its position. How texts are cut differs between
        whole answers and streams, so the words of the segment tell, where it has them."""
        start, end = _count(segment.get("startIndex")), _count(segment.get("endIndex"))
        words = segment.get("text")
        wanted = words.encode("utf-8", "replace") if isinstance(words, str) else b""
        for number, text in enumerate(self._texts[: MAX_COMPARED - self._compared]):
            self._compared += 1
            if text.has(wanted, start, end):
                return _Stretch(number, text.characters(start), text.characters(end))
        return _Stretch(0, 0, 0)


class _Utf8:
    """A text in bytes. Its characters are counted once, and then from the nearest mark."""

    def __init__(self, text: str) -> None:
        self._data = text.encode("utf-8", "surrogatepass")
        self._plain = text.isascii()
        self._marks = [0]
        """Characters before each multiple of `_STEP` bytes, as far as they were counted."""

    def has(self, words: bytes, start: int, end: int) -> bool:
        if end > len(self._data):
            return False
        return not words or (len(words) == end - start and self._data.startswith(words, start))

    def characters(self, end: int) -> int:
        """How many characters begin before this byte."""
        end = min(end, len(self._data))
        if self._plain:
            return end
        marks = self._marks
        while len(marks) <= end // _STEP:
            last = (len(marks) - 1) * _STEP
            marks.append(marks[-1] + _begun_in(self._data[last : last + _STEP]))
        nearest = end // _STEP
        return marks[nearest] + _begun_in(self._data[nearest * _STEP : end])


def read_citations(candidate: Mapping[str, Any], texts: Sequence[str]) -> Iterator[Cited]:
    """The citations of a candidate, in the neutral form."""
    yield from islice(_read(candidate, texts), MAX_CITATIONS)


def _read(candidate: Mapping[str, Any], texts: Sequence[str]) -> Iterator[Cited]:
    if not texts:
        return
    said = _Texts(texts)
    grounding = candidate.get(GROUNDING)
    if isinstance(grounding, dict):
        yield from _grounded(grounding, said)
    recited = candidate.get(_RECITED)
    if isinstance(recited, dict):
        for source in objects_in(recited.get("citationSources") or recited.get("citations")):
            if isinstance(uri := source.get("uri"), str):
                place = said.stretch(source)
                yield Cited(place.text, _citation(uri, source.get("title"), place))


def has_address(citation: Any) -> bool:
    """Whether this format can express the citation."""
    return address_of(citation) is not None


def write_grounding(texts: Iterable[CitingText]) -> _Object | None:
    """Citations that have an address as sources and what each supports; None when none has."""
    chunks: dict[str, _Object] = {}
    supports: list[_Object] = []
    numbers: dict[str, int] = {}
    room = MAX_SEGMENTS
    for text in texts:
        for citation in map(unwrapped, objects_in(text.citations)):
            address = address_of(citation)
            if address is None:
                continue
            uri, title = address
            chunks.setdefault(uri, {"web": {"uri": uri, "title": title}})
            number = numbers.setdefault(uri, len(numbers))
            segment = _segment(text, citation) if room > 0 else None
            if segment is not None:
                room -= segment["endIndex"]
                supports.append({"segment": segment, "groundingChunkIndices": [number]})
    if not chunks:
        return None
    return {"groundingChunks": list(chunks.values()), "groundingSupports": supports}


def _grounded(grounding: _Object, texts: _Texts) -> Iterator[Cited]:
    chunks = [_source(chunk) for chunk in objects_in(grounding.get("groundingChunks"))]
    supports = objects_in(grounding.get("groundingSupports"))
    if not supports:
        yield from (Cited(0, _citation(*found, _Stretch(0, 0, 0))) for found in chunks if found)
    for support in supports:
        segment = support.get("segment")
        place = texts.stretch(segment if isinstance(segment, dict) else {})
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            found = chunks[index] if type(index) is int and 0 <= index < len(chunks) else None
            if found is not None:
                yield Cited(place.text, _citation(*found, place))


def _source(chunk: _Object) -> tuple[str, Any] | None:
    """Address and title of a source."""
    for kind in _SOURCES:
        said = chunk.get(kind)
        if isinstance(said, dict) and isinstance(uri := said.get("uri"), str):
            return uri, said.get("title")
    return None


def _citation(uri: str, title: Any, place: _Stretch) -> _Object:
    return {
        "type": "url_citation",
        "url": uri,
        "title": title if isinstance(title, str) and title else uri,
        "start_index": place.start,
        "end_index": place.end,
    }


def _segment(cited: CitingText, citation: _Object) -> _Object | None:
    """The stretch that a citation supports; all of its text when it names none."""
    text = cited.text
    start, end = citation.get("start_index"), citation.get("end_index")
    if type(start) is not int or type(end) is not int:
        start, end = 0, len(text)
    words = text[max(start, 0) : end]
    if not words:
        return None
    before = cited.before + bytes_in(text[: max(start, 0)])
    placed = {"startIndex": before, "endIndex": before + bytes_in(words), "text": words}
    return {"partIndex": cited.part, **placed} if cited.part else placed


def bytes_in(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _begun_in(data: bytes) -> int:
    """How many characters begin in these bytes."""
    return len(data.translate(None, _LATER_BYTES))
