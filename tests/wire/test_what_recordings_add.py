"""Section 14 of `wire.md`, row by row: what recorded traffic showed beyond the documentation."""

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest

from stockyard.core.events import CitationAdded, Event, TextDelta
from stockyard.core.folding import fold
from stockyard.core.messages import Reasoning, ToolCall
from stockyard.core.money import Usage
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.testing.yard import Yard
from stockyard.wire import eventstream
from stockyard.wire.codec import NotReadable, Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.stray_usage import stray_usage, usage_in_fields

NONE: frozenset[str] = frozenset()


def read(format_: str, stream: bytes) -> list[Event]:
    reader = FORMATS[format_].reader(traits=NONE)
    return [*reader.feed(stream), *reader.end()]


def counted(format_: str, body: dict[str, Any]) -> Usage:
    usage = FORMATS[format_].facts(json.dumps(body).encode(), traits=NONE).usage
    assert usage is not None
    return usage


def nameless(*said: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in said)


def test_passes_of_one_answer_are_summed() -> None:
    """Anthropic's `usage.iterations`: the top level leaves out the compaction."""
    passes = [
        {"type": "compaction", "input_tokens": 99_195, "output_tokens": 7},
        {"type": "message", "input_tokens": 10, "output_tokens": 5},
    ]
    usage = counted(
        "anthropic.messages",
        {"type": "message", "content": [], "usage": passes[1] | {"iterations": passes}},
    )
    assert (usage.in_fresh, usage.out_text) == (99_205, 12)


