"""Names that a target takes for no tool are derived, and named back (`wire.md` 8, rule 7)."""

import json
import re
from typing import Any

import pytest

from stockyard.core.events import PartStarted
from stockyard.core.folding import unfold
from stockyard.core.messages import Message, ToolCall
from stockyard.core.request import Request
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Codec, Pen, Renames
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="m", created=1, wants_usage=True)
ACCEPTED = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What all of these take; one of them takes more."""
NAMES = ("files.read/one", "wetter_für_morgen", "a" * 70, "1st", "plain")
STRICT = (
    "openai.chat",
    "openai.responses",
    "anthropic.messages",
    "bedrock.converse",
    "bedrock.invoke",
)


def question(*, declared: bool) -> bytes:
    """What an Ollama client asks, whose tools may have any name."""
    calls = [{"function": {"name": name, "arguments": {}}} for name in NAMES]
    results = [{"role": "tool", "tool_name": name, "content": "done"} for name in NAMES]
    asked: dict[str, Any] = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": "", "tool_calls": calls},
            *results,
        ],
    }
    if declared:
        schema = {"type": "object", "properties": {}}
        asked["tools"] = [
            {"type": "function", "function": {"name": name, "parameters": schema}} for name in NAMES
        ]
    return json.dumps(asked).encode()


def codec_for(target: str, asked: bytes) -> tuple[Codec, list[str]]:
    """The target's codec for these tools, and the names in the request that it writes."""
    content = FORMATS["ollama.chat"].decode_request(asked)
    codec = FORMATS[target]
    assert isinstance(codec, Renames)
    codec = codec.answering(content)  # type: ignore[arg-type]  # it is a chat
    written = codec.encode_request(
        Request(model="m", content=content), features=NONE, traits=NONE
    ).body
    return codec, list(dict.fromkeys(_names(json.loads(written))))


def _names(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in _names(item)]
    if not isinstance(value, dict):
        return []
    own = [value["name"]] if isinstance(value.get("name"), str) else []
    return own + [name for item in value.values() for name in _names(item)]


@pytest.mark.parametrize("target", STRICT)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "only called"])
def test_no_name_goes_out_that_the_target_refuses(target: str, declared: bool) -> None:
    _, names = codec_for(target, question(declared=declared))
    assert [name for name in names if not ACCEPTED.fullmatch(name)] == []
    if declared or target != "bedrock.converse":  # where calls without tools are told as text
        assert len(names) == len(NAMES)
        assert names[-1] == "plain"


@pytest.mark.parametrize("target", STRICT)
@pytest.mark.parametrize("position", range(len(NAMES)))
def test_the_client_hears_the_name_that_it_gave(target: str, position: int) -> None:
    codec, names = codec_for(target, question(declared=True))
    call = ToolCall(id="call_1", name=names[position], arguments="{}")
    said = Message(role="assistant", parts=(call,))
    answer = Output(id="1", model="m", choices=(Choice(message=said, finish="tool_calls"),))

    whole = codec.decode_response(
        FORMATS[target].encode_response(Response(answer), PEN), traits=NONE
    )
    assert isinstance(whole, Output)
    assert [p.name for p in whole.choices[0].message.parts if isinstance(p, ToolCall)] == [
        NAMES[position]
    ]

    writer, reader = FORMATS[target].writer(PEN), codec.reader(traits=NONE)
    stream = writer.write(unfold(answer, None)) + writer.end()
    events = reader.feed(stream) + reader.end()
    assert [e.name for e in events if isinstance(e, PartStarted) and e.kind == "tool_call"] == [
        NAMES[position]
    ]
