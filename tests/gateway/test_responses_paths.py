"""Responses and completions at the door: their paths, and bytes that pass as they came."""

import json
import pathlib

import pytest

from stockyard.testing.yard import Yard

CASES = pathlib.Path(__file__).parents[1] / "wire" / "cases"
JSON = {"content-type": "application/json"}
ANSWER = CASES / "reasoning_encrypted" / "openai_responses.json"
STREAM = (CASES / "reasoning_encrypted" / "openai_responses.stream.txt").read_bytes()


@pytest.mark.parametrize("prefix", ["/v1", "", "/v1/v1"])
@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/responses", {"input": "hi"}, "response"),
        ("/completions", {"prompt": "hi"}, "text_completion"),
    ],
)
async def test_every_spelling_of_a_path_is_served(
    yard: Yard, prefix: str, path: str, body: dict[str, str], kind: str
) -> None:
    yard.provider("anthropic").says("hello")
    model = yard.body()["model"]
    answer = await yard.call(prefix + path, {"model": model, **body})
    assert (answer.status, answer.json["object"]) == (200, kind)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/resp_1/input_items"),
        ("GET", "/responses/resp_1"),
        ("GET", "/v1/responses/resp_1/nothing"),
    ],
)
async def test_an_answer_that_nobody_keeps_is_not_there(yard: Yard, method: str, path: str) -> None:
    answer = await yard.get(path, method=method)
    assert answer.status == 404
    assert answer.json["error"]["code"] == "not_found"


async def test_a_websocket_is_told_to_use_http(yard: Yard) -> None:
    wanted = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    async with yard.raw() as client:
        fields = {"host": "localhost", **yard.headers, **wanted}
        lines = ["GET /v1/responses HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items()), "", ""]
        client.send("\r\n".join(lines).encode())
        await client.answer()
        assert client.reply.status == 426
        assert json.loads(client.reply.body)["error"]["code"] == "upgrade_refused"
    plain = await yard.get("/v1/responses")
    assert plain.status == 405


async def test_a_provider_of_the_same_format_gets_and_gives_the_bytes_as_they_are(
    yard: Yard,
) -> None:
    said = json.dumps(json.loads(ANSWER.read_text())["response"], indent=1).encode()
    provider = yard.provider("openai").sends(200, JSON, said)
    model = yard.body()["model"]
    asked = b'{ "input" : "hi", "previous_response_id":null ,"x":1.0,"model":"%b"}' % (
        str(model).encode()
    )
    answer = await yard.call("/v1/responses", asked)
    assert answer.body == said
    assert provider.last.body == asked
    assert provider.last.path == "/v1/responses"
    assert yard.last.exchange.usage is not None
    assert yard.last.exchange.usage.out_reasoning == 3


async def test_a_stream_of_the_same_format_passes_as_it_came(yard: Yard) -> None:
    events = {"content-type": "text/event-stream"}
    yard.provider("openai").sends(200, events, STREAM)
    body = {"model": yard.body()["model"], "input": "hi", "stream": True}
    answer = await yard.call("/v1/responses", body)
    without_comment = b"\n\n".join(
        block for block in answer.body.split(b"\n\n") if not block.startswith(b":")
    )
    assert without_comment == STREAM
    assert answer.body.rstrip().splitlines()[-1].startswith(b'data: {"type":"response.completed"')
    assert yard.last.exchange.usage is not None


async def test_a_stream_that_is_cut_ends_in_both_errors(yard: Yard) -> None:
    events = {"content-type": "text/event-stream"}
    cut = STREAM[: STREAM.index(b"event: response.output_text.done")]
    yard.provider("openai").sends(200, events, cut)
    body = {"model": yard.body()["model"], "input": "hi", "stream": True}
    answer = await yard.call("/v1/responses", body)
    blocks = answer.body.split(b"\n\n")[:-1]
    assert [block.split(b"\n")[0] for block in blocks[-2:]] == [
        b"event: error",
        b"event: response.failed",
    ]
    told = [json.loads(block.partition(b"data: ")[2]) for block in blocks if b"data: " in block]
    failed = told[-1]["response"]
    assert failed["error"]["code"] == "server_error"
    assert failed["status"] == "failed"
    assert failed["id"] == told[0]["response"]["id"]
    assert failed["model"] == told[0]["response"]["model"]
    assert [one["sequence_number"] for one in told] == list(range(len(told)))


async def test_the_end_of_a_stream_without_numbers_has_none(yard: Yard) -> None:
    events = {"content-type": "text/event-stream"}
    cut = (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
        b'"item_id":"i","output_index":0,"content_index":0,'
        b'"delta":"\\"sequence_number\\":7, hi"}\n\n'
    )
    yard.provider("openai").sends(200, events, cut)
    body = {"model": yard.body()["model"], "input": "hi", "stream": True}
    answer = await yard.call("/v1/responses", body)
    failed = answer.events[-1].json
    assert failed["type"] == "response.failed"
    assert failed["response"]["id"] is None
    assert "sequence_number" not in failed


async def test_a_chat_is_answered_by_a_provider_that_speaks_responses(yard: Yard) -> None:
    said = json.dumps(json.loads(ANSWER.read_text())["response"]).encode()
    provider = yard.provider("responder", kind="openai.responses").sends(200, JSON, said)
    answer = await yard.chat("2+2?", model="responder/m", max_tokens=5)
    message = answer.json["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("4", "Two and two.")
    assert message["reasoning_details"][1]["data"] == "c2VhbGVk"
    asked = provider.last.fields
    assert asked["input"] == [{"role": "user", "content": "2+2?"}]
    assert (asked["max_output_tokens"], asked["store"]) == (16, False)


async def test_a_chat_is_streamed_from_a_provider_that_speaks_responses(yard: Yard) -> None:
    events = {"content-type": "text/event-stream"}
    yard.provider("responder", kind="openai.responses").sends(200, events, STREAM)
    answer = await yard.stream("2+2?", model="responder/m", stream_options={"include_usage": True})
    assert answer.text == "4"
    assert b'"finish_reason":"stop"' in answer.body
    assert b'"completion_tokens":5' in answer.body
    assert answer.body.endswith(b"data: [DONE]\n\n")
