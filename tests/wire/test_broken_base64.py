"""Base64 with line breaks, as encoders for mail write it, which most providers refuse."""

from typing import Any

import msgspec
import pytest

from stockyard.wire.formats import FORMATS

LINES = "iVBORw0KGgoAAAAN\r\nSUhEUgAAAAEAAAAB\nCAYAAAAfFcSJ\n"
DATA = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
SOUND = {"type": "input_audio", "input_audio": {"data": LINES, "format": "wav"}}
PDF_URL = f"data:application/pdf;base64,{LINES}"
PNG_URL = f"data:image/png;base64,{LINES}"


def chat(part: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": [part]}]}


def responses(part: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "input": [{"role": "user", "content": [part]}]}


def messages(kind: str, media_type: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": media_type, "data": LINES}
    return {"max_tokens": 1, **chat({"type": kind, "source": source})}


def gemini(mime: str) -> dict[str, Any]:
    part = {"inlineData": {"mimeType": mime, "data": LINES}}
    return {"contents": [{"role": "user", "parts": [part]}]}


def converse(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


@pytest.mark.parametrize(
    ("format", "body"),
    [
        ("openai.chat", chat({"type": "image_url", "image_url": {"url": PNG_URL}})),
        ("openai.chat", chat({"type": "file", "file": {"file_data": PDF_URL, "filename": "a"}})),
        ("openai.chat", chat({"type": "file", "file": {"file_data": LINES, "filename": "a"}})),
        ("openai.chat", chat(SOUND)),
        ("openai.responses", responses({"type": "input_image", "image_url": PNG_URL})),
        ("openai.responses", responses({"type": "input_file", "file_data": PDF_URL})),
        ("openai.responses", responses({"type": "input_file", "file_data": LINES})),
        ("openai.responses", responses(SOUND)),
        ("anthropic.messages", messages("image", "image/png")),
        ("anthropic.messages", messages("document", "application/pdf")),
        ("gemini", gemini("image/png")),
        ("gemini", gemini("audio/wav")),
        ("gemini", gemini("application/pdf")),
        ("cohere.chat", chat({"type": "image_url", "image_url": {"url": PNG_URL}})),
        (
            "ollama.chat",
            {"model": "m", "messages": [{"role": "user", "content": "hi", "images": [LINES]}]},
        ),
        (
            "bedrock.converse",
            converse({"image": {"format": "png", "source": {"bytes": LINES}}}),
        ),
        (
            "bedrock.converse",
            converse({"document": {"name": "a", "format": "pdf", "source": {"bytes": LINES}}}),
        ),
    ],
)
def test_line_breaks_in_base64_do_not_go_on_to_other_formats(
    format: str, body: dict[str, Any]
) -> None:
    content: Any = FORMATS[format].decode_request(msgspec.json.encode(body))
    parts = [part for message in content.messages for part in message.parts]
    assert [part.data for part in parts if hasattr(part, "data")] == [DATA]


def test_the_lines_of_a_text_document_stay() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "one\ntwo"}
    body = {"max_tokens": 1, **chat({"type": "document", "source": source})}
    content: Any = FORMATS["anthropic.messages"].decode_request(msgspec.json.encode(body))
    assert content.messages[0].parts[0].text == "one\ntwo"
