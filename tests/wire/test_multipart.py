"""Reading forms so that nobody behind us can read them differently, and changing one field."""

import email.parser
import email.policy
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import Refused
from stockyard.wire.multipart import (
    MAX_HEADERS,
    MAX_PARTS,
    Form,
    boundary_in,
    boundary_of,
    content_type_with,
    read_form,
    start_of_file,
)

B = b"xYzZY"
AUDIO = b"\x00RIFF\r\n--xYz\r\nnot a boundary\n--\r\n\r\n\xff"


def field(name: str, value: bytes, *more: bytes) -> bytes:
    head = b'Content-Disposition: form-data; name="%b"' % name.encode()
    return b"\r\n".join((head, *more, b"", value))


def file(name: str, value: bytes, *more: bytes) -> bytes:
    head = b'Content-Disposition: form-data; name="%b"; filename="a \\"b\\".wav"' % name.encode()
    return b"\r\n".join((head, b"Content-Type: audio/wav", *more, b"", value))


def form(*parts: bytes, end: bytes = b"--\r\n") -> bytes:
    return b"".join(b"--" + B + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + B + end


WHOLE = form(file("file", AUDIO), field("model", b"whisper-1"), field("language", b"de"))


def test_its_parts_are_found_where_they_stand() -> None:
    found = read_form(WHOLE, B)
    assert [(part.name, part.is_file) for part in found.parts] == [
        ("file", True),
        ("model", False),
        ("language", False),
    ]
    assert WHOLE[found.parts[0].start : found.parts[0].end] == AUDIO
    assert found.word("model") == "whisper-1"
    assert found.word("prompt") is None


@pytest.mark.parametrize(
    ("said", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b"Multipart/Form-Data;boundary=abc", b"abc"),
        (b'multipart/form-data; charset=utf-8; boundary="a b:c"', b"a b:c"),
        (b"multipart/form-data; boundary=----=_Part_1_2.3", b"----=_Part_1_2.3"),
        (b"application/json", None),
        (b"multipart/form-database; boundary=abc", None),
        (b"", None),
    ],
)
def test_the_content_type_names_the_boundary(said: bytes, boundary: bytes | None) -> None:
    assert boundary_of(said) == boundary


