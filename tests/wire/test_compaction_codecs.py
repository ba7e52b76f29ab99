"""Requests for a summary, and summaries, as Responses says them."""

import json
from typing import Any

import msgspec
import pytest

from stockyard.core.folding import unfold
from stockyard.core.messages import Message, Text
from stockyard.core.request import Request
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Pen
from stockyard.wire.openai_responses.codec import ResponsesCodec
from stockyard.wire.openai_responses.compaction import CompactCodec, SummaryCodec
from stockyard.wire.openai_responses.ties import SUMMARY_WANTED

PLAIN, NOTHING = ResponsesCodec(), frozenset[str]()
TRIGGER = {"type": "compaction_trigger"}
THEIRS = {"type": "compaction", "id": "cmp_1", "encrypted_content": "c2VhbGVk"}
USER = {"id": "msg_1", "type": "message", "status": "completed", "role": "user", "content": []}


def seal(text: str) -> str:
    return f"sealed({text})"


def said(text: str) -> Output:
    message = Message(role="assistant", parts=(Text(text=text),))
    return Output(choices=(Choice(message=message, finish="length"),))


def pen(asked: Any = None) -> Pen:
    return Pen("1", "m", 0, wants_usage=True, asked=json.dumps(asked or {}).encode())


def written(codec: Any, body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    content = codec.decode_request(json.dumps(body).encode())
    request = Request(model="m", content=content)
    encoded = codec.encode_request(
        request.replace(**changes), features=NOTHING, traits=NOTHING, max_output=None
    )
    return dict(json.loads(encoded.body))


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "input": [{"role": "user", "content": "hi"}, TRIGGER]},
        {"model": "m", "input": [TRIGGER]},
        {"model": "m", "input": [TRIGGER], "a_field_from_next_year": 1},
    ],
)
def test_the_wish_for_a_summary_survives_being_written_again(body: dict[str, Any]) -> None:
    assert written(PLAIN, body) == body
    content = PLAIN.decode_request(json.dumps(body).encode())
    assert content.tie == SUMMARY_WANTED


def test_a_wish_elsewhere_in_the_input_ties_the_request() -> None:
    body = {"model": "m", "input": [TRIGGER, {"role": "user", "content": "hi"}]}
    content = PLAIN.decode_request(json.dumps(body).encode())
    assert content.tie is not None
    assert "last item" in content.tie.message


def test_the_path_for_summaries_is_sent_what_it_takes() -> None:
    body = {
        "model": "m",
        "input": [{"role": "user", "content": "hi"}],
        "instructions": "Be brief.",
        "prompt_cache_key": "k",
        "previous_response_id": "resp_1",
        "service_tier": "flex",
    }
    codec = CompactCodec()
    assert written(codec, body) == body
    assert written(codec, {**body, "temperature": 1, "tools": [], "store": True}) == body
    assert codec.peek(json.dumps({**body, "stream": True}).encode()).stream is False


def test_an_answer_becomes_one_sealed_item_whole_or_streamed() -> None:
    codec = SummaryCodec(seal)
    whole = json.loads(codec.encode_response(Response(said("They met.")), pen()))
    (item,) = whole["output"]
    assert item == {"id": "cmp_1_0", "type": "compaction", "encrypted_content": "sealed(They met.)"}
    assert whole["status"] == "completed"

    writer = codec.writer(pen())
    assert writer.write(unfold(said("They met."), None)) == b""
    stream = writer.end()
    events = [json.loads(line[6:]) for line in stream.split(b"\n") if line.startswith(b"data: ")]
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[-1]["response"] == whole
    assert b'They met."' not in stream.replace(b"sealed(They met.)", b"")


def test_the_answer_on_the_path_of_its_own_has_the_user_s_messages() -> None:
    spoken = {"role": "assistant", "content": "no"}
    asked = {"input": [USER, spoken, {"role": "user", "content": "b"}]}
    body = CompactCodec(seal).encode_response(Response(said("They met.")), pen(asked))
    told = json.loads(body)
    assert told["object"] == "response.compaction"
    assert [item["type"] for item in told["output"]] == ["message", "message", "compaction"]
    assert told["output"][1]["content"] == [{"type": "input_text", "text": "b"}]


def test_what_a_provider_made_is_written_as_it_came() -> None:
    codec = CompactCodec(seal)
    answer = {
        "id": "resp_1",
        "object": "response.compaction",
        "output": [USER, THEIRS, {"no": "item"}],
    }
    output = codec.decode_response(msgspec.json.encode(answer), traits=NOTHING)
    for writing in (codec, CompactCodec(), SummaryCodec(seal)):
        assert json.loads(writing.encode_response(Response(output), pen()))["output"] == [
            USER,
            THEIRS,
        ]


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"", b'{"output":{}}', b'{"error":{"message":"x"}}']
)
def test_what_is_no_summary_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        CompactCodec().decode_response(body, traits=NOTHING)


def test_nothing_is_sealed_without_a_seal() -> None:
    with pytest.raises(UpstreamError):
        CompactCodec().encode_response(Response(said("They met.")), pen())
