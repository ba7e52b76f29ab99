"""What a provider offers, entry by entry: its row, resolved at its current address."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from stockyard.core.kind import Kind
from stockyard.providers.addresses import filled, origin_and_path
from stockyard.providers.provider import Entry
from stockyard.providers.row import Place, Row

KINDS: dict[str, Kind] = {
    "openai.completions": "completions",
    "ollama.generate": "completions",
    "embeddings": "embeddings",
    "embed_content": "embeddings",
    "images": "images",
    "image_edits": "images",
    "image_variations": "images",
    "speech": "audio",
    "transcriptions": "audio",
    "translations": "audio",
    "moderations": "moderations",
    "rerank": "rerank",
    "count_tokens": "count",
    "responses_compact": "chat",
    "realtime": "realtime",
}
"""Entry name -> kind of call. Other endpoints are passed through."""

SHAPES = {
    "embeddings": "openai.embeddings",
    "images": "openai.images",
    "image_edits": "openai.images",
    "image_variations": "openai.images",
    "speech": "openai.speech",
    "transcriptions": "openai.transcriptions",
    "translations": "openai.transcriptions",
    "moderations": "openai.moderations",
    "rerank": "cohere.rerank",
    "realtime": "openai.realtime",
    "responses_compact": "openai.compact",
    "files": "openai.files",
    "batches": "openai.batches",
}
"""The format of an endpoint whose row names none. All others are the provider's own."""


class Offered(Struct, frozen=True, kw_only=True):
    provider: str
    row: Row
    values: Mapping[str, str]
    """What fills the placeholders of its addresses."""
    origin: str
    prefix: str
    moved_from: str | None
    """The origin from which the operator moved the provider elsewhere."""
    given: frozenset[str]
    """Fields of the row that the operator wrote, and so wrote for where it is now."""

    def speaks(self) -> dict[str, Entry]:
        return self._entries(self.row.speaks, "chat", self._moved("speaks"))

    def endpoints(self) -> dict[str, Entry]:
        return self._entries(self.row.endpoints, "passthrough", self._moved("endpoints"))

    def also(self) -> Iterator[Entry]:
        """Further paths of its native route."""
        for path, what in self.row.also.items():
            offered = self.row.endpoints.get(what)
            shape = offered.format if isinstance(offered, Place) else None
            kind: Kind = "passthrough" if offered is not None or what in SHAPES else "chat"
            place = Place(path, shape)
            yield from self._entries({what: place}, kind, self.moved_from).values()

    def _moved(self, field: str) -> str | None:
        return None if field in self.given else self.moved_from

    def _entries(
        self, places: Mapping[str, str | Place], default_kind: Kind, moved_from: str | None
    ) -> dict[str, Entry]:
        entries = {}
        for name, place in places.items():
            place = Place(place) if isinstance(place, str) else place
            where = self._where(place.path, moved_from)
            if where is not None:
                entries[name] = self._entry(name, place, default_kind, *where)
        return entries

    def _entry(self, name: str, place: Place, default_kind: Kind, origin: str, path: str) -> Entry:
        own_shape = name if default_kind == "chat" else SHAPES.get(name, "")
        return Entry(
            name=name,
            format=place.format or own_shape,
            kind=KINDS.get(name, default_kind),
            origin=origin,
            path=path,
            auth=(place.auth,) if place.auth else self.row.auth,
            stream_query=place.stream_query,
            models=place.models,
            takes=place.takes,
            encoded="model_in_path_encoded" in self.row.quirks,
            certain=name not in self.row.unverified,
        )

    def _where(self, path: str, moved_from: str | None) -> tuple[str, str] | None:
        """Origin and path of an entry.

        The secret of a provider whose base URL was changed must not reach the host that its row
        had named (`security.md` S10): what stood on the old host is looked for on the new one,
        and what stood elsewhere is gone.
        """
        if path.startswith("/"):
            return self.origin, self.prefix + path
        origin, rest = origin_and_path(self.provider, filled(path, self.values))
        if moved_from is None:
            return origin, rest
        written_origin, _ = origin_and_path(self.provider, path)
        return (self.origin, rest) if written_origin == moved_from else None
