"""Files by their address: where a format has a word for that, and where one says it elsewhere."""

import json
from typing import Any

import pytest

from stockyard.core.messages import Document
from stockyard.core.request import Content, Request
from stockyard.wire.formats import FORMATS
from stockyard.wire.media import named

CHAT = FORMATS["openai.chat"]


def asked(file: dict[str, str]) -> bytes:
    parts = [{"type": "file", "file": file}]
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": parts}]}).encode()


def said(file: dict[str, str], format_name: str) -> Any:
    request = Request(model="m", content=CHAT.decode_request(asked(file)))
    none = frozenset[str]()
    body = FORMATS[format_name].encode_request(request, features=none, traits=none).body
    return json.loads(body)


URL = "https://example.com/a.pdf?x=1"
FILE = {"filename": "a.pdf", "file_data": URL}


def test_a_files_address_in_the_place_of_its_data_is_an_address() -> None:
    content = CHAT.decode_request(asked(FILE))
    assert isinstance(content, Content)
    (document,) = content.messages[0].parts
    assert isinstance(document, Document)
    assert (document.url, document.data) == (URL, None)
    assert said(FILE, "openai.chat") == json.loads(asked(FILE))


@pytest.mark.parametrize(
    ("format_name", "place"),
    [
        ("anthropic.messages", {"type": "url", "url": URL}),
        ("gemini", {"mimeType": "application/pdf", "fileUri": URL}),
        ("openai.responses", URL),
    ],
)
def test_and_is_one_in_every_format(format_name: str, place: object) -> None:
    assert json.dumps(place) in json.dumps(said(FILE, format_name))


def test_its_name_says_what_it_is() -> None:
    clip = {"filename": "a.mp4", "file_data": "gs://bucket/a.mp4"}
    assert '"mimeType": "video/mp4"' in json.dumps(said(clip, "gemini"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.PDF", "application/pdf"),
        ("https://example.com/a.b/c.mp3?d=e.f", "audio/mp3"),
        ("noending", None),
        ("", None),
    ],
)
def test_endings_of_names(name: str, kind: str | None) -> None:
    assert named(name) == kind


def test_a_file_that_is_named_beside_its_type_is_one() -> None:
    part = {"type": "file", "file_id": "f-1"}
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": [part]}]}).encode()
    content = CHAT.decode_request(body)
    assert isinstance(content, Content)
    (document,) = content.messages[0].parts
    assert isinstance(document, Document)
    assert document.file_id == "f-1"
    none = frozenset[str]()
    request = Request(model="m", content=content)
    again = CHAT.encode_request(request, features=none, traits=none).body
    assert json.loads(again) == json.loads(body)
    there = FORMATS["anthropic.messages"].encode_request(request, features=none, traits=none).body
    assert json.dumps({"type": "file", "file_id": "f-1"}) in json.dumps(json.loads(there))
