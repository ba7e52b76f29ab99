"""Replacing single values in a body and nothing else."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stockyard.wire.formats import FORMATS
from stockyard.wire.splice import ask_for_usage, replace_text

NAMES = st.sampled_from(
    ["model", "stream_options", "include_usage", "messages", "x", "é", 'q"', "\\"]
)
BLANKS = st.sampled_from(["", " ", "\n\t", "\r\n  "])
PLAIN = ["1", "-0.10", "1e3", "true", "null", "[]", "{}"]
QUOTED = ['"model"', '"\\"model\\":"', '"\\u00e9\\n"', '"{,}"']
LEAVES = st.sampled_from(PLAIN + QUOTED)


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    """JSON text in any spelling, with the names we look for inside."""
    kind = draw(st.integers(0, 3)) if depth else 0
    if kind == 1:
        items = [draw(values(depth=depth - 1)) for _ in range(draw(st.integers(0, 3)))]
        return "[" + draw(BLANKS) + ",".join(items) + "]"
    if kind == 2:
        return draw(members(depth=depth - 1))
    return draw(LEAVES)


@st.composite
def members(draw: st.DrawFn, depth: int, fixed: dict[str, str] | None = None) -> str:
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    fields = {name: draw(values(depth=depth)) for name in names}
    fields |= fixed or {}
    order = draw(st.permutations(list(fields)))
    parts = [
        "".join(
            (
                draw(BLANKS),
                json.dumps(name, ensure_ascii=False),
                draw(BLANKS) + ":" + draw(BLANKS),
                fields[name] + draw(BLANKS),
            )
        )
        for name in order
    ]
    return "{" + ",".join(parts) + ("" if parts else draw(BLANKS)) + "}"


OPTIONS = st.one_of(st.just("null"), members(depth=1))


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    model = draw(st.sampled_from(['"gpt"', '"a/b"', '"\\u0061\\"b"', '"é"']))
    fixed = {"model": model, "messages": draw(values(depth=2)), "stream_options": draw(OPTIONS)}
    if draw(st.booleans()):
        del fixed["stream_options"]
    text = draw(BLANKS) + draw(members(depth=2, fixed=fixed)) + draw(BLANKS)
    said: Any = json.loads(text)
    if not isinstance(said.get("stream_options", {}), dict | None):
        said = None
    padding = " " * draw(st.sampled_from([0, 20_000]))
    return (text + padding).encode()


@given(bodies(), st.sampled_from(["other", 'a"b\\', "ü"]))
def test_only_the_model_changes(body: bytes, model: str) -> None:
    spliced = replace_text(body, "model", model)
    assert json.loads(spliced) == {**json.loads(body), "model": model}
    written = json.dumps(model, ensure_ascii=False).encode()
    places = [i for i in range(len(spliced)) if spliced.startswith(written, i)]
    cut = len(body) - (len(spliced) - len(written))
    assert any(
        spliced[:i] + body[i : i + cut] + spliced[i + len(written) :] == body for i in places
    )


@given(bodies())
def test_only_the_wish_for_usage_changes(body: bytes) -> None:
    said = json.loads(body)
    spliced = ask_for_usage(body)
    options = said.get("stream_options")
    earlier = options if isinstance(options, dict) else {}
    assert json.loads(spliced) == {**said, "stream_options": {**earlier, "include_usage": True}}


def test_repeated_names_inside_nested_objects_are_untouched() -> None:
    body = b'{"tools":[{"model":1,"model":2}],"model" : "a" ,"n":1.50}'
    spliced = FORMATS["openai.chat"].splice_request(body, model="b", include_usage=False)
    assert spliced == b'{"tools":[{"model":1,"model":2}],"model" : "b" ,"n":1.50}'


def test_messages_has_no_wish_for_usage() -> None:
    body = b'{"model":"a","messages":[]}'
    messages = FORMATS["anthropic.messages"]
    assert messages.splice_request(body, model=None, include_usage=True) == body
    spliced = messages.splice_request(body, model="b", include_usage=True)
    assert spliced == b'{"model":"b","messages":[]}'
