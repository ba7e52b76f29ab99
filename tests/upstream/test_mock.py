"""The built-in provider: a provider's bytes in, a provider's bytes out, in both formats."""

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import msgspec
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from stockyard.errors import UpstreamError
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings
from stockyard.upstream.mock import MockTransport
from stockyard.upstream.mock.delivery import Delivery
from stockyard.upstream.mock.record import Call, Record
from stockyard.upstream.mock.reply import LONGEST_ECHO
from stockyard.upstream.outgoing import Outgoing, request_head

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
BOTH = pytest.mark.parametrize("path", [CHAT, MESSAGES])
ECHO = (
    "This answer comes from Stockyard's mock provider: no account was used and nothing was "
    "charged. You wrote (5 characters): hello"
)
EVENTS: TypeAdapter[anthropic.types.RawMessageStreamEvent] = TypeAdapter(
    anthropic.types.RawMessageStreamEvent
)


def words(text: str) -> int:
    """A tokenizer that can be counted by hand."""
    return len(text.split())


class Heard:
    """A Receiver that keeps what it hears."""

    def __init__(self) -> None:
        self.status = 0
        self.fields: dict[bytes, bytes] = {}
        self.pieces: list[bytes] = []
        self.order: list[str] = []
        self.sending: Delivery | None = None
        self.pause_after: int | None = None
        self.cancel_after: int | None = None
        self.over: asyncio.Future[UpstreamError | None] = asyncio.get_running_loop().create_future()

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.order.append("head")
        self.status, self.fields = status, dict(fields)

    def data(self, piece: bytes) -> None:
        self.order.append("data")
        self.pieces.append(piece)
        assert self.sending is not None
        if len(self.pieces) == self.pause_after:
            self.sending.pause()
        if len(self.pieces) == self.cancel_after:
            self.sending.cancel()

    def done(self) -> None:
        self.order.append("done")
        self.over.set_result(None)

    def failed(self, error: UpstreamError) -> None:
        self.order.append("failed")
        self.over.set_result(error)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def events(self) -> list[Any]:
        frames = self.body.decode().split("\n\n")
        data = [line[6:] for f in frames for line in f.split("\n") if line.startswith("data: ")]
        return [msgspec.json.decode(one) for one in data if one != "[DONE]"]


def outgoing(path: str, body: bytes, method: bytes = b"POST") -> Outgoing:
    origin = Client(Guard(GuardSettings())).origin(
        "https://mock.invalid", purpose="provider", operator=True
    )
    head = request_head(method, path.encode(), origin.host, (), len(body))
    return Outgoing(origin=origin, head=head, body=body)


def a_request(path: str, prompt: str = "hello", **fields: Any) -> dict[str, Any]:
    request: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": prompt}]}
    if path == MESSAGES:
        request["max_tokens"] = 10_000
    return request | fields


def start(
    path: str, request: dict[str, Any], transport: MockTransport | None = None, **heard: Any
) -> Heard:
    receiver = Heard()
    for name, value in heard.items():
        setattr(receiver, name, value)
    transport = transport or MockTransport(estimate=words)
    call = outgoing(path, msgspec.json.encode(request))
    receiver.sending = transport.start(call, receiver)
    return receiver


async def call(path: str, request: dict[str, Any], transport: MockTransport | None = None) -> Heard:
    receiver = start(path, request, transport)
    await asyncio.wait_for(receiver.over, 5)
    return receiver


def text_of(answer: Any) -> str:
    if "choices" in answer:
        return answer["choices"][0]["message"]["content"] or ""
    return "".join(block["text"] for block in answer["content"] if block["type"] == "text")


def finish_of(answer: Any) -> Any:
    return answer["stop_reason"] if "content" in answer else answer["choices"][0]["finish_reason"]


def tokens_of(answer: Any) -> tuple[int, int]:
    usage = answer["usage"]
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"], usage["completion_tokens"]
    return usage["input_tokens"], usage["output_tokens"]


