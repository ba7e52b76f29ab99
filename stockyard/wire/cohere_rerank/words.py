"""The spellings of providers that adopted the rerank format."""

from msgspec import Struct


class Words(Struct, frozen=True, kw_only=True):
    """One format's spelling. What has no word cannot be expressed in it."""

    format: str
    documents: str = "documents"
    top_n: str | None = "top_n"
    with_documents: str | None = "return_documents"
    truncate: str | None = None
    model: bool = True
    """The model stands in the body."""
    objects: bool = False
    """Documents may be objects."""
    results: str | None = "results"
    """Where the places stand in an answer; None when the answer is the array of them."""
    score: str = "relevance_score"
    document: str = "document"


COHERE = Words(format="cohere.rerank", objects=True)
JINA = Words(format="jina.rerank", objects=True)
VOYAGE = Words(format="voyage.rerank", top_n="top_k", truncate="truncation", results="data")
TEI = Words(
    format="tei.rerank",
    documents="texts",
    top_n=None,
    with_documents="return_text",
    truncate="truncate",
    model=False,
    results=None,
    score="score",
    document="text",
)
