"""Whole answers of speech, both ways: the bytes of a sound file, which nobody here reads."""

from base64 import b64decode, b64encode

from stockyard.core.messages import Audio, Message
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Facts
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import NO_ERROR_BODY, read_error


def facts(body: bytes) -> Facts:
    """Sound tells nothing of itself, and an object in its place is an error."""
    if body[:1] == b"{" and (error := read_error(body)) != NO_ERROR_BODY:
        raise error_in_answer(error)
    return Facts()


def decode_response(body: bytes) -> Output:
    audio = Audio(data=b64encode(body).decode())
    message = Message(role="assistant", parts=(audio,))
    return Output(choices=(Choice(message=message, finish="stop"),))


def encode_response(response: Response) -> bytes:
    parts = (part for choice in response.output.choices for part in choice.message.parts)
    return b"".join(b64decode(p.data) for p in parts if isinstance(p, Audio) and p.data)
