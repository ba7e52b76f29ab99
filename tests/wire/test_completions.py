"""The legacy contract of completions: prompts in, plain text out, and never a chat object."""

import json
from typing import Any

import pytest

from stockyard.core.events import Event, Finished, Started, TextDelta, UsageSeen
from stockyard.core.folding import fold, unfold
from stockyard.core.messages import Message, Reasoning, Text, ToolCall
from stockyard.core.money import Usage
from stockyard.core.request import Content, Request
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import Dropped, Fault, Pen
from stockyard.wire.openai_chat.codec import ChatCodec
from stockyard.wire.openai_completions.codec import CompletionsCodec

CODEC, CHAT = CompletionsCodec(), ChatCodec()
NONE: frozenset[str] = frozenset()


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "prompt": "Once", **fields}).encode()


def content(**fields: Any) -> Content:
    return CODEC.decode_request(body(**fields))


def as_chat(**fields: Any) -> tuple[Any, Dropped]:
    request = Request(model="m", content=content(**fields))
    encoded = CHAT.encode_request(request, features=NONE, traits=NONE)
    return json.loads(encoded.body), encoded


def pen(**asked: Any) -> Pen:
    return Pen(id="1", model="m", created=7, wants_usage=True, asked=body(**asked))


def chunks(stream: bytes) -> list[Any]:
    blocks = stream.decode().split("\n\n")[:-1]
    return [b if b == "data: [DONE]" else json.loads(b.removeprefix("data: ")) for b in blocks]


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": ["One", "Two"]},
        {"prompt": ["One"]},
        {"prompt": [1, 2, 3]},
        {"prompt": [[1], [2]]},
        {"stop": "END"},
        {"stop": ["END", "STOP"]},
        {"echo": True, "suffix": " end", "best_of": 3, "logprobs": 2, "n": 2, "seed": 1},
        {"stream_options": {"include_obfuscation": False}, "user": "u", "max_tokens": 0},
        {"logit_bias": {"50256": -100}, "presence_penalty": 0.5, "frequency_penalty": 1.5},
        {"a_field_from_next_year": {"n": 1}},
    ],
)
def test_nothing_is_lost(fields: dict[str, Any]) -> None:
    request = Request(model="m", content=content(**fields))
    encoded = CODEC.encode_request(request, features=NONE, traits=NONE)
    assert json.loads(encoded.body) == json.loads(body(**fields))
    assert encoded.dropped == ()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1, 2]]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"suffix": " end"}, "suffix"),
    ],
)
def test_what_a_chat_cannot_do_ties_the_request_to_its_format(
    fields: dict[str, Any], param: str
) -> None:
    tie = content(**fields).tie
    assert tie is not None
    assert (tie.code, tie.param) == ("invalid_request", param)


@pytest.mark.parametrize(
    "fields", [{}, {"prompt": ["One"]}, {"prompt": ["One", "Two"]}, {"suffix": ""}, {"echo": True}]
)
def test_prompts_of_text_tie_nothing(fields: dict[str, Any]) -> None:
    assert content(**fields).tie is None


@pytest.mark.parametrize(
    ("prompt", "apart"), [("One", False), (["One"], False), (["a", "b"], True)]
)
def test_several_prompts_stand_apart(prompt: object, apart: bool) -> None:
    assert content(prompt=prompt).apart is apart


def test_each_choice_echoes_its_own_prompt() -> None:
    asked = json.dumps({"prompt": ["One", "Two"], "echo": True, "n": 2}).encode()
    mine = Pen(id="1", model="m", created=1, wants_usage=False, asked=asked)
    choices = tuple(
        Choice(index=index, message=Message(role="assistant", parts=(Text(text=f" {index}"),)))
        for index in range(4)
    )
    said = json.loads(CODEC.encode_response(Response(Output(choices=choices)), mine))
    texts = ["One 0", "One 1", "Two 2", "Two 3"]
    assert [choice["text"] for choice in said["choices"]] == texts
    out = CODEC.writer(mine).write(unfold(Output(choices=choices), None))
    told = [c["choices"][0] for c in chunks(out)]
    assert [c["text"] for c in told if c["text"]] == texts


def test_a_prompt_is_asked_as_a_message_of_the_user() -> None:
    said, encoded = as_chat(max_tokens=5, temperature=0.5, stop="END", echo=True)
    assert said == {
        "model": "m",
        "messages": [{"role": "user", "content": "Once"}],
        "max_completion_tokens": 5,
        "temperature": 0.5,
        "stop": "END",
    }
    assert encoded.dropped == ()


def test_what_a_chat_has_no_word_for_is_named() -> None:
    assert as_chat(best_of=3, logprobs=2)[1].dropped == ("best_of", "logprobs")


