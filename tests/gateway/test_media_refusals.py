"""Errors and refusals of calls for audio and images."""

import pytest

from stockyard.testing.yard import Yard
from tests.media_calls import FORM, IMAGES, JSON, TRANSCRIPT, form, painting, recording, speech

REFUSED: list[tuple[str, str, bytes, dict[str, str], int, str | None]] = [
    ("no model", "transcriptions", form(), FORM, 400, "model"),
    ("two models", "transcriptions", recording("a", ("model", b"b")), FORM, 400, "model"),
    ("another boundary", "transcriptions", recording(), {"content-type": "multipart/form-data; boundary=other"}, 400, None),  # noqa: E501  one case
    ("no boundary", "transcriptions", recording(), {"content-type": "multipart/form-data"}, 400, None),  # noqa: E501  one case
    ("a form as JSON", "transcriptions", recording(), JSON, 400, None),
    ("JSON as a form", "transcriptions", b"{}", FORM, 400, None),
    ("cut off", "transcriptions", recording()[:-20], FORM, 400, None),
    ("an odd wish", "transcriptions", recording("a", ("stream", b"perhaps")), FORM, 400, "stream"),
    ("no JSON", "speech", b"hello", JSON, 400, None),
    ("no text", "speech", speech(input=7), JSON, 400, "input"),
    ("too large", "speech", speech(input="x" * 1_100_000), JSON, 413, None),
    ("an unknown model", "speech", speech("no-such-voice"), JSON, 404, "model"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "param"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
async def test_a_body_that_cannot_be_sent_is_refused_in_the_clients_words(
    yard: Yard, path: str, body: bytes, kind: dict[str, str], status: int, param: str | None
) -> None:
    openai = yard.provider("openai").sends(200, JSON, TRANSCRIPT)
    heard = await yard.call(f"/v1/audio/{path}", body, headers=kind)
    assert heard.status == status
    assert heard.error is not None
    assert heard.error["type"] == "invalid_request_error"
    assert heard.error["param"] == param
    assert not openai.requests


async def test_images_need_a_model_unless_the_provider_is_named(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, IMAGES)
    body = b'{"prompt":"a cat"}'
    heard = await yard.call("/v1/images/generations", body)
    assert (heard.status, len(openai.requests)) == (400, 0)
    heard = await yard.call("/openai/v1/images/generations", body)
    assert (heard.status, openai.last.body) == (200, body)


async def test_a_provider_without_the_endpoint_is_not_called(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    heard = await yard.call("/v1/audio/speech", speech("claude-sonnet-4-5"))
    assert heard.status == 404
    assert heard.error is not None
    assert "does not offer speech" in heard.error["message"]
    assert not anthropic.requests


@pytest.mark.parametrize(("status", "ours"), [(400, 400), (401, 502), (429, 429), (500, 502)])
@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/audio/speech", speech(), JSON),
        ("/v1/audio/transcriptions", recording(), FORM),
        ("/v1/images/generations", painting(), JSON),
    ],
)
async def test_errors_are_those_of_the_dialect(
    yard: Yard, path: str, body: bytes, kind: dict[str, str], status: int, ours: int
) -> None:
    said = b'{"error":{"message":"It went wrong.","type":"x","param":null,"code":null}}'
    yard.provider("openai").sends(status, JSON, said)
    heard = await yard.call(path, body, headers=kind)
    assert heard.status == ours
    assert heard.error is not None
    assert heard.error["stockyard"]["upstream_status"] == status
    assert heard.headers["content-type"] == "application/json"
    assert yard.last.usage is None


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
async def test_an_object_in_place_of_sound_is_an_error(yard: Yard, kind: str) -> None:
    said = b'{"error":{"message":"The voice is gone.","code":"invalid_voice"}}'
    yard.provider("openai").sends(200, {"content-type": kind}, said)
    heard = await yard.call("/v1/audio/speech", speech())
    assert heard.status == 502
    assert heard.error is not None
    assert heard.error["message"] == "The voice is gone."
