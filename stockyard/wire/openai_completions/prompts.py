"""The prompts of a completions request, both ways.

Each prompt is a message of the user. Several prompts of one call are asked one by one elsewhere
(`upstream/several.py`); prompts of tokens, and text to be written before a suffix, exist in this
format only.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from stockyard.core.meaning import Tie
from stockyard.core.messages import Message, Opaque, Text
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError
from stockyard.wire.inexpressible import refuse_inexpressible
from stockyard.wire.layout import has_word
from stockyard.wire.read_out import as_text, is_text

FORMAT = "openai.completions"

LISTED = "prompts"
"""Shape of a prompt that came in a list."""

_PARAM = "prompt"


def decode_prompts(said: Any) -> tuple[Message, ...]:
    if said is None:
        # The service starts a text of its own.
        return ()
    if isinstance(said, str):
        return (_message(Text(text=said)),)
    if isinstance(said, list) and all(isinstance(item, str) for item in said):
        return tuple(_message(Text(text=item), LISTED) for item in said)
    if not isinstance(said, list) or not all(isinstance(item, int | list) for item in said):
        raise FieldError(_PARAM, "a string, an array of strings, or arrays of tokens")
    return (_message(Opaque(format=FORMAT, value={"tokens": said})),)


def encode_prompts(messages: Sequence[Message], drops: Drops) -> Any:
    texts = []
    for message in messages:
        drops.foreign(message.extra, "messages")
        for part in message.parts:
            if isinstance(part, Opaque) and part.format == FORMAT:
                return part.value["tokens"]
            if part.cache:
                drops.add("cache_control")
            if not is_text(part):
                drops.add(f"messages.content.{part.__struct_config__.tag}")
        texts.append(as_text(message.parts))
        if not texts[-1]:
            refuse_inexpressible(message)
    if messages and all(has_word(message.shape, LISTED) for message in messages):
        return texts
    return "\n\n".join(filter(None, texts))


def find_tie(messages: Sequence[Message], suffix: Any) -> Tie | None:
    """Why the request cannot be expressed in any other format; None if it can."""
    return next(_ties(messages, suffix), None)


def _ties(messages: Sequence[Message], suffix: Any) -> Iterator[Tie]:
    if any(isinstance(part, Opaque) for message in messages for part in message.parts):
        yield _tie(_PARAM, "The provider of this model takes no tokens. Send the prompt as text.")
    if not messages:
        yield _tie(_PARAM, "The provider of this model needs a prompt.")
    if suffix:
        yield _tie("suffix", "The provider of this model cannot write text before a suffix.")


def _tie(param: str, message: str) -> Tie:
    return Tie(code="invalid_request", message=message, param=param)


def _message(part: Text | Opaque, shape: str | None = None) -> Message:
    return Message(role="user", parts=(part,), shape=shape)
