"""The spellings of providers that adopted the embeddings format."""

from collections.abc import Mapping

from msgspec import Struct

from stockyard.core.embeddings import NumberType, Purpose


class Words(Struct, frozen=True, kw_only=True):
    """One format's spelling. What has no word cannot be expressed in it."""

    format: str
    dimensions: str = "dimensions"
    purpose: str = "input_type"
    purposes: Mapping[str, Purpose]
    """How purposes are spelled."""
    volunteers: bool = True
    """A purpose is told to every provider; else only in the words of a client who spoke this
    format itself, and so knows whom it asks."""
    encoding: str | None = "encoding_format"
    """Where vectors are asked for as text."""
    types: str | None = None
    """Where numbers are asked for that are no floats."""
    numbers: Mapping[str, NumberType] = {}
    """How those are spelled."""
    truncate: str | None = None
    end_user: str | None = None
    tokens: bool = False
    """Inputs may be tokens."""
    objects: bool = False
    """Inputs may be objects, such as images."""
    most_items: int = 0
    text_numbers: NumberType = "float"
    """What a vector holds that is answered as base64 text."""

    def spelled(self, purpose: Purpose) -> str | None:
        if not self.volunteers:
            return None
        return next((word for word, meant in self.purposes.items() if meant == purpose), None)


OPENAI = Words(
    format="openai.embeddings",
    # It has no such field itself, and its first provider refuses what it does not know. Clients
    # send it for other providers that look for it, each after the one it knows best.
    volunteers=False,
    purposes={
        "document": "document",
        "query": "query",
        "search_document": "document",
        "search_query": "query",
        "passage": "document",
        "similarity": "similarity",
        "classification": "classification",
        "clustering": "clustering",
    },
    end_user="user",
    tokens=True,
)
VOYAGE = Words(
    format="voyage.embed",
    dimensions="output_dimension",
    purposes={"document": "document", "query": "query"},
    types="output_dtype",
    numbers={
        "float": "float",
        "int8": "int8",
        "uint8": "uint8",
        "binary": "binary",
        "ubinary": "ubinary",
    },
    truncate="truncation",
    most_items=1000,
)
JINA = Words(
    format="jina.embed",
    purpose="task",
    purposes={
        "retrieval.passage": "document",
        "retrieval.query": "query",
        "text-matching": "similarity",
        "classification": "classification",
        "separation": "clustering",
    },
    encoding="embedding_type",
    types="embedding_type",
    numbers={"float": "float", "binary": "binary", "ubinary": "ubinary"},
    truncate="truncate",
    objects=True,
)
PERPLEXITY = Words(
    format="perplexity.embed",
    purposes={},
    # It answers with base64 of single bytes, asked for or not (`wire.md` 14).
    encoding=None,
    most_items=512,
    text_numbers="int8",
)