def test_a_chat_is_asked_as_one_prompt_and_the_rest_is_named() -> None:
    said = {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "reasoning_effort": "low",
    }
    request = Request(model="m", content=CHAT.decode_request(json.dumps(said).encode()))
    encoded = CODEC.encode_request(request, features=NONE, traits=NONE)
    assert json.loads(encoded.body)["prompt"] == "Be brief.\n\nHi"
    assert encoded.dropped == ("tools", "reasoning_effort")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"prompt": {"text": "x"}}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [True, {}]}, "prompt"),
        ({"stop": 5}, "stop"),
        ({"n": "two"}, "n"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(Refused) as raised:
        content(**fields)
    assert (raised.value.status, raised.value.param) == (400, path)


def test_the_head_says_what_routing_needs() -> None:
    head = CODEC.peek(body(stream=True, stream_options={"include_usage": True}, max_tokens=9))
    assert (head.model, head.stream, head.wants_usage, head.max_output) == ("m", True, True, 9)
    assert CODEC.peek(b'{"model":"m"}').max_output is None
    with pytest.raises(Refused):
        CODEC.peek(b'{"model":"m","prompt":{}}')


ANSWER = Output(
    model="m",
    choices=(
        Choice(
            message=Message(
                role="assistant",
                parts=(Reasoning(text="Hm."), Text(text=" upon"), ToolCall(id="c", name="f")),
            ),
            finish="tool_calls",
        ),
        Choice(index=1, message=Message(role="assistant", parts=(Text(text=" a"),))),
    ),
)


@pytest.mark.parametrize(("echo", "before"), [(False, ""), (True, "Once")])
def test_an_answer_is_text_and_nothing_of_chat(echo: bool, before: str) -> None:
    said = json.loads(CODEC.encode_response(Response(ANSWER), pen(echo=echo)))
    assert (said["id"], said["object"]) == ("cmpl-1", "text_completion")
    assert said["choices"] == [
        {"text": before + " upon", "index": 0, "logprobs": None, "finish_reason": "stop"},
        {"text": before + " a", "index": 1, "logprobs": None, "finish_reason": "stop"},
    ]


def test_a_stream_is_text_its_finish_usage_and_the_end() -> None:
    writer = CODEC.writer(pen(echo=True))
    events: list[Event] = [
        Started(),
        TextDelta(key="a", text=" upon"),
        TextDelta(key="a", text=" a"),
        Finished(reason="length"),
        UsageSeen(usage=Usage(in_fresh=1, out_text=2)),
    ]
    first, second, finish, usage, end = chunks(writer.write(events) + writer.end())
    assert [c["choices"][0]["text"] for c in (first, second, finish)] == ["Once upon", " a", ""]
    assert finish["choices"][0]["finish_reason"] == "length"
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 3)
    assert end == "data: [DONE]"
    assert all(chunk["object"] == "text_completion" for chunk in (first, second, finish, usage))


def test_a_provider_of_this_format_has_echoed_already() -> None:
    chunk = {"id": "cmpl-9", "object": "text_completion", "model": "m",
             "choices": [{"text": "Once upon", "index": 0, "finish_reason": "stop"}]}  # fmt: skip
    output = CODEC.decode_response(json.dumps(chunk).encode(), traits=NONE)
    said = json.loads(CODEC.encode_response(Response(output), pen(echo=True)))
    assert said["choices"][0]["text"] == "Once upon"
    reader, writer = CODEC.reader(traits=NONE), CODEC.writer(pen(echo=True))
    events = reader.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n") + reader.end()
    texts = [c["choices"][0]["text"] for c in chunks(writer.write(events) + writer.end())[:-1]]
    assert texts == ["Once upon", ""]


def test_log_probabilities_stay_with_an_answer_of_this_format() -> None:
    logprobs = {"tokens": [" upon"], "token_logprobs": [-0.1], "top_logprobs": None}
    choice = {"text": " upon", "index": 0, "logprobs": logprobs, "finish_reason": "stop"}
    answer = json.dumps({"id": "cmpl-1", "model": "m", "choices": [choice]}).encode()
    output = CODEC.decode_response(answer, traits=NONE)
    assert json.loads(CODEC.encode_response(Response(output), pen()))["choices"] == [choice]
    assert (
        json.loads(CHAT.encode_response(Response(output), pen()))["choices"][0]["logprobs"] is None
    )


def test_choices_that_take_turns_stay_apart() -> None:
    def chunk(index: int, text: str, finish: str | None = None) -> bytes:
        choice = {"index": index, "text": text, "finish_reason": finish}
        return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    data = chunk(0, "a") + chunk(1, "x") + chunk(0, "b", "stop") + chunk(1, "y", "length")
    reader = CODEC.reader(traits=NONE)
    output, _ = fold(reader.feed(data) + reader.end())
    assert [(c.message.text, c.finish) for c in output.choices] == [
        ("ab", "stop"),
        ("xy", "length"),
    ]


def test_a_broken_stream_ends_in_an_error_without_an_end_mark() -> None:
    fault = Fault(status=502, kind="interrupted", code="stream_interrupted", message="It broke.")
    for out in (CODEC.writer(pen()).fail(fault), CODEC.failed_stream(fault)):
        assert chunks(out) == [
            {
                "error": {
                    "message": "It broke.",
                    "type": "server_error",
                    "param": None,
                    "code": "stream_interrupted",
                }
            }
        ]


def test_text_commits_a_forwarded_stream() -> None:
    look = CODEC.look(traits=NONE, keep_usage=False, native=False)
    empty = b'data: {"choices":[{"index":0,"text":""}]}\n\n'
    full = b'data: {"choices":[{"index":0,"text":"a"}]}\n\n'
    assert (look.feed(empty), look.content) == (empty, False)
    assert (look.feed(full), look.content) == (full, True)
    with pytest.raises(UpstreamError):
        look.feed(b'data: {"error":{"message":"It broke."}}\n\n')


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b'{"choices":{}}', b'{"choices":[1]}'])
def test_what_is_no_answer_is_refused(said: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        CODEC.decode_response(said, traits=NONE)
    assert raised.value.kind == "bad_answer"
