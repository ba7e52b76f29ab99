"""Labels, which clients of other formats call metadata. Only Vertex AI takes them."""

import re

from stockyard.core.request import Content
from stockyard.wire.codec import Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.layout import has_word

TRAIT = FIELD = "labels"
"""The trait says that the provider takes them."""
LABELLED = "labels"
"""Shape word of a request: its metadata are labels."""

_MOST = 64
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


def take_labels(fields: Fields) -> dict[str, str] | None:
    """The labels, if they are all texts; any others stay in the format's own fields."""
    said = fields.rest.get(FIELD)
    if (
        not isinstance(said, dict)
        or not said
        or not all(isinstance(value, str) for value in said.values())
    ):
        return None
    return fields.object(FIELD)


def labels_of(content: Content, drops: Drops, traits: Traits) -> dict[str, str]:
    """What of the metadata the provider takes as labels."""
    metadata = content.metadata or {}
    if has_word(content.shape, LABELLED):
        return metadata
    fitting = [pair for pair in metadata.items() if _fits(*pair)] if TRAIT in traits else []
    if len(fitting[:_MOST]) < len(metadata):
        drops.add("metadata")
    return dict(fitting[:_MOST])


def _fits(key: object, value: object) -> bool:
    """Whether it may be a label. Callers may send anything."""
    texts = isinstance(key, str) and isinstance(value, str)
    return texts and bool(_KEY.fullmatch(str(key)) and _VALUE.fullmatch(str(value)))
