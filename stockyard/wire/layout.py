"""Remember how a format laid a value out, so that the same format writes it back alike.

A message or a request has a `shape` for it; parts keep it beside their extra fields. Encoders of
other formats ignore both (`wire.md` 1.7).
"""

from collections.abc import Callable
from typing import Any

from stockyard.core.messages import Extra, Opaque, Text

_KEY = "$layout"
PIECES = "$pieces"
"""The pieces a value was assembled from."""
LAYOUT_KEYS = frozenset({_KEY, PIECES})


def with_layout(extra: Extra, format: str, layout: str) -> Extra:
    return {**extra, format: {**extra.get(format, {}), _KEY: layout}} if layout else extra


def layout_of(extra: Extra, format: str) -> str:
    if format not in extra:
        return ""
    layout = extra[format].get(_KEY, "")
    return layout if isinstance(layout, str) else ""


def own_fields(extra: Extra, format: str) -> dict[str, Any]:
    """The unknown fields of this format, to be written back."""
    if format not in extra:
        return {}
    return {key: value for key, value in extra[format].items() if key not in LAYOUT_KEYS}


def opaque_writer(format: str) -> Callable[..., dict[str, Any] | None]:
    """Writes the parts that only this format has: as they came, and nothing of other formats'."""

    def write(part: Opaque, *_: object) -> dict[str, Any] | None:
        return dict(part.value) if part.format == format else None

    return write


def is_blank_elsewhere(text: Text, format: str) -> bool:
    """Whether a text is empty and only means something in another format."""
    return not text.text and bool(text.extra) and format not in text.extra


def has_word(shape: str | None, word: str) -> bool:
    return shape is not None and word in shape.split()


def words(*said: str | None) -> str | None:
    """A shape of several words; None when there is nothing to say."""
    return " ".join(word for word in said if word) or None
