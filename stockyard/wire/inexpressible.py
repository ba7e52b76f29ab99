"""Refuse a message that a format cannot express at all.

What a format cannot express is left out and reported. But a model asked nothing would answer about
nothing, so a message with nothing left is refused.
"""

from stockyard.core.messages import Audio, Document, Image, Message, Video
from stockyard.errors import Refused

_MEDIA: dict[type, str] = {
    Image: "an image",
    Audio: "a recording",
    Video: "a film",
    Document: "a document",
}


def refuse_inexpressible(message: Message) -> None:
    """Raises Refused (400) for what nothing is left of. Blocks that only another format knows are
    no loss to anybody."""
    lost = next((part for part in message.parts if type(part) in _MEDIA), None)
    if lost is None or message.role != "user":
        return
    kind = _MEDIA[type(lost)]
    by_url = isinstance(lost, Image | Document | Video) and lost.url is not None
    instead = "Send its bytes" if by_url else "Say it as text"
    raise Refused(
        400,
        "invalid_request",
        f"A message has nothing but {kind} that the provider's format cannot take"
        f"{' by its address' if by_url else ''}. {instead}, or name another model.",
        param="messages",
    )
