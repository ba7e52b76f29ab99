"""The streams in `cases`, each read and written in the formats of the others of its folder."""

import pytest

from stockyard.errors import UpstreamError
from stockyard.wire.codec import Fault
from stockyard.wire.formats import FORMATS
from tests.wire.stream_cases import (
    FOLDERS,
    NONE,
    PEN,
    StreamCase,
    heard,
    look_at,
    pairs_of_streams,
    read,
    stream_cases,
)

TOLD_TWICE = ("reasoning_signed", "openai_responses", "openai_chat")
"""A sealed item tells only when it ends whose thinking it is. By then chat clients have heard the
text, and they get it again beside its seal, which would be worth nothing without it."""
FAULT = Fault(
    status=502,
    kind="interrupted",
    code="stream_interrupted",
    message="It broke off.",
    stockyard={"code": "stream_interrupted"},
)
PAIRS = pairs_of_streams()
each_pair = pytest.mark.parametrize(("case", "other"), PAIRS, ids=str)
each_stream = pytest.mark.parametrize("case", stream_cases(), ids=str)


@each_pair
def test_a_stream_becomes_what_the_other_format_says(case: StreamCase, other: StreamCase) -> None:
    written = case.written(to=other.codec)
    output, usage = read(other.codec, written)
    expected, counted = other.whole
    told = heard(output)
    if (case.feature, case.folder, other.folder) == TOLD_TWICE:
        assert told[0].pop(1) == ("thought", "Two and two.", None, None)
    assert told == heard(expected)
    assert usage == counted
    assert look_at(other.codec, written).complete


@each_stream
def test_s19_a_stream_that_is_cut_anywhere_has_no_end_in_any_format(case: StreamCase) -> None:
    for other in (other for one, other in PAIRS if one == case):
        for count in range(len(case.pieces)):
            reader = case.codec.reader(traits=NONE)
            reader.feed(b"".join(case.pieces[:count]))
            look = other.codec.look(traits=NONE, keep_usage=True, native=False)
            look.feed(case.written(count, to=other.codec))
            assert reader.complete or not look.complete


@each_stream
def test_what_broke_off_is_an_error_to_the_clients_of_every_format(case: StreamCase) -> None:
    for other in (other for one, other in PAIRS if one == case):
        for count in range(len(case.pieces)):
            with pytest.raises(UpstreamError):
                look_at(other.codec, case.failed(count, FAULT, to=other.codec))


@pytest.mark.parametrize("format_", FOLDERS.values())
def test_a_stream_of_nothing_but_usage_is_an_empty_answer_that_is_counted(format_: str) -> None:
    counts = b'{"prompt_tokens":9,"completion_tokens":0,"total_tokens":9}'
    said = b'data: {"id":"c","choices":[],"usage":%b}\n\ndata: [DONE]\n\n' % counts
    reader, writer = FORMATS["openai.chat"].reader(traits=NONE), FORMATS[format_].writer(PEN)
    stream = writer.write([*reader.feed(said), *reader.end()]) + writer.end()
    output, usage = read(FORMATS[format_], stream)
    assert not any(choice.message.parts for choice in output.choices)
    assert usage is not None
    assert (usage.prompt, usage.completion) == (9, 0)
    assert look_at(FORMATS[format_], stream).complete
