"""Streams of speech, transcriptions and images: looked at, read and written."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.events import Event, TextDelta
from stockyard.core.folding import fold, unfold
from stockyard.core.messages import Audio, Image, Message, Text
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Codec, Fault, Pen
from stockyard.wire.openai_images.codec import ImagesCodec
from stockyard.wire.openai_speech.codec import SpeechCodec
from stockyard.wire.openai_transcriptions.codec import TranscriptionsCodec

NONE: frozenset[str] = frozenset()
PEN = Pen("1", "m", 7, wants_usage=True)
DONE = b"data: [DONE]\n\n"


def event(kind: str, *, named: bool = False, end: str = "\n", **fields: Any) -> bytes:
    name = f"event: {kind}{end}" if named else ""
    return f"{name}data: {json.dumps({'type': kind, **fields})}{end}{end}".encode()


USAGE = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
DELTA, SEGMENT, SPOKEN = (f"transcript.text.{kind}" for kind in ("delta", "segment", "done"))
SKETCH, PAINTED = "image_generation.partial_image", "image_generation.completed"

TRANSCRIPT = event(DELTA, delta="Good") + event(DELTA, delta=" day.")
STREAMS: dict[str, tuple[Codec, bytes, bytes]] = {
    "a transcript": (TranscriptionsCodec(), TRANSCRIPT, event(SPOKEN, text="Good day.") + DONE),
    "with segments": (
        TranscriptionsCodec(),
        event(SEGMENT, text=" Good day.", speaker="A", id="s0"),
        event(SPOKEN, text="Good day.", usage=USAGE),
    ),
    "in lines of another kind": (
        TranscriptionsCodec(),
        event(DELTA, delta="Good", end="\r\n"),
        event(SPOKEN, text="Good", end="\r\n"),
    ),
    "speech": (
        SpeechCodec(),
        event("speech.audio.delta", audio="AAAA"),
        event("speech.audio.done", usage=USAGE),
    ),
    "an image": (
        ImagesCodec(),
        event(SKETCH, b64_json="AA==", named=True),
        event(PAINTED, b64_json="AAAA", created_at=7, named=True, usage=USAGE),
    ),
    "two images": (
        ImagesCodec(),
        event(PAINTED, b64_json="AAAA", created_at=7, named=True)
        + event(SKETCH, b64_json="AA==", named=True),
        event(PAINTED, b64_json="BBBB", created_at=7, named=True, usage=USAGE),
    ),
}
EACH = pytest.mark.parametrize(("codec", "pieces", "end"), STREAMS.values(), ids=list(STREAMS))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(at)]


def read(codec: Codec, pieces: list[bytes]) -> list[Event]:
    reader = codec.reader(traits=NONE)
    return [e for piece in pieces for e in reader.feed(piece)] + reader.end()


@EACH
@given(places=st.lists(st.integers(0, 2000), max_size=6))
def test_it_passes_as_it_came_and_its_end_is_kept_back(
    codec: Codec, pieces: bytes, end: bytes, places: list[int]
) -> None:
    look = codec.look(traits=NONE, keep_usage=True, native=False)
    passed = b"".join(map(look.feed, cut(pieces + end, places))) + look.end()
    # A line ends with its CR at once; an LF that comes later begins what follows.
    assert (passed + look.terminator).rstrip() == (pieces + end).rstrip()
    assert passed.rstrip() == pieces.rstrip()
    assert look.complete
    assert look.content
    assert look.finish == "stop"


@EACH
@given(places=st.lists(st.integers(0, 2000), max_size=6))
def test_it_is_read_alike_however_it_is_cut(
    codec: Codec, pieces: bytes, end: bytes, places: list[int]
) -> None:
    data = pieces + end
    assert fold(read(codec, cut(data, places))) == fold(read(codec, [data]))


@EACH
def test_what_is_written_means_the_same(codec: Codec, pieces: bytes, end: bytes) -> None:
    events = read(codec, [pieces + end])
    writer = codec.writer(PEN)
    written = writer.write(events) + writer.end(b": a comment\n\n")
    assert fold(read(codec, [written])) == fold(events)
    assert written.count(b": a comment\n\n") == 1
    assert written.endswith(DONE) == codec.name.endswith("transcriptions")


@EACH
def test_without_its_end_it_is_not_whole(codec: Codec, pieces: bytes, end: bytes) -> None:
    if pieces.startswith(b"event: " + PAINTED.encode()):
        return  # one image is whole, and that another was to follow cannot be known
    look = codec.look(traits=NONE, keep_usage=True, native=False)
    assert look.feed(pieces) + look.end() == pieces
    assert not look.complete
    assert look.terminator == b""
    with pytest.raises(UpstreamError) as broken:
        read(codec, [pieces])
    assert broken.value.kind == "interrupted"


@pytest.mark.parametrize("codec", [TranscriptionsCodec(), SpeechCodec(), ImagesCodec()])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'data: {"error":{"message":"No.","code":"rate_limit_exceeded"}}\n\n', "rate_limited"),
        (b'event: error\ndata: {"message":"No."}\n\n', "provider_fault"),
        (b'data: {"type":"error","error":{"message":"No."}}\n\n', "provider_fault"),
        (b"data: hello\n\n", "bad_answer"),
        (b"data: [1]\n\n", "bad_answer"),
    ],
)
def test_errors_and_nonsense_are_raised(codec: Codec, data: bytes, kind: str) -> None:
    look = codec.look(traits=NONE, keep_usage=True, native=False)
    with pytest.raises(UpstreamError) as seen:
        look.feed(data)
    with pytest.raises(UpstreamError) as heard:
        codec.reader(traits=NONE).feed(data)
    assert (seen.value.kind, heard.value.kind) == (kind, kind)


def test_what_came_before_an_error_is_not_lost() -> None:
    codec = TranscriptionsCodec()
    data = TRANSCRIPT + b'data: {"error":{"message":"No."}}\n\n'
    look, reader = codec.look(traits=NONE, keep_usage=True, native=False), codec.reader(traits=NONE)
    with pytest.raises(UpstreamError):
        look.feed(data)
    with pytest.raises(UpstreamError):
        reader.feed(data)
    assert look.before_error == TRANSCRIPT
    texts = [e.text for e in reader.before_error if isinstance(e, TextDelta)]
    assert texts == ["Good", " day."]


@pytest.mark.parametrize(
    ("block", "unified"),
    [
        (b": keep-alive\n\n", b": keep-alive\n\n"),
        (b"retry: 1000\n\n", b""),
        (b'id: 4\ndata: {"type":"x"}\n\n', b'data: {"type":"x"}\n\n'),
        (b'data:{"type":"x"}\n\n', b'data: {"type":"x"}\n\n'),
        (b"data: \n\n", b""),
    ],
)
def test_what_clients_stumble_over_stays_here_but_on_native_routes(
    block: bytes, unified: bytes
) -> None:
    codec = TranscriptionsCodec()
    assert codec.look(traits=NONE, keep_usage=True, native=True).feed(block) == block
    assert codec.look(traits=NONE, keep_usage=True, native=False).feed(block) == unified


def test_after_the_end_mark_only_native_bytes_follow() -> None:
    data = event(SPOKEN, text="") + DONE
    late = event(DELTA, delta="late")
    for native in (True, False):
        look = TranscriptionsCodec().look(traits=NONE, keep_usage=True, native=native)
        assert look.feed(data + late) == b""
        assert look.terminator == (data + late if native else data)


def test_a_comment_after_the_end_does_not_let_it_go() -> None:
    look = TranscriptionsCodec().look(traits=NONE, keep_usage=True, native=False)
    assert look.feed(event(SPOKEN, text="") + b": late\n\n" + DONE) == b""
    assert look.terminator == event(SPOKEN, text="") + b": late\n\n" + DONE


def test_an_end_that_lacks_its_blank_line_counts() -> None:
    codec = TranscriptionsCodec()
    look = codec.look(traits=NONE, keep_usage=True, native=False)
    look.feed(TRANSCRIPT + event(SPOKEN, text="Good day.").rstrip())
    assert look.end() == b""
    assert look.terminator == event(SPOKEN, text="Good day.")
    assert fold(read(codec, [TRANSCRIPT + event(SPOKEN, text="Good day.").rstrip()]))


def test_images_are_counted_as_they_come() -> None:
    look = ImagesCodec().look(traits=NONE, keep_usage=True, native=False)
    seen = [look.usage]
    for usage in (None, USAGE):
        look.feed(event(PAINTED, b64_json="AAAA", usage=usage))
        seen.append(look.usage)
    assert seen == [
        None,
        Usage(units={"image": 1}),
        Usage(in_fresh=5, out_text=7, units={"image": 2}),
    ]


def test_segments_keep_what_they_say_of_themselves() -> None:
    codec = TranscriptionsCodec()
    said = {"type": SEGMENT, "text": " Good day.", "speaker": "A", "end": 3.2, "id": "s0"}
    segment = f"data: {json.dumps(said)}\n\n".encode()
    events = read(codec, [segment + event(SPOKEN, text="Good day.")])
    assert json.loads(codec.writer(PEN).write(events)[6:]) == said


def test_halves_of_a_character_are_joined() -> None:
    codec = TranscriptionsCodec()
    halves = b'data: {"type":"%b","delta":"\\ud83d"}\n\ndata: {"type":"%b","delta":"\\ude00"}\n\n'
    events = read(
        codec, [halves % (DELTA.encode(), DELTA.encode()) + event(SPOKEN, text="\N{GRINNING FACE}")]
    )
    assert fold(events)[0].choices[0].message.text == "\N{GRINNING FACE}"


WHOLES: list[tuple[Codec, Output, list[str]]] = [
    (
        TranscriptionsCodec(),
        Output(choices=(Choice(message=Message(role="assistant", parts=(Text(text="Hi."),))),)),
        [DELTA, SPOKEN],
    ),
    (
        SpeechCodec(),
        Output(choices=(Choice(message=Message(role="assistant", parts=(Audio(data="AA=="),))),)),
        ["speech.audio.delta", "speech.audio.done"],
    ),
    (
        ImagesCodec(),
        Output(
            choices=tuple(
                Choice(index=i, message=Message(role="assistant", parts=(Image(data="AA=="),)))
                for i in range(2)
            )
        ),
        [PAINTED, PAINTED],
    ),
]


@pytest.mark.parametrize(("codec", "output", "kinds"), WHOLES)
def test_whole_answers_can_be_streamed(codec: Codec, output: Output, kinds: list[str]) -> None:
    writer = codec.writer(PEN)
    written = writer.write(unfold(output, Usage(in_fresh=5, out_text=7))) + writer.end()
    blocks = written.removesuffix(DONE).split(b"\n\n")[:-1]
    said = [json.loads(block.split(b"data: ")[1]) for block in blocks]
    assert [one["type"] for one in said] == kinds
    assert said[-1]["usage"]["total_tokens"] == 12
    assert all("usage" not in one for one in said[:-1])


@pytest.mark.parametrize("codec", [TranscriptionsCodec(), SpeechCodec(), ImagesCodec()])
def test_a_failure_ends_without_an_end_mark(codec: Codec) -> None:
    fault = Fault(status=502, kind="interrupted", code="stream_interrupted", message="Gone.")
    for data in (codec.writer(PEN).fail(fault), codec.failed_stream(fault)):
        assert json.loads(data[6:])["error"]["code"] == "stream_interrupted"
