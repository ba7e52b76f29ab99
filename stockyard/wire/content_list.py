"""Message content that may be null, a string or a list of parts."""

from collections.abc import Callable
from typing import Any

from stockyard.core.messages import AnyPart, Text


def decode_content_list(
    content: Any, path: str, decode_part: Callable[[Any, str], AnyPart]
) -> tuple[AnyPart, ...]:
    """The parts of a `content` field: null, a string, or a list, in which texts may stand bare."""
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(text=content),)
    if not isinstance(content, list):
        content = [content]
    return tuple(
        [
            Text(text=item) if isinstance(item, str) else decode_part(item, f"{path}[{i}]")
            for i, item in enumerate(content)
        ]
    )
