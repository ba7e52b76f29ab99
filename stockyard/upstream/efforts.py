"""Replace the requested reasoning effort by one that the model accepts."""

from collections.abc import Collection

from msgspec.structs import replace

from stockyard.core.request import Content, Request
from stockyard.wire.efforts import effort_of, nearest

FIELD = "reasoning_effort"
"""The name that most clients use for it."""
NO_EFFORT = "none"
"""The effort that means no thinking, in formats without a switch for that."""


def with_known_effort(request: Request, taken: Collection[str]) -> tuple[Request, tuple[str, ...]]:
    """The request with an effort that the model accepts. Names the field if that is not what was
    requested."""
    content = request.meaning
    wish = content.reasoning if isinstance(content, Content) else None
    if wish is None:
        return request, ()
    switched_off = wish.mode == "disabled" and wish.effort is None
    asked = NO_EFFORT if switched_off else effort_of(wish)
    effort = None if asked is None else nearest(asked, taken)
    if effort == asked and not switched_off:
        return request, ()
    lost = () if effort == asked else (FIELD,)
    return request.replace(reasoning=replace(wish, effort=effort)), lost
