"""The folders in `cases`: one per feature, one file per format, all saying the same.

A file holds a `request` or a `response`; an answer that is a `failure`; or a `question`, how long a
request is. Where a translation loses something on the way, the files
name the one direction that holds in `translates_from`. A model that is written to has the `traits`
of its file.
"""

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from stockyard.core.events import Event
from stockyard.core.folding import fold, unfold
from stockyard.core.messages import AnyPart, Reasoning, ToolCall
from stockyard.core.request import Request
from stockyard.core.response import Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.formats import FORMATS
from tests.without_nulls import without_nulls

CASES = pathlib.Path(__file__).parent / "cases"
FOLDERS = {
    "openai_chat": "openai.chat",
    "anthropic_messages": "anthropic.messages",
    "openai_responses": "openai.responses",
    "openai_completions": "openai.completions",
    "gemini": "gemini",
    "cohere_chat": "cohere.chat",
    "ollama_chat": "ollama.chat",
    "ollama_generate": "ollama.generate",
    "bedrock_converse": "bedrock.converse",
}
COUNTERS = {
    "anthropic_count": "anthropic.count",
    "openai_input_tokens": "openai.input_tokens",
    "gemini_count": "gemini.count",
}
FEATURES = frozenset({"developer_role"})
NONE: frozenset[str] = frozenset()
FINISH = rb'(?:_r|R)eason":"|event: response\.(?:completed|incomplete)\n'
LINES = b'"done":true'
"""What stands at the end of streams whose events are lines."""
"""What stands in the event that tells why an answer ended."""


def files() -> Iterator[pathlib.Path]:
    for path in sorted(CASES.glob("*/*.json")):
        if path.stem in FOLDERS and "failure" not in json.loads(path.read_text()):
            yield path


def with_a(kind: str) -> list[pathlib.Path]:
    return [p for p in sorted(CASES.glob("*/*.json")) if kind in json.loads(p.read_text())]


def pairs() -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    for path in files():
        for other in files():
            if path.parent == other.parent and path != other:
                one_way = json.loads(path.read_text()).get("translates_from")
                if one_way in (None, FOLDERS[path.stem]):
                    yield path, other


def named(path: pathlib.Path) -> str:
    return f"{path.parent.name}-{path.name}"


def codec_of(path: pathlib.Path) -> Codec:
    return FORMATS[FOLDERS[path.stem]]


def translated(case: dict[str, Any], source: Codec, target: Codec, expected: dict[str, Any]) -> Any:
    """What the target's codec writes of what the source's codec reads."""
    if "request" in case:
        body = json.dumps(case["request"]).encode()
        # A format whose paths name the model does not say it in its bodies.
        model = source.peek(body).model or "m"
        request = Request(model=model, content=source.decode_request(body))
        traits = frozenset(expected.get("traits", ()))
        return json.loads(target.encode_request(request, features=FEATURES, traits=traits).body)
    body = json.dumps(case["response"]).encode()
    output = source.decode_response(body, traits=NONE)
    usage = source.facts(body, traits=NONE).usage
    # Not every format's answers name their model.
    pen = Pen(id="1", model=output.model or "m", created=1700000000, wants_usage=True)
    return json.loads(target.encode_response(Response(output, usage=usage), pen))


def said(case: dict[str, Any]) -> Any:
    return without_nulls(case.get("request") or case.get("response"))


def comparable(answer: Any) -> Any:
    """An answer without the provider's own word for its finish, which is not the other's, and
    without a count of nothing that only the official types want."""
    for choice in answer.get("choices", ()):
        choice.pop("native_finish_reason", None)
    details = (answer.get("usage") or {}).get("input_tokens_details", {})
    if details.get("cache_write_tokens") == 0:
        del details["cache_write_tokens"]
    return without_nulls(answer)


@pytest.mark.parametrize(("path", "other"), list(pairs()), ids=lambda p: named(p))
def test_formats_agree(path: pathlib.Path, other: pathlib.Path) -> None:
    case, expected = json.loads(path.read_text()), json.loads(other.read_text())
    written = translated(case, codec_of(path), codec_of(other), expected)
    assert comparable(written) == said(expected)


@pytest.mark.parametrize("path", list(files()), ids=named)
def test_nothing_is_lost(path: pathlib.Path) -> None:
    case = json.loads(path.read_text())
    kind = "request" if "request" in case else "response"
    case[kind] = {**case[kind], "a_field_from_next_year": {"n": 1}}
    assert comparable(translated(case, codec_of(path), codec_of(path), case)) == said(case)


@pytest.mark.parametrize(
    "path", [p for p in files() if "response" in json.loads(p.read_text())], ids=named
)
def test_an_answer_can_be_streamed_and_read_back(path: pathlib.Path) -> None:
    codec = codec_of(path)
    body = json.dumps(json.loads(path.read_text())["response"]).encode()
    output, usage = codec.decode_response(body, traits=NONE), codec.facts(body, traits=NONE).usage
    assert isinstance(output, Output)
    assert fold(unfold(output, usage)) == (output, usage)
    for format_name in FOLDERS.values():
        pen = Pen(id="1", model="m", created=1, wants_usage=True)
        writer = FORMATS[format_name].writer(pen)
        stream = writer.write(unfold(output, usage)) + writer.end()
        reader = FORMATS[format_name].reader(traits=NONE)
        read, counted = fold(reader.feed(stream) + reader.end())
        if output.choices and output.choices[0].message.text:
            assert read.choices[0].message.text == output.choices[0].message.text
        assert counted == usage or (counted and usage and counted.total == usage.total)


