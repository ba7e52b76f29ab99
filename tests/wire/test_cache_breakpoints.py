"""Marks for prompt caches towards models of OpenAI's that take their own (`wire.md` 5.4)."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.providers.row import shipped_rows
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
TAKES = frozenset({"cache_breakpoints"})
MARK = {"type": "ephemeral"}
LONG = {"type": "text", "text": "Long.", "cache_control": MARK}
OPENAI = ("openai.chat", "openai.responses")


def written(target: str, traits: frozenset[str], **more: Any) -> tuple[Any, tuple[str, ...]]:
    turn = {"role": "user", "content": [{"type": "text", "text": "Hi."}]}
    asked = {"model": "m", "max_tokens": 100, "messages": [turn], **more}
    content = FORMATS["anthropic.messages"].decode_request(json.dumps(asked).encode())
    request = Request(model="m", content=content)
    done = FORMATS[target].encode_request(request, features=NONE, traits=traits)
    return json.loads(done.body), done.dropped


@pytest.mark.parametrize("target", OPENAI)
def test_nothing_is_lost_where_the_model_takes_them(target: str) -> None:
    body, dropped = written(target, TAKES, messages=[{"role": "user", "content": [LONG]}])
    assert dropped == ()
    [message] = body["messages" if target == "openai.chat" else "input"]
    assert message["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}


@pytest.mark.parametrize("target", OPENAI)
def test_other_models_get_no_field_that_they_do_not_know(target: str) -> None:
    body, dropped = written(target, NONE, messages=[{"role": "user", "content": [LONG]}])
    assert dropped == ("cache_control",)
    assert "prompt_cache_breakpoint" not in json.dumps(body)


@pytest.mark.parametrize("target", OPENAI)
@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": MARK}]},
        {
            "messages": [
                {"role": "user", "content": "Go."},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "tool_use", "id": "a", "name": "f", "input": {}}
                        | {"cache_control": MARK}
                    ],
                },
            ]
        },
    ],
    ids=["tool", "call"],
)
def test_a_mark_that_has_no_place_is_told(target: str, more: dict[str, Any]) -> None:
    assert written(target, TAKES, **more)[1] == ("cache_control",)


@pytest.mark.parametrize("target", OPENAI)
def test_a_mark_for_all_of_it_is_the_usual_thing(target: str) -> None:
    body, dropped = written(target, TAKES, cache_control=MARK)
    assert dropped == ()
    assert "prompt_cache" not in json.dumps(body)


@pytest.mark.parametrize("target", ["anthropic.messages", "bedrock.converse"])
@pytest.mark.parametrize(
    ("asked", "told"), [("30m", "1h"), ("12h", "1h"), (None, None), ("7d", None)]
)
def test_it_is_kept_at_least_as_long_where_that_can_be_said(
    target: str, asked: str | None, told: str | None
) -> None:
    mark = {"mode": "explicit", **({"ttl": asked} if asked else {})}
    part = {"type": "text", "text": "Long.", "prompt_cache_breakpoint": mark}
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    content = FORMATS["openai.chat"].decode_request(json.dumps(body).encode())
    request = Request(model="m", content=content)
    done = FORMATS[target].encode_request(request, features=NONE, traits=NONE)
    assert done.dropped == ()
    [message] = json.loads(done.body)["messages"]
    last = message["content"][-1]
    assert last.get("cache_control", last.get("cachePoint")).get("ttl") == told


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("gpt-5.5", False),
        ("gpt-5.6", True),
        ("gpt-5.6-sol", True),
        ("gpt-6-astra", True),
        ("gpt-6.1-sol", True),
        ("gpt-4o", False),
        ("gpt-5", False),
    ],
)
def test_models_since_5_6_take_them(model: str, takes: bool) -> None:
    traits = shipped_rows()["openai"].model_traits.items()
    assert any(fnmatchcase(model, glob) for glob, said in traits if TAKES & {*said}) is takes


def test_a_mark_with_words_of_its_own_goes_back_as_it_came() -> None:
    mark = {"type": "ephemeral", "ttl": "1h", "scope": "turn"}
    marked = {"type": "text", "text": "hi", "cache_control": mark}
    tool = {"name": "f", "input_schema": {"type": "object"}, "cache_control": mark}
    said = {"type": "search_result", "source": "s", "title": "t", "content": []}
    body = {
        "model": "m",
        "max_tokens": 9,
        "cache_control": mark,
        "system": [marked],
        "messages": [{"role": "user", "content": [marked, said | {"cache_control": mark}]}],
        "tools": [tool],
    }
    codec, none = FORMATS["anthropic.messages"], frozenset[str]()
    request = Request(model="m", content=codec.decode_request(json.dumps(body).encode()))
    written = codec.encode_request(request, features=none, traits=none)
    assert json.loads(written.body) == body
