"""Files for batches: their calls may name what is the team's, and nothing else."""

import json
from typing import Any, cast

import pytest

from stockyard.errors import Refused
from stockyard.gateway import batch_lines
from stockyard.testing.yard import Yard
from stockyard.wire.large_body import LargeBody

FORM = {"content-type": "multipart/form-data; boundary=cut"}
JSON = {"content-type": "application/json"}


def a_line(**body: object) -> bytes:
    call = {"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": body}
    return json.dumps(call).encode()


def reading(thing: str) -> bytes:
    content = [{"type": "input_file", "file_id": thing}]
    return a_line(model="gpt-scripted", input=[{"role": "user", "content": content}])


def an_upload(*lines: bytes, purpose: str = "batch") -> bytes:
    return b"\r\n".join(
        (
            b"--cut",
            b'content-disposition: form-data; name="file"; filename="in.jsonl"',
            b"",
            b"\n".join(lines),
            b"--cut",
            b'content-disposition: form-data; name="purpose"',
            b"",
            purpose.encode(),
            b"--cut--",
            b"",
        )
    )


@pytest.mark.parametrize(
    ("lines", "purpose", "named"),
    [
        ((reading("file-1"), b"", reading("file-2"), reading("file-1")), "batch", 2),
        ((a_line(previous_response_id="resp_1", conversation={"id": "conv_1"}),), "batch", 2),
        ((a_line(tools=[{"type": "file_search", "vector_store_ids": ["vs_1"]}]),), "batch", 1),
        ((a_line(model="gpt-x", input='say "file_id": "file-1"'),), "batch", 0),
        ((reading("F1"),), "user_data", 0),
    ],
)
def test_names_in_the_lines_of_a_batch_are_found(
    lines: tuple[bytes, ...], purpose: str, named: int
) -> None:
    assert len(batch_lines.named_in(an_upload(*lines, purpose=purpose))) == named


def test_names_across_pieces_of_a_large_file_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_lines, "PIECE", 100)
    body = an_upload(*(reading(f"file-{n}") for n in range(20)))
    large = cast(bytes, LargeBody([memoryview(body)]))
    assert batch_lines.named_in(large) == [f"file-{n}" for n in range(20)]


@pytest.mark.parametrize("line", [b'{"file_id": "a",}', b'{"file_id": "a", "file_id": "b"}'])
def test_a_line_that_two_programs_could_read_in_two_ways_is_refused(line: bytes) -> None:
    with pytest.raises(Refused):
        batch_lines.named_in(an_upload(line))


def test_a_line_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_lines, "MOST_LINE", 10)
    with pytest.raises(Refused):
        batch_lines.named_in(an_upload(b"x" * 20))


def test_a_body_that_is_no_form_names_nothing() -> None:
    assert batch_lines.named_in(reading("file-1")) == []


async def test_a_file_of_somebody_else_is_not_read_by_a_batch(yard: Yard) -> None:
    openai = yard.provider("openai")
    answer: dict[str, Any] = {"id": "file-1"}
    openai.sends(200, JSON, json.dumps(answer).encode())
    first = an_upload(a_line(model="gpt-scripted"), purpose="user_data")
    assert (await yard.call("/v1/files", first, headers=FORM)).status == 200
    for path in ("/v1/files", "/openai/v1/files"):
        refused = await yard.call(path, an_upload(reading("file-theirs")), headers=FORM)
        assert refused.status == 404
        assert "file-theirs" in refused.json["error"]["message"]
    assert len(openai.requests) == 1
    assert (await yard.call("/v1/files", an_upload(reading("file-1")), headers=FORM)).status == 200