def streamed_text(events: list[Any]) -> str:
    def texts() -> Iterator[str]:
        for event in events:
            for choice in event.get("choices", ()):
                yield choice["delta"].get("content") or ""
            yield event.get("delta", {}).get("text") or ""

    return "".join(texts())


def a_tool(path: str, name: str, schema: Any) -> dict[str, Any]:
    if path == CHAT:
        return {"type": "function", "function": {"name": name, "parameters": schema}}
    return {"name": name, "input_schema": schema}


def calls_of(answer: Any) -> list[tuple[str, Any]]:
    if "choices" in answer:
        calls = answer["choices"][0]["message"].get("tool_calls") or ()
        return [
            (c["function"]["name"], msgspec.json.decode(c["function"]["arguments"])) for c in calls
        ]
    return [(b["name"], b["input"]) for b in answer["content"] if b["type"] == "tool_use"]


@BOTH
async def test_it_says_what_it_is_and_echoes(path: str) -> None:
    heard = await call(path, a_request(path))

    assert heard.order == ["head", "data", "done"]
    assert heard.status == 200
    assert heard.fields[b"content-type"] == b"application/json"
    assert heard.json["model"] == "mock/echo"
    assert text_of(heard.json) == ECHO
    assert finish_of(heard.json) in ("stop", "end_turn")
    assert tokens_of(heard.json) == (1, words(ECHO))


@BOTH
async def test_a_stream_says_the_same_word_by_word(path: str) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if path == CHAT else {}
    heard = await call(path, a_request(path, stream=True, **options))

    assert heard.fields[b"content-type"].startswith(b"text/event-stream")
    assert streamed_text(heard.events) == ECHO
    assert len(heard.pieces) == 2 + len(ECHO.split())
    assert all(piece.endswith(b"\n\n") for piece in heard.pieces)
    usage = [event["usage"] for event in heard.events if event.get("usage")][-1]
    assert usage.get("completion_tokens", usage.get("output_tokens")) == words(ECHO)


@pytest.mark.parametrize("model", ["echo", "reasoning", "tools"])
@pytest.mark.parametrize("n", [1, 2])
async def test_official_types_of_chat_accept_what_it_says(model: str, n: int) -> None:
    tools = [a_tool(CHAT, "look", {"type": "object"})]
    request = a_request(CHAT, model=model, n=n, tools=tools)

    whole = await call(CHAT, request)
    stream = await call(CHAT, request | {"stream": True})

    answer = ChatCompletion.model_validate(whole.json, strict=True)
    chunks = [ChatCompletionChunk.model_validate(event, strict=True) for event in stream.events]
    assert len(answer.choices) == n
    assert {choice.index for chunk in chunks for choice in chunk.choices} == set(range(n))
    assert stream.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("model", ["echo", "reasoning", "tools"])
async def test_official_types_of_messages_accept_what_it_says(model: str) -> None:
    request = a_request(MESSAGES, model=model, tools=[a_tool(MESSAGES, "look", {})])

    whole = await call(MESSAGES, request)
    stream = await call(MESSAGES, request | {"stream": True})

    anthropic.types.Message.model_validate(whole.json)
    events = [EVENTS.validate_python(e) for e in stream.events if e["type"] != "ping"]
    assert [event.type for event in events[-2:]] == ["message_delta", "message_stop"]
    assert stream.body.count(b"event: ") == stream.body.count(b"data: ")


@BOTH
async def test_a_stream_without_the_wish_for_usage_has_none_in_chat(path: str) -> None:
    heard = await call(path, a_request(path, stream=True))

    assert any(event.get("usage") for event in heard.events) is (path == MESSAGES)


