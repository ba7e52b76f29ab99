"""Builders for files, batches and lists as providers store and show them."""

import json
from typing import Any

from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=cut"}
VERSION = {"anthropic-version": "2023-06-01"}
LINE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}


def a_form(file: bytes = b'{"prompt": 1}\n', purpose: str = "batch") -> bytes:
    return (
        b'--cut\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n%b\r\n'
        b'--cut\r\ncontent-disposition: form-data; name="file"; filename="in.jsonl"\r\n'
        b"content-type: application/octet-stream\r\n\r\n%b\r\n--cut--\r\n"
    ) % (purpose.encode(), file)


def lines_for(model: str) -> bytes:
    line = {**LINE, "body": {"model": model, "messages": []}}
    return json.dumps(line).encode() + b"\n" + b'{"more": 1}\n'


def answers(provider: ScriptedProvider, said: object, status: int = 200) -> None:
    provider.sends(status, JSON, json.dumps(said).encode())


def a_file(thing: str) -> dict[str, Any]:
    return {"id": thing, "object": "file", "bytes": 3, "filename": "in.jsonl", "purpose": "batch"}


def a_list(*things: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(things), "has_more": more}


async def uploaded(
    yard: Yard, provider: ScriptedProvider, thing: str = "file-1", **headers: str
) -> Heard:
    """Upload a file that gets this id."""
    answers(provider, a_file(thing))
    heard = await yard.call("/v1/files", a_form(), headers=FORM | headers)
    assert heard.status == 200, heard.body
    return heard
