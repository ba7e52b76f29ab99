"""What Converse demands of a request, and refuses otherwise (`wire.md` 4.7)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.messages import (
    AnyPart,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.core.request import Content, ReasoningWish, Request, Tool, ToolChoice
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.anthropic_messages.turns import TURN
from stockyard.wire.bedrock_converse.codec import ConverseCodec
from stockyard.wire.codec import Dropped
from stockyard.wire.formats import FORMATS

CODEC = ConverseCodec()
NONE: frozenset[str] = frozenset()
WEATHER = Tool(name="weather", description="Of a city.", schema={"type": "object"})
LONG = "github.com/search repositories " + "x" * 64


def written(content: Content, *traits: str) -> Dropped:
    request = Request(model="m", content=content)
    return CODEC.encode_request(request, features=NONE, traits=frozenset(traits))


def body(content: Content, *traits: str) -> Any:
    return json.loads(written(content, *traits).body)


def user(*parts: AnyPart | str) -> Message:
    return Message(
        role="user", parts=tuple(Text(text=p) if isinstance(p, str) else p for p in parts)
    )


def assistant(*parts: AnyPart | str) -> Message:
    said = tuple(Text(text=p) if isinstance(p, str) else p for p in parts)
    return Message(role="assistant", parts=said)


def result(call_id: str, *parts: AnyPart, is_error: bool = False) -> Message:
    answered = ToolResult(call_id=call_id, parts=parts, is_error=is_error)
    return Message(role="tool", parts=(answered,))


def turns(*messages: Message, traits: tuple[str, ...] = (), **fields: Any) -> Any:
    return body(Content(messages=messages, **fields), *traits)["messages"]


class TestTurns:
    def test_turns_of_one_role_are_merged(self) -> None:
        said = turns(user("a"), user("b"), assistant("c"), assistant("d"), user("e"))
        assert [(turn["role"], len(turn["content"])) for turn in said] == [
            ("user", 2),
            ("assistant", 2),
            ("user", 1),
        ]

    def test_all_results_of_a_turn_come_first_in_one_turn_of_the_user(self) -> None:
        calls = assistant(ToolCall(id="a", name="x"), ToolCall(id="b", name="y"))
        said = turns(user("?"), calls, result("a", Text(text="1")), user("and"), result("b"))
        assert [list(block)[0] for block in said[2]["content"]] == [  # noqa: RUF015  its one key
            "toolResult",
            "toolResult",
            "text",
        ]
        assert said[2]["content"][1]["toolResult"]["content"] == [{"text": "."}]

    def test_a_result_is_given_once_and_only_for_a_call(self) -> None:
        call = assistant(ToolCall(id="a", name="x"))
        messages = (user("?"), call, result("a"), result("a"), result("nobody"))
        wrote = written(Content(messages=messages))
        assert len(json.loads(wrote.body)["messages"][2]["content"]) == 1
        assert "messages.tool_call_id:nobody" in wrote.dropped

    @pytest.mark.parametrize("text", ["", " ", "\n\t"])
    def test_blank_text_is_left_out(self, text: str) -> None:
        assert turns(user(text, "a")) == [{"role": "user", "content": [{"text": "a"}]}]
        assert turns(user("a"), assistant(text), user("b"))[0]["content"][1] == {"text": "b"}

    def test_the_first_turn_is_the_users(self) -> None:
        assert [turn["role"] for turn in turns(assistant("hi"))] == ["user", "assistant"]

    @pytest.mark.parametrize("format_", ["anthropic.messages", "bedrock.converse"])
    def test_a_turn_of_the_system_of_which_nothing_is_left_is_left_out(self, format_: str) -> None:
        added = Opaque(format="another", value={"type": "tool_addition"})
        note = Message(role="system", parts=(added,), shape=TURN)
        content = Content(messages=(user("a"), assistant("b"), user("c"), note))
        wrote = FORMATS[format_].encode_request(
            Request(model="m", content=content), features=NONE, traits=NONE, max_output=9
        )
        turns_of = [turn["role"] for turn in json.loads(wrote.body)["messages"]]
        assert turns_of == ["user", "assistant", "user"]
        assert "messages.content.opaque" in wrote.dropped

    def test_a_word_of_the_system_in_between_goes_into_the_next_turn(self) -> None:
        system = Message(role="system", parts=(Text(text="Be brief."),))
        said = turns(user("a"), assistant("b"), system, user("c"))
        assert said[2]["content"][0] == {"text": "<system>\nBe brief.\n</system>"}


class TestTools:
    HISTORY = (user("?"), assistant(ToolCall(id="a", name="x", arguments='{"n":1}')), result("a"))

    def test_without_tools_calls_are_told_as_text(self) -> None:
        said = turns(*self.HISTORY, traits=("tool_config_with_history",))
        assert said[1]["content"] == [{"text": '[Called x with {"n":1}]'}]
        assert said[2]["content"] == [{"text": "[x answered: ]"}]

    def test_or_a_tool_that_does_nothing_is_offered(self) -> None:
        content = Content(messages=self.HISTORY)
        wrote = body(content, "tool_config_with_history:inert")
        assert wrote["toolConfig"]["tools"][0]["toolSpec"]["name"] == "no_tool"
        assert "toolUse" in wrote["messages"][1]["content"][0]

    def test_a_choice_of_none_offers_no_tools(self) -> None:
        content = Content(
            messages=self.HISTORY, tools=(WEATHER,), tool_choice=ToolChoice(mode="none")
        )
        wrote = body(content, "tool_config_with_history")
        assert "toolConfig" not in wrote
        assert "toolUse" not in str(wrote)

    def test_an_empty_description_is_left_out(self) -> None:
        wrote = body(Content(messages=(user("?"),), tools=(Tool(name="x", description=""),)))
        assert wrote["toolConfig"]["tools"] == [
            {
                "toolSpec": {
                    "name": "x",
                    "inputSchema": {"json": {"type": "object", "properties": {}}},
                }
            }
        ]

    def test_a_name_that_is_not_accepted_is_derived_everywhere_and_mapped_back(self) -> None:
        call = assistant(ToolCall(id="a", name=LONG))
        content = Content(
            messages=(user("?"), call, result("a")),
            tools=(Tool(name=LONG), WEATHER),
            tool_choice=ToolChoice(mode="named", names=(LONG,)),
        )
        wrote = body(content)
        name = wrote["toolConfig"]["tools"][0]["toolSpec"]["name"]
        assert len(name) <= 64
        assert name.replace("-", "_").isidentifier()
        assert wrote["toolConfig"]["toolChoice"] == {"tool": {"name": name}}
        assert wrote["messages"][1]["content"][0]["toolUse"]["name"] == name

        said = {"toolUse": {"toolUseId": "b", "name": name, "input": {}}}
        answer = {"output": {"message": {"content": [said]}}, "stopReason": "tool_use"}
        codec = CODEC.answering(content)
        output = codec.decode_response(json.dumps(answer).encode(), traits=NONE)
        (part,) = output.choices[0].message.parts
        assert isinstance(part, ToolCall)
        assert part.name == LONG

    def test_names_that_are_accepted_need_no_other_codec(self) -> None:
        assert CODEC.answering(Content(tools=(WEATHER,))) is CODEC

    @pytest.mark.parametrize("call_id", ["", "id with blank", "x" * 65])
    def test_ids_that_are_not_accepted_are_derived(self, call_id: str) -> None:
        call = assistant(ToolCall(id=call_id, name="x"))
        said = turns(user("?"), call, result(call_id))
        derived = said[1]["content"][0]["toolUse"]["toolUseId"]
        assert derived.startswith("tooluse_")
        assert said[2]["content"][0]["toolResult"]["toolUseId"] == derived


class TestMedia:
    PDF = Document(data="JVBERi0=", media_type="application/pdf", name="Q3 report.final.pdf")

    def test_a_document_has_text_beside_it(self) -> None:
        assert turns(user(self.PDF))[0]["content"][1] == {"text": "."}

    def test_documents_have_names_of_their_own(self) -> None:
        blocks = turns(user("?", self.PDF, self.PDF))[0]["content"]
        names = [block["document"]["name"] for block in blocks if "document" in block]
        assert names == ["Q3 report final pdf", "Q3 report final pdf-1"]

    def test_or_neutral_ones(self) -> None:
        traits = ("document_name_neutral",)
        blocks = turns(user("?", self.PDF, self.PDF), traits=traits)[0]["content"]
        names = [block["document"]["name"] for block in blocks if "document" in block]
        assert names == ["document-1", "document-2"]

    def test_what_an_image_really_is_counts(self) -> None:
        jpeg = Image(data="/9j/4AAQ", media_type="image/png")
        assert turns(user("?", jpeg))[0]["content"][1]["image"]["format"] == "jpeg"

    def test_an_image_elsewhere_cannot_be_said(self) -> None:
        content = Content(messages=(user("?", Image(url="https://example.com/a.png")),))
        assert written(content).dropped == ("messages.content.image",)

    def test_a_bucket_can(self) -> None:
        image = Image(file_id="s3://bucket/a.png", media_type="image/png")
        source = turns(user("?", image))[0]["content"][1]["image"]["source"]
        assert source == {"s3Location": {"uri": "s3://bucket/a.png"}}


class TestModels:
    def content(self, **fields: Any) -> Content:
        return Content(messages=(user("?"),), **fields)

    def test_thinking_is_asked_for_in_the_models_own_words(self) -> None:
        wish = ReasoningWish(effort="high")
        claude = body(self.content(reasoning=wish, temperature=0.2), "messages_fields")
        assert claude["additionalModelRequestFields"] == {
            "thinking": {"type": "enabled", "budget_tokens": 4096}
        }
        assert claude["inferenceConfig"] == {"maxTokens": 8192}, "above the budget, no temperature"
        adaptive = body(self.content(reasoning=wish), "messages_fields", "adaptive_thinking")
        assert adaptive["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
        assert adaptive["outputConfig"] == {"effort": "high"}
        nova = body(self.content(reasoning=wish), "reasoning_config")
        assert nova["additionalModelRequestFields"] == {
            "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}
        }
        assert written(self.content(reasoning=wish)).dropped == ("reasoning_effort",)

    def test_thinking_gives_way_to_a_forced_tool(self) -> None:
        content = self.content(
            reasoning=ReasoningWish(effort="high"),
            tools=(WEATHER,),
            tool_choice=ToolChoice(mode="required"),
            parallel_tools=False,
        )
        wrote = written(content, "messages_fields")
        assert wrote.dropped == ("reasoning_effort",)
        assert json.loads(wrote.body)["additionalModelRequestFields"] == {
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True}
        }

    @pytest.mark.parametrize(
        ("trait", "fields"),
        [
            ("messages_fields", {"top_k": 5}),
            ("nested_top_k", {"inferenceConfig": {"topK": 5}}),
        ],
    )
    def test_top_k_is_an_additional_field(self, trait: str, fields: dict[str, Any]) -> None:
        assert body(self.content(top_k=5), trait)["additionalModelRequestFields"] == fields

    @pytest.mark.parametrize(
        ("said", "top_k", "wish"),
        [
            ({"top_k": 5}, 5, None),
            ({"inferenceConfig": {"topK": 5}}, 5, None),
            (
                {"thinking": {"type": "enabled", "budget_tokens": 2048}},
                None,
                ReasoningWish(mode="enabled", budget=2048),
            ),
            ({"thinking": {"type": "disabled"}}, None, ReasoningWish(mode="disabled")),
            (
                {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
                None,
                ReasoningWish(effort="low"),
            ),
        ],
    )
    def test_what_others_know_of_these_fields_is_read(
        self, said: dict[str, Any], top_k: int | None, wish: ReasoningWish | None
    ) -> None:
        asked = {"messages": [], "inferenceConfig": {"maxTokens": 9000}}
        asked["additionalModelRequestFields"] = said
        content = CODEC.decode_request(json.dumps(asked).encode())
        assert (content.top_k, content.reasoning) == (top_k, wish)
        assert content.extra == {"bedrock.converse": {}} or not content.extra
        assert body(content)["additionalModelRequestFields"] == said, "for any model, as it came"

    @pytest.mark.parametrize(
        "said",
        [
            {"top_k": "many"},
            {"top_k": True},
            {"inferenceConfig": {"topK": 5, "more": 1}},
            {"thinking": {"type": "enabled", "budget_tokens": "all"}},
            {"thinking": {"type": "enabled", "display": "omitted"}},
            {"thinking": 5},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "most"}},
            {"anthropic_beta": ["context-1m-2025-08-07"]},
            [],
            "thinking",
        ],
    )
    def test_what_nobody_else_knows_stays_as_it_is(self, said: Any) -> None:
        asked = {"messages": [], "additionalModelRequestFields": said}
        content = CODEC.decode_request(json.dumps(asked).encode())
        assert (content.top_k, content.reasoning) == (None, None)
        assert body(content)["additionalModelRequestFields"] == said

    def test_some_take_no_settings_of_sampling(self) -> None:
        wrote = written(self.content(temperature=0.1, top_p=0.2), "no_sampling")
        assert set(wrote.dropped) == {"temperature", "top_p"}
        assert "inferenceConfig" not in json.loads(wrote.body)

    def test_some_take_no_forced_tools(self) -> None:
        choice = ToolChoice(mode="named", names=("weather",))
        wrote = written(self.content(tools=(WEATHER,), tool_choice=choice), "no_forced_tools")
        assert wrote.dropped == ("tool_choice",)
        assert json.loads(wrote.body)["toolConfig"]["toolChoice"] == {"auto": {}}

    def test_thinking_of_another_format_is_never_sent(self) -> None:
        foreign = Reasoning(text="Hm.", signature="s", made_by="anthropic.messages")
        own = Reasoning(text="Hm.", signature="s", made_by="bedrock.converse")
        said = turns(user("?"), assistant(foreign, own, "4"), user("why?"))
        thinking = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}
        assert said[1]["content"] == [thinking, {"text": "4"}]


OWN_TOOL = {"toolUse": {"toolUseId": "t", "name": "run", "input": {}, "type": "server_tool_use"}}
OWN_RESULT = {"toolResult": {"toolUseId": "t", "content": [{"text": "2"}], "type": "run_result"}}


@pytest.mark.parametrize(
    "blocks", [[OWN_TOOL, OWN_RESULT], [{"toolUse": {"name": "x"}, "new": 1}], [{"new": 1}]]
)
def test_only_calls_that_wait_for_the_client_want_a_result(blocks: list[Any]) -> None:
    """The provider's own tools have answered in the same turn already."""
    said = [
        {"role": "user", "content": [{"text": "1 + 1?"}]},
        {"role": "assistant", "content": [*blocks, {"text": "2"}]},
        {"role": "user", "content": [{"text": "and 2 + 2?"}]},
    ]
    content = CODEC.decode_request(json.dumps({"messages": said}).encode())
    assert body(content)["messages"] == said