@BOTH
@pytest.mark.parametrize(
    ("fields", "text", "finish"),
    [
        ({"max_tokens": 3}, "This answer comes ", ("length", "max_tokens")),
        ({"max_tokens": 0}, "", ("length", "max_tokens")),
        ({"max_tokens": 1000}, ECHO, ("stop", "end_turn")),
        ({"stop": ["mock"]}, "This answer comes from Stockyard's ", ("stop", "stop_sequence")),
        ({"stop": ["mock", "answer"]}, "This ", ("stop", "stop_sequence")),
        ({"stop": ["nowhere", ""]}, ECHO, ("stop", "end_turn")),
        ({"stop": ["mock"], "max_tokens": 2}, "This answer ", ("length", "max_tokens")),
    ],
)
async def test_it_obeys_limits_and_stop_sequences(
    path: str, fields: dict[str, Any], text: str, finish: tuple[str, str]
) -> None:
    if path == MESSAGES and "stop" in fields:
        fields = fields | {"stop_sequences": fields["stop"]}

    whole = (await call(path, a_request(path, **fields))).json
    stream = await call(path, a_request(path, stream=True, **fields))

    assert text_of(whole) == streamed_text(stream.events) == text
    assert finish_of(whole) == finish[path == MESSAGES]


@BOTH
async def test_it_says_which_stop_sequence_was_met(path: str) -> None:
    answer = (await call(path, a_request(path, stop_sequences=["mock"], stop="mock"))).json

    assert answer.get("stop_sequence") == ("mock" if path == MESSAGES else None)


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_chat_has_two_names_for_its_limit(limit: str) -> None:
    answer = (await call(CHAT, a_request(CHAT) | {limit: 2})).json

    assert text_of(answer) == "This answer "


async def test_n_answers_are_counted_n_times() -> None:
    answer = (await call(CHAT, a_request(CHAT, n=3))).json

    assert len(answer["choices"]) == 3
    assert tokens_of(answer) == (1, 3 * words(ECHO))


SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Oslo!"]}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        (CHAT, {"response_format": {"type": "json_object"}}, {}),
        (CHAT, {"response_format": {"type": "text"}}, None),
        (
            CHAT,
            {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
            {"city": "Rome", "days": 2},
        ),
        (
            MESSAGES,
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            {"city": "Rome", "days": 2},
        ),
        (MESSAGES, {"output_config": {"effort": "low"}}, None),
    ],
)
async def test_it_answers_json_where_json_is_asked_for(
    path: str, fields: dict[str, Any], said: Any
) -> None:
    text = text_of((await call(path, a_request(path, **fields))).json)

    assert (msgspec.json.decode(text) if said is not None else text) == (
        ECHO if said is None else said
    )


def tool_result(path: str) -> list[dict[str, Any]]:
    if path == CHAT:
        return [{"role": "tool", "tool_call_id": "c", "content": "sunny"}]
    result = {"type": "tool_result", "tool_use_id": "c", "content": "sunny"}
    return [{"role": "user", "content": [result]}]


@BOTH
@pytest.mark.parametrize(
    ("prompt", "choice", "called"),
    [
        ("please call weather for me", None, ["weather"]),
        ("Call `weather`.", None, ["weather"]),
        ("call weather, then call time", None, ["weather", "time"]),
        ("call nothing", None, []),
        ("recall weather", None, []),
        ("weather", None, []),
        ("hi", "required", ["weather"]),
        ("call time", "required", ["time"]),
        ("hi", "time", ["time"]),
        ("call weather", "none", []),
    ],
)
async def test_it_calls_the_tool_that_the_prompt_asks_for_if_it_is_offered(
    path: str, prompt: str, choice: str | None, called: list[str]
) -> None:
    request = a_request(path, prompt, tools=two_tools(path))
    if choice is not None:
        request["tool_choice"] = tool_choice(path, choice)

    answer = (await call(path, request)).json

    assert [name for name, _ in calls_of(answer)] == called
    assert finish_of(answer) in (("tool_calls", "tool_use") if called else ("stop", "end_turn"))
    for name, arguments in calls_of(answer):
        assert arguments == ({"city": "Rome", "days": 2} if name == "weather" else {})


def two_tools(path: str) -> list[dict[str, Any]]:
    return [a_tool(path, "weather", SCHEMA), a_tool(path, "time", None)]


def tool_choice(path: str, choice: str) -> Any:
    if path == CHAT:
        named = {"type": "function", "function": {"name": choice}}
        return choice if choice in ("none", "required") else named
    types = {"none": {"type": "none"}, "required": {"type": "any"}}
    return types.get(choice, {"type": "tool", "name": choice})


