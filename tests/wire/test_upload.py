"""Requests that come as a form or as one JSON object, read and changed alike."""

import json
from collections.abc import Callable

import pytest

from stockyard.core.images import ImagesContent
from stockyard.core.request import Request
from stockyard.core.transcription import TranscriptionContent
from stockyard.errors import Refused
from stockyard.wire.codec import RequestHead
from stockyard.wire.openai_images.codec import ImagesCodec
from stockyard.wire.openai_transcriptions.codec import TranscriptionsCodec
from stockyard.wire.upload import upload_of, with_model, with_texts

B = "xYzZY"
FORM_TYPE = f"multipart/form-data; boundary={B}".encode()
NONE: frozenset[str] = frozenset()


def form(**fields: str) -> bytes:
    parts = [
        f'--{B}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{B}--\r\n"]).encode()


def document(**fields: object) -> bytes:
    return json.dumps(fields, indent=1).encode()


Make = Callable[..., bytes]
BOTH = pytest.mark.parametrize("make", [form, document])


@BOTH
def test_texts_are_read_and_replaced(make: Make) -> None:
    body = make(model="m", prompt="two\nlines", size="1x1")
    upload = upload_of(body)
    assert (upload.text("prompt"), upload.text("mask")) == ("two\nlines", None)
    assert upload.count("prompt") == 1
    changed = with_texts(body, {"model": "other", "prompt": None})
    assert changed == body.replace(b'"m"', b'"other"').replace(b"\nm\r", b"\nother\r")
    assert with_texts(body, {"model": "m", "prompt": "two\nlines"}) is body


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (form(model="m"), RequestHead("m", stream=False, wants_usage=True)),
        (form(model="m", stream="true"), RequestHead("m", stream=True, wants_usage=True)),
        (form(model="m", stream="False"), RequestHead("m", stream=False, wants_usage=True)),
        (form(stream="1"), RequestHead("", stream=True, wants_usage=True)),
        (document(model="m"), RequestHead("m", stream=False, wants_usage=True)),
        (document(model="m", stream=True), RequestHead("m", stream=True, wants_usage=True)),
        (document(), RequestHead("", stream=False, wants_usage=True)),
    ],
)
def test_the_head_tells_model_and_stream(body: bytes, head: RequestHead) -> None:
    assert ImagesCodec().peek(body) == head


@pytest.mark.parametrize(
    ("content_type", "body", "fits"),
    [
        (FORM_TYPE, form(model="m"), True),
        (FORM_TYPE, form(model="m").replace(b"xYzZY", b"other"), False),
        (FORM_TYPE, form(model="m").replace(b"xYzZY", b"xYzZYx"), False),
        (FORM_TYPE, document(model="m"), False),
        (FORM_TYPE, b"", False),
        (b"application/json", document(model="m"), True),
        (b"", document(model="m"), True),
        (b"application/json", form(model="m"), False),
        (b"multipart/mixed; boundary=xYzZY", form(model="m"), False),
    ],
)
def test_the_body_must_be_what_its_head_says(content_type: bytes, body: bytes, fits: bool) -> None:
    reading = TranscriptionsCodec().reading(content_type)
    if fits:
        assert reading.peek(body).model == "m"
        return
    with pytest.raises(Refused) as refusal:
        reading.peek(body)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (form(model="m"), b'multipart/form-data; boundary="xYzZY"'),
        (document(model="m"), b"application/json"),
    ],
)
def test_the_content_type_that_goes_on_is_made_from_the_body(
    body: bytes, content_type: bytes
) -> None:
    assert ImagesCodec().content_type(body) == content_type


@pytest.mark.parametrize(
    ("body", "given", "wanted"),
    [
        (form(model="m", prompt="a cat", n="3"), 0, 3),
        (form(model="m", n="many", image="x"), 1, 1),
        (document(model="m", prompt="a cat", n=2), 0, 2),
        (document(model="m", prompt="a cat", images=[{"file_id": "a"}, {"file_id": "b"}]), 2, 1),
        (document(model="m", image="data:,"), 1, 1),
    ],
)
def test_images_are_counted(body: bytes, given: int, wanted: int) -> None:
    content = ImagesCodec().decode_request(body)
    assert (content.given, content.wanted) == (given, wanted)
    assert content.units() == {"image": wanted}
    assert content.unread() == ({"image": given} if given else {})


@BOTH
def test_only_what_was_changed_is_written_anew(make: Make) -> None:
    codec = ImagesCodec()
    body = make(model="m", prompt="a cat", size="1x1")
    content = codec.decode_request(body)
    assert content.map_text(str) is content
    shouted = Request(model="m", content=content.map_text(str.upper))
    written = codec.encode_request(shouted, features=NONE, traits=NONE).body
    assert written == body.replace(b"a cat", b"A CAT")
    assert isinstance(codec.decode_request(written), ImagesContent)


def test_a_prompt_is_optional() -> None:
    codec = TranscriptionsCodec()
    content = codec.decode_request(form(model="m", file="RIFF"))
    assert list(content.texts()) == []
    assert content == TranscriptionContent(original=form(model="m", file="RIFF"))
    assert content.units() == {}
    assert content.unread() == {"audio": 1}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (document(model="m", prompt=["a"]), "prompt"),
        (b'["a"]', None),
        (b'{"model":"m","model":"n"}', None),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(Refused) as refusal:
        ImagesCodec().decode_request(body)
    assert (refusal.value.status, refusal.value.param) == (400, param)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (form(model="m"), form(model="m")),
        (form(model="other", n="1"), form(model="m", n="1")),
        (form(n="1"), form(model="m", n="1")),
        (document(n=1), document(n=1)),
    ],
)
def test_a_form_can_be_made_to_name_a_model(body: bytes, named: bytes) -> None:
    assert with_model(body, "m") == named