@pytest.mark.parametrize("value", [{"a": 1}, -3, "-3", [1], None, True])
def test_a_result_in_json_stays_the_value_it_is(value: object) -> None:
    call = {"toolUse": {"toolUseId": "t", "name": "subtract", "input": {}}}
    said = [
        {"role": "user", "content": [{"text": "2 - 5?"}]},
        {"role": "assistant", "content": [call]},
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "t", "content": [{"json": value}]}}],
        },
    ]
    tools = [{"toolSpec": {"name": "subtract", "inputSchema": {"json": {"type": "object"}}}}]
    asked = {"messages": said, "toolConfig": {"tools": tools}}
    content = CODEC.decode_request(json.dumps(asked).encode())
    assert body(content)["messages"] == said


WORDS = (
    "role content text toolUse toolResult toolUseId name input status image format source bytes",
    "document cachePoint type ttl reasoningContent reasoningText signature redactedContent",
    "citationsContent citations video audio s3Location uri json",
)
KEYS = st.sampled_from(" ".join(WORDS).split())
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(JSON_VALUES, max_size=2))
def test_odd_requests_are_read_or_refused(contents: list[Any]) -> None:
    roles = ("assistant", "user")
    messages = [{"role": r, "content": c} for r, c in zip(roles, contents, strict=False)]
    given_body = json.dumps({"messages": messages, "toolConfig": {}}).encode()
    try:
        content = CODEC.decode_request(given_body)
    except Refused as refused:
        assert refused.status == 400  # noqa: PT017  either of the two is right
        return
    body(content)


@given(JSON_VALUES, JSON_VALUES)
def test_odd_answers_are_read_or_are_errors(content: Any, usage: Any) -> None:
    answer = {"output": {"message": {"role": "assistant", "content": content}}, "usage": usage}
    given_body = json.dumps(answer).encode()
    try:
        CODEC.facts(given_body, traits=NONE)
        CODEC.decode_response(given_body, traits=NONE)
    except UpstreamError as error:
        assert error.kind == "bad_answer"  # noqa: PT017  either of the two is right


@pytest.mark.parametrize("odd", [None, {}, {"name": None}])
def test_an_odd_document_is_left_for_the_provider_to_judge(odd: object) -> None:
    body = {"messages": [{"role": "user", "content": [{"document": odd}]}]}
    content = ConverseCodec().decode_request(json.dumps(body).encode())
    written = ConverseCodec().encode_request(
        Request(model="m", content=content), features=frozenset(), traits=frozenset()
    )
    assert json.loads(written.body)["messages"][0]["content"][0] == {"document": odd}
