"""The OpenAI-compatible family: every provider deviates a little (`wire.md` 4.11, 4.12, 14)."""

import json
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
COUNTS = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
HI = {"role": "user", "content": "hi"}


def whole(message: dict[str, Any], finish: Any = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    head = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps(head | {"choices": [choice], "usage": COUNTS} | more).encode()


def chunk(delta: dict[str, Any] | None = None, finish: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps(head | {"choices": [choice]} | more).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def thinking_of(heard: Heard) -> str:
    """What a client of Messages hears of the model's thinking."""
    if not heard.streamed:
        return "".join(block.get("thinking", "") for block in heard.json["content"])
    deltas = (event.json.get("delta", {}) for event in heard.events)
    return "".join(delta.get("thinking", "") for delta in deltas)


class TestErrors:
    async def test_a_bad_key_behind_a_400_is_no_fault_of_the_callers(self, yard: Yard) -> None:
        said = {"code": "invalid-argument", "error": "Incorrect API key provided: xa***."}
        yard.provider("xai").sends(400, JSON, json.dumps(said).encode())
        answer = await yard.chat("hi", model="grok-4")
        assert answer.status == 502
        assert answer.error is not None
        assert answer.error["stockyard"]["upstream_status"] == 400
        assert yard.last.exchange.attempts[-1].error == "auth"

    @pytest.mark.parametrize("finish", [["stop"], {"reason": "stop"}, 1, True])
    async def test_a_finish_that_is_no_word_breaks_nothing(self, yard: Yard, finish: Any) -> None:
        vllm = yard.provider("vllm").sends(200, JSON, whole({"content": "hi"}, finish))
        vllm.plays(chunk({"content": "hi"}) + chunk({}, finish) + DONE)
        assert (await yard.messages("hi", model="vllm/x")).text == "hi"
        assert (await yard.messages("hi", model="vllm/x", stream=True)).text == "hi"

    async def test_a_choice_that_failed_fails_the_answer(self, yard: Yard) -> None:
        said = json.loads(whole({"content": "a"}))
        said["choices"].append(said["choices"][0] | {"index": 1, "finish_reason": "abort"})
        yard.provider("vllm").sends(200, JSON, json.dumps(said).encode())
        assert (await yard.chat("hi", model="vllm/x", n=2)).status == 502


class TestEmptyFinish:
    """Some say `""` with every chunk until the end, some instead of the end (`wire.md` 6)."""

    PIECES = chunk({"role": "assistant", "content": "a"}, "") + chunk({"content": "b"}, "")

    async def test_a_later_word_counts(self, yard: Yard) -> None:
        yard.provider("spark").plays(self.PIECES + chunk({}, "length", usage=COUNTS) + DONE)
        answer = await yard.messages("hi", model="spark/x", stream=True)
        assert answer.text == "ab"
        assert b'"stop_reason":"max_tokens"' in answer.body

    @pytest.mark.parametrize("surface", ["chat", "messages"])
    async def test_s19_an_empty_finish_ends_no_stream_that_was_cut(
        self, yard: Yard, surface: str
    ) -> None:
        yard.provider("spark").plays(self.PIECES)
        call = yard.chat if surface == "chat" else yard.messages
        answer = await call("hi", model="spark/x", stream=True)
        assert not answer.ended
        assert answer.error is not None

    async def test_an_empty_finish_after_a_call_means_that_of_a_call(self, yard: Yard) -> None:
        call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
        yard.provider("xai").plays(chunk({"tool_calls": [call]}, "") + DONE)
        answer = await yard.messages("hi", model="grok-4", stream=True)
        assert b'"stop_reason":"tool_use"' in answer.body


class TestContentLists:
    HI = {"type": "text", "text": "hi"}  # noqa: RUF012  nobody changes it
    THOUGHTS = (
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
    )

    @pytest.mark.parametrize("thought", THOUGHTS, ids=["thinking", "summary"])
    async def test_thinking_and_text_reach_other_dialects(self, yard: Yard, thought: Any) -> None:
        said = [thought, self.HI, {"type": "reference", "reference_ids": [1]}]
        provider = yard.provider("mistral").sends(200, JSON, whole({"content": said}))
        pieces = b"".join(chunk({"content": [piece]}) for piece in said)
        provider.plays(pieces + chunk({}, "stop", usage=COUNTS) + DONE)
        for stream in (False, True):
            answer = await yard.messages("hi", model="mistral-small", stream=stream)
            assert (answer.text, thinking_of(answer)) == ("hi", "hm")


class TestFraming:
    async def test_events_without_a_blank_line_between_them_are_read(self, yard: Yard) -> None:
        """4.12, SambaNova: events may be separated by a single line end."""
        pieces = chunk({"content": "fi"}), chunk({"content": "ne"}), chunk({}, "stop", usage=COUNTS)
        stream = b"".join(piece[:-1] for piece in pieces) + b": ping\n" + DONE[:-1]
        yard.provider("sambanova").plays(stream)
        answer = await yard.stream("hi", model="sambanova/x")
        assert (answer.text, answer.ended) == ("fine", True)
        assert (await yard.messages("hi", model="sambanova/x", stream=True)).text == "fine"


class TestRequests:
    async def test_developer_is_system_for_those_who_do_not_know_it(self, yard: Yard) -> None:
        """4.1: we send `developer` only to rows with that feature."""
        asked = [{"role": "developer", "content": "Be brief."}, HI]
        knows, others = yard.provider("openai").says("a"), yard.provider("deepseek").says("b")
        await yard.chat(model="gpt-4o", messages=asked)
        await yard.chat(model="deepseek-chat", messages=asked)
        assert knows.last.fields["messages"] == asked
        assert others.last.fields["messages"] == [asked[0] | {"role": "system"}, HI]

    async def test_native_paths_keep_the_developer_role(self, yard: Yard) -> None:
        asked = [{"role": "developer", "content": "Be brief."}, HI]
        deepseek = yard.provider("deepseek").says("b")
        body = {"model": "deepseek-chat", "messages": asked}
        await yard.call("/deepseek/chat/completions", body)
        assert deepseek.last.fields["messages"] == asked

    async def test_mistral_takes_no_empty_turns_and_no_names(self, yard: Yard) -> None:
        """5.7: empty assistant messages removed, names dropped, prefill marked."""
        mistral = yard.provider("mistral").says("b")
        answer = await yard.chat(
            model="mistral-small",
            seed=7,
            messages=[
                HI | {"name": "Ada"},
                {"role": "assistant", "content": ""},
                HI,
                {"role": "assistant", "content": "The"},
            ],
        )
        assert mistral.last.fields["random_seed"] == 7
        assert mistral.last.fields["messages"] == [
            HI,
            HI,
            {"role": "assistant", "content": "The", "prefix": True},
        ]
        assert answer.headers["x-stockyard-dropped"] == "messages.name"

    async def test_fields_of_the_mistral_library_are_understood_for_all_providers(
        self, yard: Yard
    ) -> None:
        """clients.md 6: `random_seed`, `tool_choice: any`."""
        function = {"name": "f", "parameters": {"type": "object"}}
        own = yard.provider("own", kind="gemini").says("b")
        await yard.chat(
            model="own/x",
            random_seed=7,
            tool_choice="any",
            tools=[{"type": "function", "function": function}],
        )
        assert own.last.fields["generationConfig"]["seed"] == 7
        config = own.last.fields["toolConfig"]["functionCallingConfig"]
        assert config["mode"] == "ANY"


class TestPlainAnswers:
    """12.2, quirks of kind A: what no client of the format expects is said as it expects it."""

    THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}  # noqa: RUF012  never changed
    CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}  # noqa: RUF012  never changed

    async def test_a_content_list_is_a_text_with_the_thinking_beside_it(self, yard: Yard) -> None:
        said = [self.THOUGHT, {"type": "text", "text": "hi"}]
        mistral = yard.provider("mistral").sends(200, JSON, whole({"content": said}, p="ab"))
        mistral.plays(
            chunk({"content": [said[0]]}) + chunk({"content": [said[1]]}) + chunk({}, "stop") + DONE
        )
        answer = await yard.chat("hi", model="mistral-small")
        message = answer.json["choices"][0]["message"]
        assert (message["content"], message["reasoning_content"]) == ("hi", "hm")
        assert answer.json["p"] == "ab"
        stream = await yard.stream("hi", model="mistral-small")
        assert (stream.text, stream.ended) == ("hi", True)
        assert stream.events[0].json["choices"][0]["delta"]["reasoning_content"] == "hm"

    @pytest.mark.parametrize(
        ("provider", "message", "native", "finish"),
        [
            ("xai", {"tool_calls": [CALL]}, "", "tool_calls"),
            ("zai", {"content": "a"}, "sensitive", "content_filter"),
            ("zai", {"content": "a"}, "model_context_window_exceeded", "length"),
            ("mistral", {"content": "a"}, "model_length", "length"),
            ("together", {"content": "a"}, "eos", "stop"),
            ("together", {"tool_calls": [CALL]}, "eos", "tool_calls"),
        ],
    )
    async def test_a_finish_is_told_in_a_word_that_clients_know(
        self, yard: Yard, provider: str, message: Any, native: str, finish: str
    ) -> None:
        """6: other spellings."""
        scripted = yard.provider(provider).sends(200, JSON, whole(message, native))
        scripted.plays(chunk(message, native) + DONE)
        choice = (await yard.chat("hi", model=f"{provider}/x")).json["choices"][0]
        assert choice["finish_reason"] == finish
        assert choice.get("native_finish_reason", "") == native
        stream = await yard.stream("hi", model=f"{provider}/x")
        assert stream.events[0].json["choices"][0]["finish_reason"] == finish

    async def test_every_chunk_is_called_a_chunk(self, yard: Yard) -> None:
        """4.12, Perplexity: a library overlooks the last one, which has the finish."""
        last = chunk({}, "stop").replace(b"chat.completion.chunk", b"chat.completion.done")
        stream = (chunk({"content": "hi"}) + last).replace(b"\n\n", b"\r\n\r\n")
        yard.provider("perplexity").plays(stream)
        answer = await yard.stream("hi", model="sonar")
        assert {event.json["object"] for event in answer.events[:-1]} == {"chat.completion.chunk"}
        assert answer.ended

    async def test_ordinary_answers_pass_as_they_came(self, yard: Yard) -> None:
        text = 'a "content": [1] with "finish_reason":"eos"'
        answer = whole({"content": text}, "stop", p="ab")
        stream = chunk({"content": text}, p="ab") + chunk({}, "stop") + DONE
        mistral = yard.provider("mistral").sends(200, JSON, answer).plays(stream)
        assert (await yard.chat("hi", model="mistral-small")).body == answer
        heard = await yard.stream("hi", model="mistral-small")
        assert heard.body.startswith(stream.removesuffix(DONE))
        said = whole({"content": [self.THOUGHT]})
        mistral.sends(200, JSON, said)
        native = await yard.call("/mistral/v1/chat/completions", yard.body())
        assert native.body == said


