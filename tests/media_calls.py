"""Builders for calls for audio and images."""

import json
from typing import Any

BOUNDARY = "xYzZY1234"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
JSON = {"content-type": "application/json"}
SOUND = b"\xff\xf3\x44\xc4" + bytes(range(256)) * 8
KEY = "sk-proj-Zx81kQm4Rt7Ws0Vb3Nc6Yd9Lf2Gh5Jk8Pq1Tu4Ve7Xa0Bc3T3BlbkFJZx81kQm4Rt7Ws0Vb3Nc6"


def form(*fields: tuple[str, bytes], file: bytes | None = SOUND) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + value
        + b"\r\n"
        for name, value in fields
    ]
    if file is not None:
        parts.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n'
            "Content-Type: audio/mpeg\r\n\r\n".encode()
            + file
            + b"\r\n"
        )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def recording(model: str = "whisper-1", *more: tuple[str, bytes]) -> bytes:
    return form(("model", model.encode()), *more)


def speech(model: str = "tts-1", **more: Any) -> bytes:
    return json.dumps({"model": model, "input": "Good day.", "voice": "alloy", **more}).encode()


def painting(model: str = "gpt-image-1", **more: Any) -> bytes:
    return json.dumps({"model": model, "prompt": "a white siamese cat", **more}).encode()


TRANSCRIPT = b'{"text":"Good day.","usage":{"type":"duration","seconds":4}}'
IMAGES = b'{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}],"usage":{"input_tokens":9,"input_tokens_details":{"text_tokens":9,"image_tokens":0},"output_tokens":272,"total_tokens":281}}'  # noqa: E501  as sent
VERBOSE = {
    "task": "transcribe",
    "duration": 3.7,
    "text": f"The key is {KEY}.",
    "segments": [{"id": 0, "text": f" The key is {KEY}."}],
}