@pytest.mark.parametrize("path", with_a("failure"), ids=named)
def test_an_answer_that_failed_is_no_answer(path: pathlib.Path) -> None:
    """`wire.md` 6: a failure is never taken for an end, whole or streamed."""
    codec = codec_of(path)
    body = json.dumps(json.loads(path.read_text())["failure"]).encode()
    for read in (codec.facts, codec.decode_response):
        with pytest.raises(UpstreamError) as raised:
            read(body, traits=NONE)
        assert raised.value.kind == "provider_fault"


@pytest.mark.parametrize("path", with_a("question"), ids=named)
@pytest.mark.parametrize("other", with_a("question"), ids=named)
def test_questions_of_length_agree(path: pathlib.Path, other: pathlib.Path) -> None:
    source, target = FORMATS[COUNTERS[path.stem]], FORMATS[COUNTERS[other.stem]]
    body = json.dumps(json.loads(path.read_text())["question"]).encode()
    model = source.peek(body).model or "m"
    request = Request(model=model, content=source.decode_request(body))
    written = target.encode_request(request, features=FEATURES, traits=NONE)
    assert written.dropped == ()
    assert json.loads(written.body) == json.loads(other.read_text())["question"]


def streams() -> Iterator[pathlib.Path]:
    for path in sorted(CASES.glob("*/*.stream.txt")):
        if path.name.removesuffix(".stream.txt") in FOLDERS:
            yield path


def stream_codec(path: pathlib.Path) -> Codec:
    return FORMATS[FOLDERS[path.name.removesuffix(".stream.txt")]]


def read_in_pieces(codec: Codec, data: bytes, size: int) -> list[Event]:
    reader = codec.reader(traits=NONE)
    events = [e for i in range(0, len(data), size) for e in reader.feed(data[i : i + size])]
    return events + reader.end()


def meaning(parts: tuple[AnyPart, ...]) -> list[AnyPart]:
    """Parts without what only the whole answer or only the stream can say."""
    return [replace(p, extra={}, made_by=None) if isinstance(p, Reasoning) else
            replace(p, arguments=p.arguments or "{}") if isinstance(p, ToolCall) else
            replace(p, extra={}) for p in parts]  # fmt: skip


@pytest.mark.parametrize("path", list(streams()), ids=named)
def test_a_stream_says_what_the_whole_answer_says(path: pathlib.Path) -> None:
    codec = stream_codec(path)
    whole = path.with_name(path.name.replace(".stream.txt", ".json"))
    body = json.dumps(json.loads(whole.read_text())["response"]).encode()
    expected, usage = codec.decode_response(body, traits=NONE), codec.facts(body, traits=NONE).usage
    assert isinstance(expected, Output)
    output, counted = fold(read_in_pieces(codec, path.read_bytes(), 1 << 20))
    assert meaning(output.choices[0].message.parts) == meaning(expected.choices[0].message.parts)
    assert output.choices[0].finish == expected.choices[0].finish
    assert counted == usage


@pytest.mark.parametrize("path", list(streams()), ids=named)
def test_a_stream_reads_the_same_byte_by_byte_and_with_other_line_ends(path: pathlib.Path) -> None:
    codec, data = stream_codec(path), path.read_bytes()
    whole = read_in_pieces(codec, data, len(data))
    for spelled in (data, data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r")):
        for size in (1, 2, 7, len(spelled)):
            assert read_in_pieces(codec, spelled, size) == whole


@pytest.mark.parametrize("path", list(streams()), ids=named)
def test_a_stream_is_forwarded_as_it_came_byte_by_byte(path: pathlib.Path) -> None:
    codec, data = stream_codec(path), path.read_bytes()
    for spelled in (data, data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r")):
        for size in (1, 3, len(spelled)):
            look = codec.look(traits=NONE, keep_usage=True, native=False)
            pieces = [look.feed(spelled[i : i + size]) for i in range(0, len(spelled), size)]
            out = b"".join(pieces) + look.end()
            assert (out + look.terminator).rstrip() == spelled.rstrip()
            assert look.complete
            assert look.content
            assert look.usage == fold(read_in_pieces(codec, data, len(data)))[1]


@pytest.mark.parametrize("path", list(streams()), ids=named)
def test_s19_a_cut_stream_is_complete_only_after_its_finish(path: pathlib.Path) -> None:
    codec, data = stream_codec(path), path.read_bytes()
    blank = b"\n" if LINES in data else b"\n\n"
    blocks = data.split(blank)[:-1]
    finished = next(
        i for i, b in enumerate(blocks) if re.search(FINISH, b) and b"message_start" not in b
    )
    for count in range(len(blocks)):
        start = b"".join(block + blank for block in blocks[:count])
        reader = codec.reader(traits=NONE)
        look = codec.look(traits=NONE, keep_usage=True, native=False)
        reader.feed(start)
        look.feed(start)
        assert reader.complete is look.complete is (count > finished)
        if count > finished:
            reader.end()
        else:
            with pytest.raises(UpstreamError) as raised:
                reader.end()
            assert raised.value.kind == "interrupted"
