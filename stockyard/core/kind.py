"""Which kinds of call there are."""

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
"""A `batch` is counted when its results are told; no module sees it."""

ALL_KINDS: frozenset[Kind] = frozenset(get_args(Kind)) - {"batch"}
"""Those that modules see."""
TEXT_KINDS: frozenset[Kind] = frozenset({"chat", "completions"})
