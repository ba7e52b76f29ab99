"""Generated images: in `images` beside the text, a convention of OpenAI-style routers.

The format itself has no word for them; `images` is what OpenAI-style routers and their clients
agreed on, in messages and in deltas.
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Image, Part
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError
from stockyard.wire.layout import layout_of
from stockyard.wire.openai_chat.parts import FORMAT, decode_parts, encode_parts

PICTURES = "images"


def pictures_of(said: Any) -> tuple[AnyPart, ...]:
    """The pictures in the field; none where it holds anything else."""
    try:
        parts = decode_parts(said, PICTURES) if isinstance(said, list) else ()
    except FieldError:
        return ()
    return parts if all(isinstance(part, Image) for part in parts) else ()


def drawn(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """What the field holds for these parts of an answer."""
    images = (part for part in parts if isinstance(part, Image))
    return encode_parts(tuple(map(_as_object, images)), Drops(FORMAT))


def _as_object(picture: Image) -> Image:
    """The image with its URL in an object; some providers send the bare URL."""
    bare = layout_of(picture.extra, FORMAT) == "bare"
    return replace(picture, extra={}) if bare else picture
