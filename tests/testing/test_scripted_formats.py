"""Every format that a scripted provider speaks is read as what was said, whole and streamed."""

import json

import pytest

from stockyard.core.folding import fold
from stockyard.core.messages import Reasoning, ToolCall
from stockyard.core.response import Output
from stockyard.testing.formats import FORMATS, Format, format_of
from stockyard.testing.turn import Failure, Turn, Usage, tool_call
from stockyard.wire import formats as wire

NONE = frozenset[str]()
TURNS = {
    "text": Turn(pieces=("hel", "lo")),
    "thinking": Turn(pieces=("hello",), reasoning=("hm", "m")),
    "calls": Turn(tools=(tool_call(0, "weather", {"city": "Köln"}), tool_call(1, "time", {}))),
    "text and a call": Turn(pieces=("so",), tools=(tool_call(0, "weather", {"city": "x"}),)),
}
UNCACHED = frozenset({"ollama.chat"})
"""Formats that do not tell what was cached."""
ONLY_TEXT = {"openai.completions"}
"""Formats that have no word for anything else."""
every_format = pytest.mark.parametrize("spoken", FORMATS, ids=lambda f: f.name)
every_turn = pytest.mark.parametrize(
    ("spoken", "turn"),
    [
        pytest.param(spoken, turn, id=f"{spoken.name} {name}")
        for spoken in FORMATS
        for name, turn in TURNS.items()
        if name == "text" or spoken.name not in ONLY_TEXT
    ],
)


def check(output: Output, turn: Turn) -> None:
    message = output.choices[0].message
    calls = [p for p in message.parts if isinstance(p, ToolCall)]
    thoughts = [p for p in message.parts if isinstance(p, Reasoning)]
    assert message.text == turn.text
    assert [(c.name, json.loads(c.arguments or "{}")) for c in calls] == [
        (tool.name, json.loads(tool.arguments)) for tool in turn.tools
    ]
    said = "".join(t.text or "".join(t.summary) for t in thoughts)
    assert said == "".join(turn.reasoning)
    assert output.choices[0].finish == ("tool_calls" if turn.tools else "stop")


@every_turn
def test_whole(spoken: Format, turn: Turn) -> None:
    codec, body = wire.FORMATS[spoken.name], spoken.speaker.whole(turn, {"model": "m"})
    output = codec.decode_response(body, traits=NONE)
    assert isinstance(output, Output)
    check(output, turn)
    usage = codec.facts(body, traits=NONE).usage
    assert usage is not None
    assert (usage.prompt, usage.completion) == (9, 12)


@every_turn
def test_streamed(spoken: Format, turn: Turn) -> None:
    asking = {"model": "m", "stream_options": {"include_usage": True}}
    frames = spoken.speaker.frames(turn, asking, counts_unasked=False)
    reader = wire.FORMATS[spoken.name].reader(traits=NONE)
    output, usage = fold(
        [*(event for frame in frames for event in reader.feed(frame.data)), *reader.end()]
    )
    check(output, turn)
    assert usage is not None
    assert (usage.prompt, usage.completion) == (9, 12)


@every_format
def test_counts_may_be_left_out(spoken: Format) -> None:
    body = spoken.speaker.whole(Turn(pieces=("hello",), usage=None), {"model": "m"})
    assert wire.FORMATS[spoken.name].facts(body, traits=NONE).usage is None


@every_format
def test_cached_counts_are_inside_the_prompt(spoken: Format) -> None:
    body = spoken.speaker.whole(Turn(pieces=("hello",), usage=Usage(9, 12, 4)), {"model": "m"})
    usage = wire.FORMATS[spoken.name].facts(body, traits=NONE).usage
    assert usage is not None
    assert (usage.prompt, usage.in_cached) == (9, 0 if spoken.name in UNCACHED else 4)


@every_format
def test_errors_are_understood(spoken: Format) -> None:
    body = spoken.speaker.error_body(Failure(429, "slow down"))
    error = wire.FORMATS[spoken.name].decode_error(429, [], body)
    assert (error.kind, error.message) == ("rate_limited", "slow down")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "openai.chat"),
        ("/v1/responses", "openai.responses"),
        ("/v1/messages", "anthropic.messages"),
        ("/v1beta/models/m:streamGenerateContent", "gemini"),
        ("/v2/chat", "cohere.chat"),
        ("/api/chat", "ollama.chat"),
        ("/api/generate", "ollama.chat"),
    ],
)
def test_the_path_decides(path: str, name: str) -> None:
    found = format_of(path)
    assert found is not None
    assert found.name == name
