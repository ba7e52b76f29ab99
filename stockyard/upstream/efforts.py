"""The effort of thinking that a call asks for, as the model it goes to takes it."""

from collections.abc import Collection

from msgspec.structs import replace

from stockyard.core.request import Content, Request
from stockyard.wire.efforts import effort_of, nearest

FIELD = "reasoning_effort"
"""What most clients call it."""


def with_known_effort(request: Request, taken: Collection[str]) -> tuple[Request, tuple[str, ...]]:
    """The request with an effort that the model takes, and the name of the field if another was
    asked for."""
    content = request.meaning
    wish = content.reasoning if isinstance(content, Content) else None
    if wish is None or wish.mode == "disabled":
        return request, ()
    asked = effort_of(wish)
    effort = None if asked is None else nearest(asked, taken)
    if effort == asked:
        return request, ()
    return request.replace(reasoning=replace(wish, effort=effort)), (FIELD,)
