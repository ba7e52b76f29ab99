"""What a body names of the things that providers keep."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import Refused
from stockyard.gateway.named import ANY, FILES, MOST_NAMED, RESOURCES, RESPONSES, Naming, resource
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
        (RESOURCES, {"contents": [{"parts": [{"fileData": {"fileUri": PLACE}}]}]}, ["files/abc"]),
        (RESOURCES, {"cached_content": "cachedContents/x-1"}, ["cachedContents/x-1"]),
        (RESOURCES, {"parts": [{"fileData": {"fileUri": "https://you.tube/watch?v=1"}}]}, []),
        (RESOURCES, {"parts": [{"fileData": {"fileUri": "gs://bucket/files/abc"}}]}, []),
        (RESOURCES, {"parts": [{"functionCall": {"args": {"fileUri": PLACE}}}]}, []),
        (ANY, {"input_file_id": "file-1", "conversation": {"id": "conv_1"}}, ["file-1", "conv_1"]),
        (ANY, {"model": "tunedModels/mine"}, ["tunedModels/mine"]),
        (ANY, {"model": "gpt-x", "file_name": "a.txt"}, []),
    ],
)
def test_it_is_found_where_a_provider_would_look(
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
def test_however_it_is_spelled(body: bytes) -> None:
    assert FILES.named_in(body) == ["x"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"file_id": "mine", "file_id": "theirs"}',
        b'\xef\xbb\xbf{"file_id": "theirs"}',
        b'{"file_id": "theirs",}',
    ],
)
def test_what_two_programs_could_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as raised:
        FILES.named_in(body)
    assert raised.value.code == "json_invalid"


def test_one_that_names_too_much_is_refused() -> None:
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
def test_what_is_said_to_name_nothing_names_nothing(body: dict[str, object]) -> None:
    text = json.dumps(body).encode()
    if not FILES.may_be_in(text):
        assert FILES.fields.isdisjoint(body)