@pytest.mark.parametrize(
    "said",
    [
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b"multipart/form-data; boundary=" + b"a" * 71,
        b'multipart/form-data; boundary="a "',
        b'multipart/form-data; boundary="a\\b"',
        b"multipart/form-data; boundary=a; boundary=b",
        b"multipart/form-data; boundary=a; Boundary=a",
        b"multipart/form-data; boundary=a b",
        b"multipart/form-data; boundary=a;",
        b"multipart/form-data; boundary*=utf-8''a",
        b"multipart/form-data; boundary=\xc3\xa9",
    ],
)
def test_a_boundary_of_which_readers_disagree_is_refused(said: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        boundary_of(said)
    assert refusal.value.status == 400


MODEL = field("model", b"m")
SPELLINGS = {
    "quoted": b'Content-Disposition: form-data; name="model"\r\n\r\nm',
    "a bare word": b"content-disposition: form-data; name=model\r\n\r\nm",
    "odd case and white space": b'CONTENT-DISPOSITION:\tForm-Data ;\tNAME="model" \r\n\r\nm',
    "typed": field("model", b"m", b"Content-Type: text/plain; charset=utf-8"),
    "with its length": field("model", b"m", b"Content-Length: 1"),
    "declared as it is": field("model", b"m", b"Content-Transfer-Encoding: 8bit"),
}


@pytest.mark.parametrize("part", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_clients_spell_a_field_in_many_ways(part: bytes) -> None:
    assert read_form(form(part), B).word("model") == "m"


@pytest.mark.parametrize("end", [b"--", b"--\r\n", b"--\r\n\r\n"])
def test_clients_end_a_form_with_or_without_a_line(end: bytes) -> None:
    """The official library for Node of 2024 adds an empty one, that of 2026 leaves out its own."""
    assert read_form(form(MODEL, end=end), B).word("model") == "m"


def test_a_form_may_be_empty() -> None:
    assert read_form(form(), B).parts == ()
    assert read_form(form(field("model", b"")), B).word("model") == ""


DOUBTFUL = {
    "empty": b"",
    "no boundary": b"model=m",
    "text before it": b"hello\r\n" + WHOLE,
    "a line before it": b"\r\n" + WHOLE,
    "text after it": WHOLE + b"hello",
    "another form after it": WHOLE + WHOLE,
    "no end": WHOLE[:-4],
    "broken off": WHOLE[:-30],
    "only the first line": b"--" + B + b"\r\n",
    "bare line feeds": WHOLE.replace(b"\r\n", b"\n"),
    "a boundary after a bare line feed": form(field("a", b"1\n--" + B + b"\r\n" + MODEL)),
    "a boundary after a bare carriage return": form(field("a", b"1\r--" + B + b"\r\n" + MODEL)),
    "a boundary within a line": form(field("a", b"1--" + B + b"\r\n")),
    "a boundary right after the headers": form(MODEL[:-1] + b"--" + B + b"\r\n\r\n"),
    "a boundary in a header": form(field("a", b"1", b"X: --" + B)),
    "a boundary that goes on": WHOLE.replace(b"--" + B + b"\r\n", b"--" + B + b"!\r\n", 2),
    "white space after a boundary": form(MODEL).replace(B + b"\r\n", B + b" \r\n"),
    "a part without headers": form(b"\r\nm"),
    "a part of nothing": form(b""),
    "a part without a name": form(b"Content-Disposition: form-data\r\n\r\nm"),
    "a part that is no field": form(b'Content-Disposition: attachment; name="model"\r\n\r\nm'),
    "a part without a disposition": form(b"Content-Type: text/plain\r\n\r\nm"),
    "two dispositions": form(field("a", b"1", b'content-disposition: form-data; name="model"')),
    "two names": form(b'Content-Disposition: form-data; name="a"; name="model"\r\n\r\nm'),
    "an encoded name": form(b"Content-Disposition: form-data; name*=utf-8''model\r\n\r\nm"),
    "both names": form(
        b"Content-Disposition: form-data; name=\"a\"; name*=utf-8''model\r\n\r\nm"
    ),
    "a name with a backslash": form(b'Content-Disposition: form-data; name="mo\\del"\r\n\r\nm'),
    "a quote that does not end": form(b'Content-Disposition: form-data; name="model\r\n\r\nm'),
    "a header on two lines": form(b'Content-Disposition: form-data;\r\n name="model"\r\n\r\nm'),
    "a header without a colon": form(field("model", b"m", b"hello")),
    "a header with a bare line feed": form(field("a", b"m", b"X: a\nY: b")),
    "a header with a space before its colon": form(field("a", b"m", b"X : a")),
    "base64": form(field("model", b"bQ==", b"Content-Transfer-Encoding: base64")),
    "an encoding": form(field("model", b"=6D", b"Content-Transfer-Encoding: quoted-printable")),
    "a form within": form(field("model", b"m", b"Content-Type: multipart/mixed; boundary=z")),
    "too short a length": form(field("model", b"mm", b"Content-Length: 1")),
    "too long a length": form(field("model", b"m", b"Content-Length: 2")),
    "a length that is none": form(field("model", b"m", b"Content-Length: -1")),
    "too many parts": form(*(field(f"f{n}", b"1") for n in range(MAX_PARTS + 1))),
    "too large a header": form(field("model", b"m", b"X: " + b"x" * MAX_HEADERS)),
    "too large headers": form(*(field(f"f{n}", b"1", b"X: " + b"x" * 600) for n in range(15))),
}  # fmt: skip


@pytest.mark.parametrize("body", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_what_leaves_room_for_doubt_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        read_form(body, B)
    assert (refusal.value.status, refusal.value.code) == (400, "invalid_request")


UNUSABLE = {
    "twice": form(MODEL, field("model", b"other")),
    "twice the same": form(MODEL, MODEL),
    "a file": form(file("model", b"m")),
    "a file by its other name": form(
        b"Content-Disposition: form-data; name=model; filename*=utf-8''a\r\n\r\nm"
    ),
    "not UTF-8": form(field("model", b"\xff")),
    "of two lines": form(field("model", b"a\r\nb")),
    "with a null": form(field("model", b"a\0")),
    "too long": form(field("model", b"m" * 1025)),
}


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_word_must_stand_once_and_be_short(body: bytes) -> None:
    found = read_form(body, B)
    with pytest.raises(Refused) as refusal:
        found.word("model")
    assert (refusal.value.status, refusal.value.param) == (400, "model")


def test_as_many_parts_as_allowed_are_read() -> None:
    parts = [field(f"f{n}", b"1") for n in range(MAX_PARTS)]
    assert len(read_form(form(*parts), B).parts) == MAX_PARTS
    assert len(read_form(form(*parts, MODEL), B, max_parts=MAX_PARTS + 1).parts) == MAX_PARTS + 1


def test_a_replaced_text_keeps_the_length_of_its_part_true() -> None:
    body = form(field("model", b"m", b"Content-Length: 1", b"X: y"), file("file", AUDIO))
    changed = read_form(body, B).with_texts({"model": "a-longer-name"})
    assert changed == body.replace(b"Length: 1", b"Length: 13").replace(
        b"\r\n\r\nm\r\n", b"\r\n\r\na-longer-name\r\n"
    )
    assert read_form(changed, B).word("model") == "a-longer-name"


def test_a_text_may_be_long_and_have_lines() -> None:
    said = "one\r\n\r\ntwo " * 1000
    body = form(field("prompt", said.encode()), MODEL)
    assert read_form(body, B).text("prompt") == said
    changed = read_form(body, B).with_texts({"prompt": said + "\n"})
    assert read_form(changed, B).text("prompt") == said + "\n"


def test_a_field_that_is_missing_can_be_added() -> None:
    body = form(file("file", AUDIO))
    changed = read_form(body, B).with_added("model", "a-model")
    assert changed.endswith(body)
    assert read_form(changed, B).word("model") == "a-model"
    with pytest.raises(Refused):
        read_form(body, B).with_added("model", "a\r\n--xYzZY--")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (form(field("prompt", b"m")), "other"),
        (form(MODEL), "a\r\n--xYzZY--"),
        (form(MODEL, MODEL), "other"),
    ],
    ids=["no such field", "a text that ends the part", "the field twice"],
)
def test_a_text_that_cannot_be_said_is_not_written(body: bytes, text: str) -> None:
    with pytest.raises(Refused):
        read_form(body, B).with_texts({"model": text})


BOUNDARIES = st.from_regex(r"[0-9A-Za-z'()+_./:=?-]{8,70}", fullmatch=True).map(str.encode)
NAMES = st.text("abcdefg_[]é", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30)


@st.composite
def forms(draw: st.DrawFn) -> tuple[bytes, bytes, list[tuple[str, bytes, bool]]]:
    """A boundary, a body, and the parts that are in it: a model among others."""
    boundary = draw(BOUNDARIES)
    names = draw(st.lists(NAMES, max_size=5))
    said = [(name, draw(st.binary(max_size=60)), draw(st.booleans())) for name in names]
    said.insert(draw(st.integers(0, len(said))), ("model", draw(TEXTS).encode(), False))
    body = b""
    for name, value, is_file in said:
        body += b"--" + boundary + b"\r\n" + (file if is_file else field)(name, value) + b"\r\n"
    return boundary, body + b"--" + boundary + b"--\r\n", said


@given(forms())
def test_every_form_is_read_as_it_was_written(
    case: tuple[bytes, bytes, list[tuple[str, bytes, bool]]],
) -> None:
    boundary, body, said = case
    found = read_form(body, boundary)
    assert [(p.name, body[p.start : p.end], p.is_file) for p in found.parts] == said


@given(forms())
def test_a_form_tells_its_boundary_itself(
    case: tuple[bytes, bytes, list[tuple[str, bytes, bool]]],
) -> None:
    boundary, body, _ = case
    assert boundary_in(body) == boundary
    assert boundary_of(content_type_with(boundary)) == boundary


@pytest.mark.parametrize("end", [b"--", b"--\r\n", b"--\r\n\r\n"])
@pytest.mark.parametrize("boundary", [b"a", b"a" * 70, b"----a"])
def test_so_does_one_without_parts(boundary: bytes, end: bytes) -> None:
    body = b"--" + boundary + end
    assert boundary_in(body) == boundary
    assert read_form(body, boundary).parts == ()


@pytest.mark.parametrize("body", [b"", b"{}", b"-", b" --a\r\n"])
def test_other_bodies_have_no_boundary(body: bytes) -> None:
    assert boundary_in(body) is None


@pytest.mark.parametrize(
    "body", [b"--", b"--\r\n", b"--a", b"--a \r\n", b"--a\nb\r\n", b"--" + b"a" * 71 + b"\r\n"]
)
def test_a_first_line_that_is_no_boundary_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        boundary_in(body)


@given(forms(), TEXTS)
def test_only_the_named_text_changes(
    case: tuple[bytes, bytes, list[tuple[str, bytes, bool]]], text: str
) -> None:
    boundary, body, _ = case
    changed = read_form(body, boundary).with_texts({"model": text})
    part = next(p for p in read_form(body, boundary).parts if p.name == "model")
    assert changed == body[: part.start] + text.encode() + body[part.end :]
    assert read_form(changed, boundary).text("model") == text


@given(forms(), st.integers(0, 10_000), st.binary(max_size=3))
def test_damage_is_refused_or_seen_by_other_readers_alike(
    case: tuple[bytes, bytes, list[tuple[str, bytes, bool]]], at: int, junk: bytes
) -> None:
    boundary, body, _ = case
    at %= len(body)
    damaged = body[:at] + junk + body[at + 1 :]
    try:
        model = read_form(damaged, boundary).word("model")
    except Refused:
        return
    assert model in (None, *_models(damaged, boundary))
    assert len(_models(damaged, boundary)) == (model is not None)


def _models(body: bytes, boundary: bytes) -> list[str]:
    """What the parser of the standard library takes for the model."""
    head = b'Content-Type: multipart/form-data; boundary="' + boundary + b'"\r\n\r\n'
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    found = []
    for part in message.walk():
        if part.get_param("name", header="content-disposition") == "model":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found.append(payload.decode())
    return found


def test_a_large_file_is_passed_over_quickly() -> None:
    body = form(MODEL, file("file", b"\r\n--xYzZ " * 2_500_000))
    began = time.process_time()
    found = read_form(body, B)
    assert time.process_time() - began < 2
    assert isinstance(found, Form)
    assert found.word("model") == "m"


def test_s24_a_file_is_looked_for_behind_as_many_fields_as_a_form_may_have() -> None:
    field = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhi\r\n--b--'
    most = MAX_PARTS - 1
    assert start_of_file(field * most + file, "file") == len(field) * most + file.index(b"hi")
    assert start_of_file(field * (most + 1) + file, "file") is None
