"""Whole completions answers, both ways."""

from typing import Any

import msgspec

from stockyard.core.messages import Extra, Finish, Message, Refusal, Text
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Pen
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_chat.response import failed_base, finish_of, no_answer, with_prefix
from stockyard.wire.openai_completions.prompts import FORMAT
from stockyard.wire.surrogates import decode_event, encode, whole
from stockyard.wire.usage import write_chat_usage

ID_PREFIX = "cmpl-"
NO_COMPLETION = "is not a completion"

_Object = dict[str, Any]

# There are no calls here: an answer that is one says that it has ended.
_FINISHES: dict[Finish, str] = {"length": "length", "content_filter": "content_filter"}


def decode_response(body: bytes) -> Output:
    try:
        answer = Fields(decode_event(body))
        if answer.rest.get("error") or failed_base(answer.rest.get("base_resp")):
            raise no_answer(body, NO_COMPLETION)
        return _decode(answer)
    except (FieldError, ValueError, RecursionError):
        raise no_answer(body, NO_COMPLETION) from None


def encode_response(response: Response, pen: Pen) -> bytes:
    output = response.output
    echoes = Echoes(pen, output.extra)
    body: _Object = {
        **own_fields(output.extra, FORMAT),
        "id": with_prefix(pen.id, ID_PREFIX),
        "object": "text_completion",
        "created": pen.created,
        "model": pen.model,
        "choices": [_encode_choice(choice, echoes) for choice in output.choices],
    }
    if response.usage is not None:
        body["usage"] = write_chat_usage(response.usage)
    return encode(body)


def finish_word(finish: Finish | None) -> str:
    return _FINISHES.get(finish or "stop", "stop")


class _Asked(msgspec.Struct):
    prompt: Any = None
    echo: bool | None = None
    n: int | None = None


_asked = msgspec.json.Decoder(_Asked).decode


class Echoes:
    """The prompts, when the client wants each before its completions.

    A provider of this format has seen to it already; an answer's `extra` tells its format.
    """

    def __init__(self, pen: Pen, extra: Extra) -> None:
        self._prompts: tuple[str, ...] = ()
        self._per_prompt = 1
        if FORMAT in extra or b'"echo"' not in pen.asked:
            return
        try:
            asked = _asked(pen.asked)
        except (ValueError, RecursionError):
            return
        prompts = asked.prompt if isinstance(asked.prompt, list) else [asked.prompt]
        if asked.echo and all(isinstance(prompt, str) for prompt in prompts):
            self._prompts = tuple(prompts)
            self._per_prompt = max(1, asked.n or 1)

    def before(self, choice: int) -> str:
        """What stands before the text of a choice: those of the first prompt come first."""
        prompt = choice // self._per_prompt if len(self._prompts) > 1 else 0
        return self._prompts[prompt] if 0 <= prompt < len(self._prompts) else ""


def _decode(answer: Fields) -> Output:
    for key in ("object", "usage"):
        answer.any(key)
    choices, created = answer.items("choices"), answer.any("created")
    if choices is None:
        raise FieldError("choices", "an array")
    return Output(
        id=answer.text("id") or "",
        model=answer.text("model") or "",
        created=int(created) if isinstance(created, int | float) else 0,
        choices=tuple(_decode_choice(Fields(c, f"choices[{i}]"), i) for i, c in enumerate(choices)),
        extra={FORMAT: answer.rest},
    )


def _decode_choice(fields: Fields, position: int) -> Choice:
    index, text = fields.integer("index"), fields.text("text")
    finish, native = finish_of(fields.any("finish_reason"), called=False)
    parts = (Text(text=whole(text)),) if text else ()
    return Choice(
        index=position if index is None else index,
        message=Message(role="assistant", parts=parts),
        finish=finish,
        native_finish=native,
        # Of another shape than those of chat, and so nobody else's.
        extra=fields.left(FORMAT),
    )


def _encode_choice(choice: Choice, echoes: Echoes) -> _Object:
    texts = [p.text for p in choice.message.parts if isinstance(p, Text | Refusal)]
    return {
        "text": echoes.before(choice.index) + "".join(texts),
        "index": choice.index,
        "logprobs": None,
        "finish_reason": finish_word(choice.finish),
        **own_fields(choice.extra, FORMAT),
    }
