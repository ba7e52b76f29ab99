"""The kinds of call."""

from typing import Literal, get_args

Kind = Literal[
    "chat",
    "completions",
    "embeddings",
    "images",
    "audio",
    "moderations",
    "rerank",
    "count",
    "realtime",
    "passthrough",
    "batch",
]
"""A `batch` is only counted, when its results are fetched; no module sees it."""

ALL_KINDS: frozenset[Kind] = frozenset(get_args(Kind)) - {"batch"}
"""The kinds that modules see."""
TEXT_KINDS: frozenset[Kind] = frozenset({"chat", "completions"})
SCANNED_KINDS: frozenset[Kind] = TEXT_KINDS | {
    "embeddings",
    "images",
    "audio",
    "moderations",
    "count",
}
"""The kinds in whose texts modules look for data that must not leave."""