def streamed_arguments(events: list[Any]) -> Iterator[str]:
    for event in events:
        for choice in event.get("choices", ()):
            for delta in choice["delta"].get("tool_calls") or ():
                yield delta["function"]["arguments"]
        if event.get("type") == "content_block_delta":
            yield event["delta"]["partial_json"]


@BOTH
async def test_arguments_stream_in_pieces_that_join_to_the_whole(path: str) -> None:
    heard = await call(path, a_request(path, "call weather", tools=two_tools(path), stream=True))

    parts = list(streamed_arguments(heard.events))
    assert len(parts) > 2
    assert msgspec.json.decode("".join(parts)) == {"city": "Rome", "days": 2}


@BOTH
async def test_mock_tools_calls_all_that_are_offered_and_then_answers(path: str) -> None:
    request = a_request(path, model="tools", tools=two_tools(path))

    first = (await call(path, request)).json
    second = (
        await call(path, request | {"messages": [*request["messages"], *tool_result(path)]})
    ).json

    assert [name for name, _ in calls_of(first)] == ["weather", "time"]
    assert calls_of(second) == []
    assert text_of(second)


@BOTH
async def test_mock_reasoning_thinks_first(path: str) -> None:
    answer = (await call(path, a_request(path, model="reasoning"))).json
    stream = await call(path, a_request(path, model="reasoning", stream=True))

    thoughts = "The user wrote 5 characters."
    assert tokens_of(answer)[1] == words(thoughts) + words(ECHO)
    assert text_of(answer) == streamed_text(stream.events) == ECHO
    if path == CHAT:
        assert answer["choices"][0]["message"]["reasoning_content"] == thoughts
    else:
        block = answer["content"][0]
        assert (block["type"], block["thinking"]) == ("thinking", thoughts)
        assert stream.body.index(b"signature_delta") < stream.body.index(b"text_delta")


@BOTH
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 429, 500, 503, 529])
async def test_mock_status_fails_as_the_provider_would(
    path: str, stream: bool, status: int
) -> None:
    heard = await call(path, a_request(path, model=f"status-{status}", stream=stream))

    assert heard.status == status
    assert heard.fields[b"content-type"] == b"application/json"
    assert heard.json["error"]["message"]
    assert (b"retry-after" in heard.fields) is (status in (429, 503))
    assert (heard.json.get("type") == "error") is (path == MESSAGES)


@BOTH
async def test_mock_cut_breaks_a_stream_after_so_many_pieces(path: str) -> None:
    heard = await call(path, a_request(path, model="cut-after-3", stream=True))

    error = heard.over.result()
    assert error is not None
    assert error.kind == "interrupted"
    assert streamed_text(heard.events) == "This answer comes"


@BOTH
async def test_mock_cut_breaks_a_whole_answer_in_its_middle(path: str) -> None:
    heard = await call(path, a_request(path, model="cut-after-3"))

    assert heard.over.result() is not None
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(heard.body)


@BOTH
@pytest.mark.parametrize("stream", [False, True])
async def test_mock_stall_says_no_more_until_it_is_cancelled(path: str, stream: bool) -> None:
    transport = MockTransport(estimate=words)
    heard = start(path, a_request(path, model="stall-after-2", stream=stream), transport)
    for _ in range(50):
        await asyncio.sleep(0)

    assert not heard.over.done()
    assert len(heard.pieces) == (3 if stream else 1)
    assert len(transport.record) == 0
    assert heard.sending is not None
    heard.sending.cancel()
    assert [call.outcome for call in transport.record.calls()] == ["cancelled"]
    assert "done" not in heard.order


@BOTH
@pytest.mark.parametrize("stream", [False, True])
async def test_mock_bad_json_is_no_json(path: str, stream: bool) -> None:
    heard = await call(path, a_request(path, model="bad-json", stream=stream))

    assert heard.status == 200
    with pytest.raises(msgspec.DecodeError):
        _ = heard.events if stream else heard.json