class TestThinkingBack:
    """`reasoning_content_back`: a call without the thinking before it is refused."""

    @pytest.mark.parametrize("signature", ["", "made-by-another"])
    async def test_the_text_of_another_goes_back_without_its_seal(
        self, yard: Yard, signature: str
    ) -> None:
        moonshot = yard.provider("moonshot").says("ok")
        thought = {"type": "thinking", "thinking": "hm", "signature": signature}
        call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "7"}
        await yard.messages(
            model="kimi-k2-thinking",
            messages=[
                HI,
                {"role": "assistant", "content": [thought, call]},
                {"role": "user", "content": [result]},
            ],
        )
        turn = moonshot.last.fields["messages"][1]
        assert turn["reasoning_content"] == "hm"
        assert "made-by-another" not in json.dumps(moonshot.last.fields)


@pytest.mark.parametrize(
    ("provider", "last"),
    [
        ("groq", chunk({}, "stop", x_groq={"id": "r", "usage": COUNTS})),
        ("moonshot", chunk({}, "stop").replace(b'"stop"', b'"stop", "usage": %b')),
    ],
    ids=["vendor field", "in the choice"],
)
async def test_usage_reaches_a_client_that_asked_for_it_wherever_it_was_said(
    yard: Yard, provider: str, last: bytes
) -> None:
    """7.3: outward exactly one usage chunk, with no choices."""
    last = last.replace(b"%b", json.dumps(COUNTS).encode())
    yard.provider(provider).plays(chunk({"content": "hi"}) + last + DONE)
    options = {"include_usage": True}
    answer = await yard.stream("hi", model=f"{provider}/x", stream_options=options)
    told = answer.events[-2].json
    assert told["choices"] == []
    assert told["usage"].items() >= COUNTS.items()
    assert sum(bool(event.json and event.json.get("usage")) for event in answer.events) == 1
    unasked = await yard.stream("hi", model=f"{provider}/x")
    assert all(event.json["choices"] for event in unasked.events[:-1])
    assert yard.last.usage is not None
    assert yard.last.usage.total == 14


