"""What a body names of the things that providers keep."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import Refused
from stockyard.gateway.named import (
    ANY,
    CONVERSATIONS,
    FILES,
    INTERACTIONS,
    MESSAGES,
    MOST_NAMED,
    RESOURCES,
    RESPONSES,
    SHARED,
    Naming,
    resource,
    unsealed_in,
)
from stockyard.wire.large_body import LargeBody

FILE = {"type": "file", "file": {"file_id": "file-1"}}
DOCUMENT = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
TOOL_USE = {"type": "tool_use", "id": "t", "name": "share", "input": {"file_id": "F1"}}
PLACE = "https://generativelanguage.googleapis.com/v1beta/files/abc"


@pytest.mark.parametrize(
    ("naming", "body", "named"),
    [
        (FILES, {"messages": [{"content": [FILE]}]}, ["file-1"]),
        (FILES, {"messages": [{"content": [FILE, FILE]}]}, ["file-1"]),
        (FILES, {"messages": [{"content": [DOCUMENT]}]}, ["file_1"]),
        (FILES, {"messages": [{"content": [{"file_id": PLACE}]}]}, ["files/abc"]),
        (FILES, {"messages": [{"content": '{"file_id": "file-1"}'}]}, []),
        (FILES, {"messages": [{"content": [TOOL_USE]}]}, []),
        (FILES, {"tools": [{"parameters": {"default": {"file_id": "F1"}}}]}, []),
        (FILES, {"tools": [{"input_schema": {"examples": [{"file_id": "F1"}]}}]}, []),
        (FILES, {"metadata": {"file_id": "F1"}}, []),
        (FILES, {"file_id": None, "file_ids": [1, ""]}, []),
        (FILES, {"input": {"file_id": "file-1"}, "type": "tool_use"}, ["file-1"]),
        (FILES, {"vector_store_ids": ["vs_1"], "thread_id": "t", "file_ids": ["a"]}, ["a"]),
        (RESPONSES, {"tools": [{"vector_store_ids": ["vs_1", "vs_2"]}]}, ["vs_1", "vs_2"]),
        (RESPONSES, {"tools": [{"container": {"file_ids": ["a"]}}]}, ["a"]),
        (RESPONSES, {"input": [{"output": [{"file_id": "a"}]}]}, ["a"]),
        (RESPONSES, {"input": [{"annotations": [{"file_id": "a"}]}]}, []),
        (RESPONSES, {"tools": [{"container": "cntr_1"}]}, ["cntr_1"]),
        (RESPONSES, {"tools": [{"container": {"type": "auto"}}]}, []),
        (RESPONSES, {"tools": [{"environment": {"container_id": "cntr_1"}}]}, ["cntr_1"]),
        (RESPONSES, {"input": [{"type": "code_interpreter_call", "container_id": "c"}]}, ["c"]),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "msg_1"}]}, ["msg_1"]),
        (RESPONSES, {"input": [{"id": "msg_1"}, {"type": None, "id": "rs_1"}]}, ["msg_1", "rs_1"]),
        (RESPONSES, {"input": [{"id": "msg_1", "role": "user", "content": "hi"}]}, []),
        (RESPONSES, {"input": '{"type": "item_reference", "id": "x"}'}, []),
        (RESPONSES, {"input": [{"type": "image_generation_call", "id": "ig_1"}]}, ["ig_1"]),
        (
            RESPONSES,
            {"input": [{"type": "image_generation_call", "id": "ig_1", "result": "iVBO"}]},
            [],
        ),
        (CONVERSATIONS, {"items": [{"id": "msg_1"}]}, ["msg_1"]),
        (ANY, {"items": [{"id": "msg_1"}]}, []),
        (ANY, {"items": [{"type": "item_reference", "id": "msg_1"}]}, ["msg_1"]),
        (MESSAGES, {"container": "container_1"}, ["container_1"]),
        (MESSAGES, {"container": {"id": "container_1", "skills": []}}, ["container_1"]),
        (MESSAGES, {"container": None, "messages": [{"content": "a container"}]}, []),
        (ANY, {"previous_interaction_id": "v1_x"}, ["v1_x"]),
        (INTERACTIONS, {"input": [{"type": "image", "uri": PLACE}]}, ["files/abc"]),
        (INTERACTIONS, {"input": [{"uri": "https://example.com/a.png"}]}, []),
        (RESOURCES, {"contents": [{"parts": [{"fileData": {"fileUri": PLACE}}]}]}, ["files/abc"]),
        (RESOURCES, {"cached_content": "cachedContents/x-1"}, ["cachedContents/x-1"]),
        (RESOURCES, {"parts": [{"fileData": {"fileUri": "https://you.tube/watch?v=1"}}]}, []),
        (RESOURCES, {"parts": [{"fileData": {"fileUri": "gs://bucket/files/abc"}}]}, []),
        (RESOURCES, {"parts": [{"functionCall": {"args": {"fileUri": PLACE}}}]}, []),
        (ANY, {"input_file_id": "file-1", "conversation": {"id": "conv_1"}}, ["file-1", "conv_1"]),
        (ANY, {"model": "tunedModels/mine"}, ["tunedModels/mine"]),
        (
            ANY,
            {"training_files": [{"file_id": "a", "weight": 1}], "validation_files": ["b"]},
            ["b", "a"],
        ),
        (ANY, {"data_source": {"source": {"type": "file_id", "id": "file-1"}}}, ["file-1"]),
        (ANY, {"tool": {"type": "file_id", "id": 5}}, []),
        (SHARED, {"from_checkpoint": "ft-1", "dataset": "datasets/d"}, ["ft-1", "datasets/d"]),
        (ANY, {"model": "gpt-x", "file_name": "a.txt"}, []),
    ],
)
def test_names_are_found_where_a_provider_would_look(
    naming: Naming, body: object, named: list[str]
) -> None:
    assert naming.named_in(json.dumps(body).encode()) == named


@pytest.mark.parametrize(
    "body",
    [
        rb'{"f\u0069le_id": "x"}',
        rb'{"file\u005fid": "x"}',
        b' \n{"file_id": "x"}',
        b'[{"file_id": "x"}]',
    ],
)
def test_names_are_found_however_they_are_spelled(body: bytes) -> None:
    assert FILES.named_in(body) == ["x"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"file_id": "mine", "file_id": "theirs"}',
        b'\xef\xbb\xbf{"file_id": "theirs"}',
        b'{"file_id": "theirs",}',
    ],
)
def test_a_body_that_two_programs_could_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as raised:
        FILES.named_in(body)
    assert raised.value.code == "json_invalid"


@pytest.mark.parametrize(
    "item", [b'{"id":"x"}', b'{ "type": null, "id" : "x" }', b'{"id":"x","type":null}']
)
def test_a_reference_that_does_not_say_so_is_found(item: bytes) -> None:
    assert RESPONSES.named_in(b'{"input":[%b]}' % item) == ["x"]


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}


@pytest.mark.parametrize(
    ("body", "thoughts"),
    [
        ({"input": [THOUGHT]}, ["rs_1"]),
        ({"input": [THOUGHT | {"encrypted_content": None}]}, ["rs_1"]),
        ({"input": [THOUGHT | {"encrypted_content": "gAAA"}]}, []),
        ({"input": [THOUGHT | {"encrypted_content": "gAAA"}, THOUGHT | {"id": "rs_2"}]}, ["rs_2"]),
        ({"input": [THOUGHT | {"id": None}, {"type": "message", "id": "msg_1"}, "odd"]}, []),
        ({"input": "reasoning", "reasoning": {"effort": "low"}}, []),
        ({"input": None}, []),
    ],
)
def test_thoughts_without_their_seal_are_found(body: object, thoughts: list[str]) -> None:
    for text in (json.dumps(body), json.dumps(body, separators=(",", ":"))):
        assert unsealed_in(text.encode()) == thoughts
        assert unsealed_in(text.replace("reasoning", r"re\u0061soning").encode()) == thoughts


@pytest.mark.parametrize("body", [b"", b'{"input": ["reasoning"', b'["reasoning"]'])
def test_a_body_that_is_no_request_names_nothing(body: bytes) -> None:
    assert unsealed_in(body) == []


def a_form(*parts: tuple[bytes, bytes]) -> bytes:
    said = b"".join(
        b'--cut\r\ncontent-disposition: form-data; name="%b"\r\n\r\n%b\r\n' % part for part in parts
    )
    return said + b"--cut--\r\n"


@pytest.mark.parametrize(
    ("form", "named"),
    [
        (a_form((b"file_id", b"file-1")), ["file-1"]),
        (a_form((b"file_ids[]", b"a"), (b"file_ids[]", b"b")), ["a", "b"]),
        (a_form((b'file"; filename="file_id', b"file-1")), []),
        (a_form((b"prompt", b'"file_id": "x"')), []),
        (a_form((b"training_file", b"file-1"), (b"validation_files[]", b"b")), ["file-1", "b"]),
        (a_form((b"conversation", b"conv_1")), ["conv_1"]),
    ],
)
def test_the_fields_of_a_form_are_looked_at_and_its_files_are_not(
    form: bytes, named: list[str]
) -> None:
    assert ANY.named_in(form) == named


def test_a_body_that_names_too_much_is_refused() -> None:
    body = json.dumps({"file_ids": [str(n) for n in range(MOST_NAMED + 1)]}).encode()
    with pytest.raises(Refused):
        FILES.named_in(body)


def test_a_body_in_a_file_is_read_as_any_other() -> None:
    body = b'{"text": "%b", "file_id": "x"}' % (b"y" * 3_000_000)
    large: object = LargeBody([memoryview(body)])
    assert ANY.named_in(large) == ["x"]  # type: ignore[arg-type]  # it stands where bytes stand


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("files/abc", "files/abc"),
        ("/v1beta/files/abc", "files/abc"),
        ("HTTPS://host:1/v1/files/abc?alt=media", "files/abc"),
        ("https://host/v1beta/%66iles/abc:download", "files/abc"),
        ("https://host//files//abc/", "files/abc"),
        ("projects/p/locations/l/cachedContents/12", "cachedContents/12"),
        ("file-1", ""),
        ("https://host/files/report.pdf", ""),
        ("https://host/?u=/files/abc", ""),
    ],
)
def test_a_thing_is_known_by_its_name_or_its_address(said: str, known: str) -> None:
    assert resource(said) == known


@given(st.dictionaries(st.text(), st.recursive(st.text(), st.lists, max_leaves=5)))
def test_a_body_said_to_name_nothing_names_nothing(body: dict[str, object]) -> None:
    text = json.dumps(body).encode()
    if not FILES.may_be_in(text):
        assert FILES.fields.isdisjoint(body)