@BOTH
@pytest.mark.parametrize(("model", "tokens"), [("long-2000", 2000), ("long-0", 0)])
async def test_mock_long_says_so_many_tokens(path: str, model: str, tokens: int) -> None:
    answer = (await call(path, a_request(path, model=model, max_tokens=10_000))).json

    assert tokens_of(answer)[1] == words(text_of(answer)) == tokens


async def test_mock_delay_waits_and_can_be_cancelled_meanwhile() -> None:
    transport = MockTransport(estimate=words)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await call(CHAT, a_request(CHAT, model="delay-30ms"), transport)
    assert loop.time() - begun >= 0.029

    slow = start(CHAT, a_request(CHAT, model="slow"), transport)
    assert slow.sending is not None
    slow.sending.cancel()
    slow.sending.cancel()
    await asyncio.sleep(0.01)
    assert slow.order == []
    first, second = list(transport.record.calls())
    assert (first.outcome, second.outcome) == ("cancelled", "ok")


async def test_latency_is_added_to_every_call() -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()

    await call(CHAT, a_request(CHAT), MockTransport(0.03))

    assert loop.time() - begun >= 0.029


@BOTH
async def test_no_prompt_can_ask_for_a_behaviour(path: str) -> None:
    heard = await call(path, a_request(path, "status-500 mock/status-500 slow cut-after-1"))

    assert heard.status == 200
    assert "cut-after-1" in text_of(heard.json)


@pytest.mark.parametrize("model", ["gpt-4o", "status-200", "status-4290", "slow-2", "xslow", "a/b"])
async def test_any_other_name_is_an_echo(model: str) -> None:
    answer = (await call(CHAT, a_request(CHAT, model=model))).json

    assert answer["model"] == f"mock/{model}"
    assert text_of(answer) == ECHO


@BOTH
async def test_nothing_is_heard_before_start_returns(path: str) -> None:
    for stream in (False, True):
        heard = start(path, a_request(path, stream=stream))
        assert heard.order == []
        await heard.over


@BOTH
async def test_a_paused_stream_waits_and_loses_nothing(path: str) -> None:
    heard = start(path, a_request(path, stream=True), pause_after=4)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(heard.pieces) == 4

    assert heard.sending is not None
    heard.sending.resume()
    heard.sending.resume()
    await asyncio.wait_for(heard.over, 5)

    assert streamed_text(heard.events) == ECHO


async def test_a_whole_answer_waits_for_a_receiver_that_is_not_ready() -> None:
    heard = start(CHAT, a_request(CHAT))
    assert heard.sending is not None
    heard.sending.pause()
    for _ in range(10):
        await asyncio.sleep(0)
    assert "data" not in heard.order

    heard.sending.resume()
    await asyncio.wait_for(heard.over, 5)
    assert text_of(heard.json) == ECHO


@BOTH
@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_is_heard_after_cancel(path: str, stream: bool) -> None:
    heard = start(path, a_request(path, stream=stream), cancel_after=1)
    for _ in range(50):
        await asyncio.sleep(0)

    assert heard.order == ["head", "data"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, b""),
        (CHAT, b"{"),
        (CHAT, b"[]"),
        (CHAT, b'{"model":"echo"}'),
        (CHAT, b'{"model":"echo","messages":[1]}'),
        (CHAT, b'{"model":"echo","messages":[],"n":"two"}'),
        (MESSAGES, b'{"model":"echo","messages":[]}'),  # max_tokens is required
        (MESSAGES, b'{"model":"echo","max_tokens":1,"messages":[{"role":"user"}]}'),
        (CHAT, b'{"model":"echo","messages":[],"tools":' + b"[" * 50_000),
        ("/v1/messages/count_tokens", b"{}"),
    ],
)
async def test_what_is_no_request_of_its_format_is_a_400(path: str, body: bytes) -> None:
    heard = Heard()
    heard.sending = MockTransport().start(outgoing(path, body), heard)
    await asyncio.wait_for(heard.over, 5)

    assert heard.status == 400
    assert heard.json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "method"), [("/v1/files", b"POST"), (CHAT, b"GET"), ("/", b"POST")]
)
async def test_other_endpoints_are_not_there(path: str, method: bytes) -> None:
    heard = Heard()
    heard.sending = MockTransport().start(outgoing(path, b"{}", method), heard)
    await asyncio.wait_for(heard.over, 5)

    assert heard.status == 404


