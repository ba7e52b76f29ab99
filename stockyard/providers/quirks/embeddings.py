"""Quirks of embeddings requests."""

from stockyard.providers.quirks.quirk import Body, Change, ModelTraits

_PASSAGE, _QUERY = "passage", "query"
_PURPOSES = {
    "document": _PASSAGE,
    "search_document": _PASSAGE,
    "passage": _PASSAGE,
    "query": _QUERY,
    "search_query": _QUERY,
}


def input_type_query_passage(body: Body, model: ModelTraits) -> Change:
    """NVIDIA: its models for search refuse a text without a purpose, and know two."""
    given = body.get("input_type")
    wanted = _PURPOSES.get(given, _PASSAGE) if isinstance(given, str) else _PASSAGE
    return Change(body) if given == wanted else Change(body | {"input_type": wanted})
