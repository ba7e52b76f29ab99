"""A message of a user of which a format can say nothing is refused, not sent as nothing."""

import pytest

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Document,
    Image,
    Message,
    Opaque,
    Role,
    Text,
    Video,
)
from stockyard.core.request import Content, Request
from stockyard.errors import Refused
from stockyard.wire.formats import FORMATS

BY_URL = Document(url="https://example.com/a.pdf")
PICTURE = Image(url="https://example.com/a.png")
SOUND = Audio(data="aGk=", format="wav")


def encode(format_: str, *parts: AnyPart, role: Role = "user") -> bytes:
    message = Message(role=role, parts=parts)
    asked = Message(role="user", parts=(Text(text="hi"),))
    request = Request(model="m", content=Content(messages=(message, asked)))
    codec = FORMATS[format_]
    return codec.encode_request(request, features=frozenset(), traits=frozenset()).body


@pytest.mark.parametrize(
    ("format_", "part", "what"),
    [
        ("openai.chat", BY_URL, "a document"),
        ("openai.chat", Video(url="https://example.com/a.mp4"), "a film"),
        ("cohere.chat", BY_URL, "a document"),
        ("cohere.chat", SOUND, "a recording"),
        ("ollama.chat", BY_URL, "a document"),
        ("ollama.chat", PICTURE, "an image"),
        ("bedrock.converse", BY_URL, "a document"),
        ("bedrock.converse", PICTURE, "an image"),
        ("openai.completions", PICTURE, "an image"),
        ("openai.completions", SOUND, "a recording"),
        ("ollama.generate", PICTURE, "an image"),
        ("ollama.generate", SOUND, "a recording"),
    ],
)
def test_it_is_refused(format_: str, part: AnyPart, what: str) -> None:
    with pytest.raises(Refused, match=f"nothing but {what} that") as refused:
        encode(format_, part)
    assert (refused.value.status, refused.value.param) == (400, "messages")
    assert b"hi" in encode(format_, part, Text(text="look")), "beside a text it is left out"


@pytest.mark.parametrize(
    "format_",
    [
        *("openai.chat", "cohere.chat", "ollama.chat", "bedrock.converse", "anthropic.messages"),
        *("openai.completions", "ollama.generate"),
    ],
)
@pytest.mark.parametrize(
    "parts", [(), (Text(text=""),), (Opaque(format="another", value={"type": "x"}),)]
)
def test_what_says_nothing_itself_is_not(format_: str, parts: tuple[AnyPart, ...]) -> None:
    assert b"hi" in encode(format_, *parts)
