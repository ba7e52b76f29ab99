"""Moderations requests, both ways."""

from typing import Any

from stockyard.core.messages import Extra, Image, Text
from stockyard.core.moderation import Judged, ModerationContent
from stockyard.core.request import Request
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields

FORMAT = "openai.moderations"

ALONE, PARTS = "alone", "parts"
"""Shapes: the input was a string, or an array of parts that are judged together. Without one of
them it was an array of strings, each judged for itself."""


def read_request(fields: Fields) -> ModerationContent:
    fields.any("model")
    said = fields.any("input")
    if isinstance(said, str):
        inputs, shape = (Text(text=said),), ALONE
        return ModerationContent(inputs=inputs, shape=shape, extra=fields.left(FORMAT))
    if not isinstance(said, list) or not said:
        raise FieldError("input", "a string, an array of strings, or an array of parts")
    in_parts = any(isinstance(item, dict) for item in said)
    return ModerationContent(
        inputs=tuple(_judged(item, f"input[{at}]") for at, item in enumerate(said)),
        shape=PARTS if in_parts else None,
        extra=fields.left(FORMAT),
    )


def write_request(request: Request, drops: Drops) -> dict[str, Any]:
    content = request.read_as(ModerationContent)
    drops.foreign(content.extra)
    body: dict[str, Any] = {"model": request.model, "input": _input(content)}
    return body | own_fields(content.extra, FORMAT)


def _judged(said: Any, path: str) -> Judged:
    match said:
        case str(text):
            return Text(text=text)
        case {"type": "text", "text": str(text)}:
            return Text(text=text, extra=_left(said, "text"))
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return Image(url=url, extra=_left(said, ""))
    raise FieldError(path, "a string, or a part of the type `text` or `image_url`")


def _left(part: dict[str, Any], known: str) -> Extra:
    rest = {key: value for key, value in part.items() if key not in ("type", known)}
    return {FORMAT: rest} if rest else {}


def _input(content: ModerationContent) -> Any:
    if content.shape == PARTS:
        return [_part(judged) for judged in content.inputs]
    texts = list(content.texts())
    return texts[0] if content.shape == ALONE and len(texts) == 1 else texts


def _part(judged: Judged) -> dict[str, Any]:
    own = own_fields(judged.extra, FORMAT)
    if isinstance(judged, Text):
        return {"type": "text", "text": judged.text, **own}
    return {
        "type": "image_url",
        **own,
        "image_url": {**own.get("image_url", {}), "url": judged.url},
    }