def test_counts_may_come_with_the_last_piece_only() -> None:
    """Vertex's Gemini."""
    content = {"role": "model", "parts": [{"text": "hi"}]}
    counts = {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}
    last = {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": counts}
    stream = nameless({"candidates": [{"content": content}]}, last).replace(b"\n", b"\r\n")
    usage = fold(read("gemini", stream))[1]
    assert usage is not None
    assert (usage.in_fresh, usage.out_text) == (9, 2)
    look = FORMATS["gemini"].look(traits=NONE, keep_usage=True, native=False)
    look.feed(stream)
    assert look.usage == usage


def test_transcriptions_stream_with_crlf_no_names_and_an_end_mark() -> None:
    spoken = {"type": "transcript.text.delta", "delta": "hi"}
    counts = {"type": "tokens", "input_tokens": 3, "output_tokens": 1, "total_tokens": 4}
    done = {"type": "transcript.text.done", "text": "hi", "usage": counts}
    stream = (nameless(spoken, done) + b"data: [DONE]\n\n").replace(b"\n", b"\r\n")
    look = FORMATS["openai.transcriptions"].look(traits=NONE, keep_usage=True, native=False)
    assert look.feed(stream) + look.end() + look.terminator == stream
    assert look.complete
    assert look.usage is not None
    assert look.usage.in_fresh == 3


ITEM = {"type": "reasoning", "id": "rs_1", "summary": []}
LIFE = (
    {"type": "response.reasoning_part.added", "item_id": "rs_1", "part": {}},
    {"type": "response.reasoning_part.done", "item_id": "rs_1", "part": {}},
    {"type": "keepalive", "sequence_number": 3},
    {"type": "response.web_search_call.in_progress", "item_id": "ws_1"},
    {"type": "response.web_search_call.searching", "item_id": "ws_1"},
    {"type": "response.web_search_call.completed", "item_id": "ws_1"},
    {"type": "response.output_text.annotation.added", "item_id": "msg_1", "annotation": {}},
    {"type": "response.code_interpreter_call.in_progress", "item_id": "ci_1"},
    {"type": "response.code_interpreter_call.interpreting", "item_id": "ci_1"},
    {"type": "response.code_interpreter_call_code.delta", "item_id": "ci_1", "delta": "1 + 1"},
)


@pytest.mark.parametrize("event", LIFE, ids=lambda e: e["type"])
def test_signs_of_life_are_no_content(event: dict[str, Any]) -> None:
    """They come without names (Mantle), and clients get them by name."""
    look = FORMATS["openai.responses"].look(traits=NONE, keep_usage=True, native=False)
    out = look.feed(nameless(event))
    assert not look.content
    assert out.startswith(f"event: {event['type']}\n".encode())
    reader = FORMATS["openai.responses"].reader(traits=NONE)
    assert reader.feed(nameless(event)) == []


def test_of_two_seals_that_of_the_finished_item_is_kept() -> None:
    answer = {"id": "resp_1", "object": "response", "model": "m"}
    done, last = ITEM | {"encrypted_content": "first"}, ITEM | {"encrypted_content": "second"}
    stream = nameless(
        {"type": "response.created", "response": answer | {"output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": ITEM},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": answer | {"output": [last]}},
    )
    [thought] = fold(read("openai.responses", stream))[0].choices[0].message.parts
    assert isinstance(thought, Reasoning)
    assert thought.encrypted == "first"


@pytest.mark.parametrize(
    "body",
    [{"inputText": "hi"}, {"prompt": "hi", "max_gen_len": 9}, {"messages": [{"role": "user"}]}],
    ids=["titan", "llama", "nova"],
)
def test_bodies_for_invoke_that_are_not_claudes_are_not_read(body: dict[str, Any]) -> None:
    with pytest.raises(NotReadable):
        FORMATS["bedrock.invoke"].peek(json.dumps(body).encode())


def test_what_invoke_counts_in_the_head_of_an_answer_is_read() -> None:
    told = {"input": 3, "cache-read-input": 5, "cache-write-input": 7, "output": 1}
    fields = [
        (f"x-amzn-bedrock-{name}-token-count".encode(), b"%d" % count)
        for name, count in told.items()
    ]
    usage = usage_in_fields(fields)
    assert usage is not None
    assert (usage.in_fresh, usage.in_cached, usage.in_written, usage.out_text) == (3, 5, 7, 1)


def test_what_a_server_of_texts_counts_in_the_head_of_an_answer_is_read() -> None:
    usage = usage_in_fields([(b"x-prompt-tokens", b"16"), (b"x-generated-tokens", b"75")])
    assert usage == Usage(in_fresh=16, out_text=75)


_TOLD = {"billed_units": {"input_tokens": 7, "output_tokens": 3}, "tokens": {"input_tokens": 9}}
_WATSONX = b"".join(
    b'data: {"results": [{"generated_token_count": %d, "input_token_count": %d}]}\n\n' % counts
    for counts in ((0, 7), (1, 0), (2, 0))
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"text": "hi", "meta": {"api_version": {"version": "1"}, **_TOLD}}, (9, 3)),
        ({"response": {"meta": {"billed_units": _TOLD["billed_units"]}}}, (7, 3)),
        ({"embeddings": [[0.5]], "meta": {"billed_units": {"input_tokens": 2}}}, (2, 0)),
        ({"output": {}, "usage": {"inputTokens": 5, "outputTokens": 4}}, (5, 4)),
        ({"generation": "hi", "prompt_token_count": 8, "generation_token_count": 1}, (8, 1)),
        ({"metrics": {"input_token_count": 2, "output_token_count": 3, "total_time": 0.5}}, (2, 3)),
        ({"num_tokens_prompt_total": 4, "num_tokens_generated": 6}, (4, 6)),
        ({"data": [], "usage": {"text_tokens": 3, "image_pixels": 9, "total_tokens": 5}}, (5, 0)),
        ({"message": {"content": []}, "usage": _TOLD}, (9, 3)),
        ({"message": {"content": "hi"}, "prompt_eval_count": 6, "eval_count": 2}, (6, 2)),
    ],
    ids=[
        *("cohere v1", "the end of its stream", "its embeddings", "nova", "llama", "replicate"),
        *("aleph-alpha", "a total and nothing else", "cohere v2", "ollama"),
    ],
)
def test_answers_that_nobody_reads_are_counted(
    body: dict[str, Any], expected: tuple[int, int]
) -> None:
    usage = stray_usage(json.dumps(body).encode())
    assert usage is not None
    assert (usage.prompt, usage.completion, usage.flags) == (*expected, ())


def test_an_interaction_is_counted_with_its_thoughts_and_tools() -> None:
    told = {
        "input_tokens_by_modality": [{"modality": "text", "tokens": 9}, {"modality": "image"}],
        "output_tokens_by_modality": [{"modality": "image", "tokens": 3}, "odd"],
        "total_input_tokens": 9,
        "total_cached_tokens": 4,
        "total_tool_use_tokens": 2,
        "total_output_tokens": 5,
        "total_thought_tokens": 7,
        "total_tokens": 23,
    }
    said = {"event_type": "interaction.completed", "interaction": {"id": "v1_a", "usage": told}}
    usage = stray_usage(b"event: interaction.completed\n" + nameless(said) + b"data: [DONE]\n\n")
    assert usage is not None
    assert (usage.in_fresh, usage.in_cached, usage.in_tool) == (5, 4, 2)
    assert (usage.out_text, usage.out_reasoning, usage.out_image) == (5, 7, 3)
    assert (usage.total, usage.flags) == (23, ())