@pytest.mark.parametrize("surface", ["chat", "messages"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("word", "noted"), [("tired", True), ("eos", False), ("stop", False)])
async def test_a_finish_that_nobody_knows_is_noted(
    yard: Yard, surface: str, stream: bool, word: str, noted: bool
) -> None:
    """6: unknown reasons are a stop, with a Finding."""
    vllm = yard.provider("vllm")
    if stream:
        vllm.plays(chunk({"content": "hi"}) + chunk({}, word) + DONE)
    else:
        vllm.sends(200, JSON, whole({"content": "hi"}, word))
    ask = yard.chat if surface == "chat" else yard.messages
    answer = await ask("hi", model="vllm/x", stream=stream)
    assert answer.text == "hi"
    assert ("dispatch finish_unknown" in yard.last.findings) is noted
    if surface == "messages":
        assert b'"stop_reason":"end_turn"' in answer.body


class TestNames:
    """8, rule 7: names of tools that the format does not take are derived, and mapped back."""

    LONG = "mcp__" + "a_server_with_a_long_name__" * 3 + "a_tool"

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("name", [LONG, "server.tool"])
    async def test_a_tool_is_called_as_its_client_calls_it(
        self, yard: Yard, name: str, stream: bool
    ) -> None:
        openai = yard.provider("openai")
        call = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "7"}
        asked: dict[str, Any] = {
            "model": "gpt-4o",
            "tools": [{"name": name, "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "tool", "name": name},
            "messages": [
                HI,
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [result]},
            ],
        }
        openai.says("first")
        await yard.messages(**asked)
        fields = openai.last.fields
        sent = fields["tools"][0]["function"]["name"]
        assert len(sent) <= 64
        assert sent.replace("_", "").isalnum()
        assert fields["tool_choice"]["function"]["name"] == sent
        assert fields["messages"][1]["tool_calls"][0]["function"]["name"] == sent
        openai.calls_tool(sent, {"a": 1})
        answer = await yard.messages(**asked, stream=stream)
        assert b'"name":"%b"' % name.encode() in answer.body

    async def test_clients_of_the_format_itself_name_tools_as_they_like(self, yard: Yard) -> None:
        vllm = yard.provider("vllm").says("ok")
        tool = {"type": "function", "function": {"name": "server.tool"}}
        await yard.chat(model="vllm/x", tools=[tool])
        assert vllm.last.fields["tools"] == [tool]
