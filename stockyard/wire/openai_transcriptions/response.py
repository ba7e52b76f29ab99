"""Whole transcriptions, both ways: an object with the text, or the text alone, as subtitles too."""

from typing import Any

import msgspec

from stockyard.core.messages import Message, Text
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Facts, Traits
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body
from stockyard.wire.layout import layout_of, own_fields, with_layout
from stockyard.wire.media_usage import read_media_usage, whole_seconds
from stockyard.wire.openai_transcriptions.request import FORMAT
from stockyard.wire.surrogates import decode_answer, whole

_PLAIN = "plain"
_BY_THE_TEXT = frozenset({"segments", "words", "logprobs"})
"""What repeats the text piece by piece. It is left out when the text was changed."""


def facts(body: bytes, *, traits: Traits) -> Facts:
    answer = _object(body)
    if answer is None:
        return Facts()
    _refuse_errors(answer)
    return Facts(_usage(answer, traits))


def decode_response(body: bytes) -> Output:
    answer = _object(body)
    if answer is None:
        return _output(body.decode("utf-8", "replace"), with_layout({}, FORMAT, _PLAIN))
    _refuse_errors(answer)
    return _output(whole(answer["text"]), {FORMAT: answer})


def encode_response(response: Response) -> bytes:
    output, text = response.output, response.text
    if layout_of(output.extra, FORMAT) == _PLAIN:
        return text.encode()
    said = own_fields(output.extra, FORMAT)
    if said.get("text") != text:
        said = {name: value for name, value in said.items() if name not in _BY_THE_TEXT}
    return msgspec.json.encode({**said, "text": text})


def _object(body: bytes) -> dict[str, Any] | None:
    """The answer, if it is an object; a text may begin with a brace too."""
    if body.lstrip()[:1] != b"{":
        return None
    try:
        answer = decode_answer(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _refuse_errors(answer: dict[str, Any]) -> None:
    if answer.get("error"):
        raise error_in_answer(error_body(answer))
    if not isinstance(answer.get("text"), str):
        raise UpstreamError("bad_answer", "The provider's answer is not a transcription.")


def _usage(answer: dict[str, Any], traits: Traits) -> Usage | None:
    """What the provider says it counted; where it says nothing, how long the recording is."""
    usage = read_media_usage(answer.get("usage"), traits)
    return usage or read_media_usage(None, second=whole_seconds(answer.get("duration")))


def _output(text: str, extra: dict[str, dict[str, Any]]) -> Output:
    message = Message(role="assistant", parts=(Text(text=text),))
    return Output(choices=(Choice(message=message, finish="stop"),), extra=extra)