def test_counts_among_results_are_those_so_far() -> None:
    assert stray_usage(b'{"usageMetadata":{"totalTokenCount":9,"textCount":3}}') == Usage(
        in_written_other=9
    )
    assert stray_usage(_WATSONX) == Usage(in_fresh=7, out_text=2)


def test_what_a_model_writes_counts_nothing() -> None:
    written = json.dumps({"usage": {"prompt_tokens": 9}, "meta": _TOLD, "input_token_count": 3})
    assert stray_usage(json.dumps({"text": written}).encode()) is None


def test_counts_that_are_told_twice_are_counted_once() -> None:
    """Converse repeats those of the cache as `...TokenCount`."""
    told = {"inputTokens": 3, "outputTokens": 1, "totalTokens": 16}
    told |= {"cacheReadInputTokens": 5, "cacheReadInputTokenCount": 5}
    told |= {"cacheWriteInputTokens": 7, "cacheWriteInputTokenCount": 7}
    output = {"message": {"role": "assistant", "content": []}}
    usage = counted("bedrock.converse", {"output": output, "stopReason": "end_turn", "usage": told})
    assert (usage.in_fresh, usage.in_cached, usage.in_written) == (3, 5, 7)
    assert usage.total == 16


def frames(*said: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(eventstream.event(name, json.dumps(one).encode()) for name, one in said)


def test_a_citation_of_converse_is_content() -> None:
    cited = {"citation": {"title": "A", "location": {"documentChar": {"start": 0, "end": 2}}}}
    stream = frames(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": cited}),
    )
    look = FORMATS["bedrock.converse"].look(traits=NONE, keep_usage=True, native=False)
    look.feed(stream)
    assert look.content
    reader = FORMATS["bedrock.converse"].reader(traits=NONE)
    assert any(isinstance(event, CitationAdded) for event in reader.feed(stream))


@pytest.mark.parametrize(("word", "finish"), [("function_call", "tool_calls"), ("eos", "stop")])
def test_words_of_chat_for_an_end(word: str, finish: str) -> None:
    message = {"role": "assistant", "content": "hi"}
    choice = {"index": 0, "message": message, "finish_reason": word}
    body = json.dumps({"id": "c", "choices": [choice]}).encode()
    output = FORMATS["openai.chat"].decode_response(body, traits=NONE)
    assert isinstance(output, Output)
    assert output.choices[0].finish == finish
    assert FORMATS["openai.chat"].facts(body, traits=NONE).odd_finish == ""


def test_a_tick_of_xai_is_a_ten_billionth_of_a_dollar() -> None:
    told = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    usage = counted(
        "openai.chat", {"choices": [], "usage": told | {"cost_in_usd_ticks": 37_000_000}}
    )
    assert usage.provider_cost_micros == 3_700


def test_ids_that_begin_anew_with_every_turn_are_told_apart_by_their_place() -> None:
    """Kimi."""

    def turn(answer: str) -> Sequence[dict[str, Any]]:
        function = {"name": "weather", "arguments": "{}"}
        call = {"id": "functions.weather:0", "type": "function", "function": function}
        result = {"role": "tool", "tool_call_id": "functions.weather:0", "content": answer}
        return [{"role": "assistant", "tool_calls": [call]}, result]

    messages = [{"role": "user", "content": "?"}, *turn("sun"), *turn("rain")]
    content = FORMATS["openai.chat"].decode_request(
        json.dumps({"model": "m", "messages": messages}).encode()
    )
    assert all(
        part.id == "functions.weather:0"
        for message in getattr(content, "messages", ())
        for part in message.parts
        if isinstance(part, ToolCall)
    )
    written = FORMATS["anthropic.messages"].encode_request(
        Request(model="m", content=content), features=NONE, traits=NONE
    )
    turns = json.loads(written.body)["messages"]
    calls = [turn["content"][0]["id"] for turn in turns if turn["role"] == "assistant"]
    results = [turn["content"][0] for turn in turns[1:] if turn["role"] == "user"]
    assert len({*calls}) == 2
    assert [result["tool_use_id"] for result in results] == calls
    assert [result["content"] for result in results] == ["sun", "rain"]
    assert written.dropped == ()


async def test_white_space_before_an_answer_is_forwarded_and_skipped_when_read(yard: Yard) -> None:
    """OpenRouter."""
    message = {"role": "assistant", "content": "hi"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = b"\n         \n" + json.dumps({"id": "c", "choices": [choice]}).encode()
    kind = {"content-type": "application/json"}
    yard.provider("openrouter").sends(200, kind, body).sends(200, kind, body)
    assert (await yard.chat("hi", model="openrouter/x")).body == body
    assert (await yard.messages("hi", model="openrouter/x")).text == "hi"


async def test_an_error_is_known_by_its_bytes_and_not_by_its_label(yard: Yard) -> None:
    error = {"error": {"message": "Bad voice.", "type": "invalid_request_error", "param": "voice"}}
    kind = {"content-type": "application/octet-stream"}
    yard.provider("openai").sends(400, kind, json.dumps(error).encode())
    answer = await yard.call("/v1/audio/speech", {"model": "tts-1", "input": "hi", "voice": "x"})
    assert answer.status == 400
    assert answer.error is not None
    assert "Bad voice." in answer.error["message"]


async def test_a_wish_to_wait_in_an_answer_is_not_obeyed(yard: Yard) -> None:
    """`retry-after` on a 200; it counts from 400 on."""
    message = {"role": "assistant", "content": "hi"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({"id": "c", "choices": [choice]}).encode()
    wish = {"content-type": "application/json", "retry-after": "30"}
    openai = yard.provider("openai").sends(200, wish, body).sends(200, wish, body)
    for _ in range(2):
        assert (await yard.chat("hi", model="gpt-4o")).status == 200
    assert len(openai.requests) == 2


def test_the_text_of_a_piece_is_read_once_where_it_is_told_twice() -> None:
    """Perplexity: `message` beside `delta`."""
    delta, message = {"content": "b"}, {"role": "assistant", "content": "ab"}
    choice = {"index": 0, "delta": delta, "message": message, "finish_reason": "stop"}
    stream = nameless({"id": "c", "choices": [choice]}) + b"data: [DONE]\n\n"
    said = [e.text for e in read("openai.chat", stream) if isinstance(e, TextDelta)]
    assert said == ["b"]


def test_small_numbers_in_text_are_read_before_they_are_written_anew() -> None:
    """Perplexity's embeddings: int8 in base64, although nobody asked for text."""
    rows = [{"object": "embedding", "index": 0, "embedding": b64encode(b"\x01\xff\x80").decode()}]
    body = {"object": "list", "data": rows, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    output = FORMATS["perplexity.embed"].decode_response(json.dumps(body).encode(), traits=NONE)
    pen = Pen(id="1", model="m", created=1, wants_usage=True)
    told = FORMATS["openai.embeddings"].encode_response(Response(output), pen)
    assert json.loads(told)["data"][0]["embedding"] == [1, -1, -128]


def test_sound_may_come_in_json() -> None:
    """Mistral's speech, which is a format of its own."""
    sound = b64encode(b"RIFF").decode()
    body = json.dumps({"audio_data": sound}).encode()
    output = FORMATS["mistral.speech"].decode_response(body, traits=NONE)
    pen = Pen(id="1", model="m", created=1, wants_usage=True)
    assert FORMATS["openai.speech"].encode_response(Response(output), pen) == b"RIFF"


def test_a_client_that_is_not_recognised_has_a_bad_key() -> None:
    """Bedrock's 403 `UnrecognizedClientException`: no matter of permission."""
    name = [(b"x-amzn-errortype", b"UnrecognizedClientException")]
    body = b'{"message":"The security token included in the request is invalid."}'
    for format_ in ("bedrock.converse", "bedrock.invoke"):
        assert FORMATS[format_].decode_error(403, name, body).kind == "auth"


def test_a_prompt_of_ollama_is_a_format_of_its_own() -> None:
    asked = b'{"model":"m","prompt":"hi","suffix":"!","stream":false}'
    content = FORMATS["ollama.generate"].decode_request(asked)
    assert isinstance(content, Content)
    assert content.messages[0].text == "hi"
    assert content.tie is not None, "nobody else writes before a suffix"
    answer = {"model": "m", "response": "ho", "done": True, "prompt_eval_count": 3, "eval_count": 1}
    output = FORMATS["ollama.generate"].decode_response(json.dumps(answer).encode(), traits=NONE)
    assert isinstance(output, Output)
    assert output.choices[0].message.text == "ho"
    usage = counted("ollama.generate", answer)
    assert (usage.in_fresh, usage.out_text) == (3, 1)