async def test_a_query_does_not_hide_an_endpoint() -> None:
    assert (await call(MESSAGES + "?beta=true", a_request(MESSAGES))).status == 200


async def test_input_can_be_counted_without_an_answer() -> None:
    request = {"model": "echo", "system": "be brief", "messages": a_request(MESSAGES)["messages"]}

    heard = await call("/v1/messages/count_tokens", request)

    assert heard.json == {"input_tokens": 3}


@BOTH
async def test_a_long_prompt_is_counted_whole_and_echoed_in_part(path: str) -> None:
    prompt = "word " * LONGEST_ECHO

    answer = (await call(path, a_request(path, prompt))).json

    assert tokens_of(answer)[0] == LONGEST_ECHO
    assert len(text_of(answer)) < LONGEST_ECHO + 200


@BOTH
async def test_the_same_request_gets_the_same_answer(path: str) -> None:
    answers = [
        await call(path, a_request(path), MockTransport(estimate=words, now=lambda: 1.0))
        for _ in range(2)
    ]

    assert answers[0].body == answers[1].body


@BOTH
async def test_each_answer_has_an_id_of_its_own(path: str) -> None:
    transport = MockTransport()

    ids = {(await call(path, a_request(path), transport)).json["id"] for _ in range(3)}

    assert len(ids) == 3


# The record.


@BOTH
@pytest.mark.parametrize(
    ("model", "stream", "outcome", "status", "output"),
    [
        ("echo", False, "ok", 200, words(ECHO)),
        ("echo", True, "ok", 200, words(ECHO)),
        ("status-500", False, "error", 500, 0),
        ("cut-after-0", True, "cut", 200, 0),
    ],
)
async def test_every_call_is_on_record(
    path: str, model: str, stream: bool, outcome: str, status: int, output: int
) -> None:
    transport = MockTransport(estimate=words, now=lambda: 5.0)
    request = a_request(path, model=model, stream=stream)

    heard = await call(path, request, transport)

    (recorded,) = transport.record.calls()
    assert recorded == Call(
        at_ms=5000,
        model=model,
        format="openai.chat" if path == CHAT else "anthropic.messages",
        streamed=stream,
        status=status,
        outcome=outcome,  # type: ignore[arg-type]
        input_tokens=1 if status == 200 else 0,
        output_tokens=output,
        bytes_in=len(msgspec.json.encode(request)),
        bytes_out=len(heard.body),
    )


async def test_the_part_of_a_stream_that_came_is_on_record() -> None:
    transport = MockTransport(estimate=len)
    heard = start(CHAT, a_request(CHAT, stream=True), transport, cancel_after=4)
    for _ in range(50):
        await asyncio.sleep(0)

    (recorded,) = transport.record.calls()
    assert recorded.outcome == "cancelled"
    assert recorded.output_tokens == len(streamed_text(heard.events)) == len("This answer comes")


def a_call(number: int) -> Call:
    return Call(
        at_ms=number,
        model="é" * 200,
        format="openai.chat",
        streamed=False,
        status=200,
        outcome="ok",
        input_tokens=number,
        output_tokens=2**40,
        bytes_in=1,
        bytes_out=2,
    )


def test_the_record_keeps_the_newest_and_counts_all() -> None:
    record = Record(kept=3)
    for number in range(5):
        record.add(a_call(number))

    assert len(record) == 3
    assert [call.at_ms for call in record.calls()] == [4, 3, 2]
    assert next(record.calls()).model == "é" * 128
    totals = record.totals
    assert (totals.calls, totals.input_tokens, totals.output_tokens) == (5, 10, 5 * 2**40)
