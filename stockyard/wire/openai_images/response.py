"""Whole answers of images, both ways: each image is a choice, by address or as base64."""

from typing import Any

import msgspec

from stockyard.core.messages import AnyPart, Image, Message, Text
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Facts, Pen, Traits
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import read_error
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.media_usage import read_media_usage, write_media_usage
from stockyard.wire.openai_images.request import FORMAT
from stockyard.wire.surrogates import decode_event

_Object = dict[str, Any]


class _Answer(msgspec.Struct, gc=False):
    data: list[msgspec.Raw] | None = None
    usage: Any = None
    error: Any = None


_facts_of = msgspec.json.Decoder(_Answer).decode


def facts(body: bytes, *, traits: Traits) -> Facts:
    try:
        answer = _facts_of(body)
    except (ValueError, RecursionError):
        raise _no_answer(body) from None
    if answer.error or answer.data is None:
        raise _no_answer(body)
    return Facts(read_media_usage(answer.usage, traits, image=len(answer.data)))


def decode_response(body: bytes) -> Output:
    try:
        answer = Fields(decode_event(body))
        items = answer.items("data")
        if answer.rest.get("error") or items is None:
            raise _no_answer(body)
        created = answer.any("created")
        answer.any("usage")
        return Output(
            created=int(created) if isinstance(created, int | float) else 0,
            choices=tuple(_choice(i, Fields(item, f"data[{i}]")) for i, item in enumerate(items)),
            extra={FORMAT: answer.rest},
        )
    except (FieldError, ValueError, RecursionError):
        raise _no_answer(body) from None


def encode_response(response: Response, pen: Pen) -> bytes:
    output = response.output
    body: _Object = {
        "created": output.created or pen.created,
        **own_fields(output.extra, FORMAT),
        "data": [_item(choice) for choice in output.choices],
    }
    usage = write_media_usage(response.usage)
    if usage is not None:
        body["usage"] = usage
    return msgspec.json.encode(body)


def image_of(fields: Fields) -> Image:
    return Image(url=fields.text("url"), data=fields.text("b64_json"))


def said_of(image: Image) -> _Object:
    said = {"url": image.url, "b64_json": image.data}
    return {name: value for name, value in said.items() if value is not None}


def _choice(index: int, fields: Fields) -> Choice:
    parts: tuple[AnyPart, ...] = (image_of(fields),)
    revised = fields.text("revised_prompt")
    if revised is not None:
        parts += (Text(text=revised),)
    message = Message(role="assistant", parts=parts)
    return Choice(index=index, message=message, finish="stop", extra=fields.left(FORMAT))


def _item(choice: Choice) -> _Object:
    item = own_fields(choice.extra, FORMAT)
    for part in choice.message.parts:
        if isinstance(part, Image):
            item |= said_of(part)
        elif isinstance(part, Text):
            item["revised_prompt"] = part.text
    return item


def _no_answer(body: bytes) -> UpstreamError:
    """The error for a 200 whose body is not an answer of this format."""
    error = read_error(body)
    if error.message or error.code:
        return error_in_answer(error)
    return UpstreamError("bad_answer", "The provider's answer has no images.")
