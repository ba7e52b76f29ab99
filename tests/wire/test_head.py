"""Peeking at a request: what routing needs, and a 400 that says what is wrong."""

import json
import re

import pytest

from stockyard.errors import Refused
from stockyard.wire.codec import RequestHead
from stockyard.wire.formats import FORMATS

CHAT, MESSAGES = FORMATS["openai.chat"], FORMATS["anthropic.messages"]

HEADS = [
    ('{"model":"m","messages":[]}', RequestHead("m")),
    ('{"messages":[]}', RequestHead("")),
    ('{"messages":[{}],"model":"m","stream":true}', RequestHead("m", True)),
    ('{"model":"m","messages":[],"stream":null,"max_tokens":null}', RequestHead("m")),
    (
        '{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}',
        RequestHead("m", True, True),
    ),
    ('{"model":"m","messages":[],"max_tokens":5}', RequestHead("m", max_output=5)),
    (
        '{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":7}',
        RequestHead("m", max_output=7),
    ),
    ('{"mod\\u0065l":"\\u006d","messages":[]}', RequestHead("m")),
    ('{"model":"m","messages":[{"content":"\\ud83d\\ude00 \\"model\\":"}]}', RequestHead("m")),
]


@pytest.mark.parametrize(("body", "head"), HEADS)
def test_the_head_of_a_chat_request(body: str, head: RequestHead) -> None:
    assert CHAT.peek(body.encode()) == head


def test_messages_always_wants_usage() -> None:
    head = MESSAGES.peek(b'{"model":"m","messages":[],"max_tokens":9,"stream":true}')
    assert head == RequestHead("m", True, True, 9)


REFUSED = [
    (b"", "json_invalid", None),
    (b"not json", "json_invalid", None),
    (b"[]", "invalid_request", None),
    (b'"text"', "invalid_request", None),
    (b"null", "invalid_request", None),
    (b'{"model":"m","messages":[]} {}', "json_invalid", None),
    (b'{"model":7,"messages":[]}', "invalid_request", "model"),
    (b'{"model":["m"],"messages":[]}', "invalid_request", "model"),
    (b'{"model":"m"}', "invalid_request", "messages"),
    (b'{"model":"m","messages":"hi"}', "invalid_request", "messages"),
    (b'{"model":"m","messages":null}', "invalid_request", "messages"),
    (b'{"model":"m","messages":[],"stream":"yes"}', "invalid_request", "stream"),
    (b'{"model":"m","messages":[],"max_tokens":"5"}', "invalid_request", "max_tokens"),
    (b'{"model":"m","messages":[],"max_tokens":5.5}', "invalid_request", "max_tokens"),
    (b'{"model":"\xff","messages":[]}', "json_invalid", None),
    (b'{"model":"m","messages":["\xff"]}', "json_invalid", None),
    (b'\xef\xbb\xbf{"model":"m","messages":[]}', "json_invalid", None),
    (b'{"model":"\\ud83d","messages":[]}', "json_invalid", None),
    (b'{"model":"m","model":"n","messages":[]}', "json_invalid", None),
    (b'{"model":"m","messages":[],"messages":[]}', "json_invalid", None),
    (b'{"model":"m","messages":[],"stream":null,"stream":true}', "json_invalid", None),
    (b'{"model":"m","messages":' + b"[" * 100_000 + b"}", "json_invalid", None),
    (b'{"model":"m","messages":[NaN]}', "json_invalid", None),
]


@pytest.mark.parametrize(("body", "code", "param"), REFUSED)
def test_what_is_no_request_is_refused_with_its_field(
    body: bytes, code: str, param: str | None
) -> None:
    for codec in (CHAT, MESSAGES):
        with pytest.raises(Refused) as raised:
            codec.peek(body)
        assert (raised.value.status, raised.value.code, raised.value.param) == (400, code, param)
        assert raised.value.message.endswith(".")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The request has no body. Send one JSON object."),
        (b" \r\n", "The request has no body. Send one JSON object."),
        (b'{"model":7,"messages":[]}', "The field 'model' is not usable: expected string"),
        (b'{"model":"m","messages":[],"stream":"yes"}', "expected boolean | null, got string."),
    ],
)
def test_the_words_are_those_of_json(body: bytes, words: str) -> None:
    with pytest.raises(Refused, match=re.escape(words)):
        CHAT.peek(body)


def test_a_model_of_null_is_none_as_on_paths_that_name_it() -> None:
    assert CHAT.peek(b'{"model":null,"messages":[]}').model == ""


def test_a_repeated_option_is_refused() -> None:
    options = b'{"include_usage":false,"include_usage":true}'
    with pytest.raises(Refused):
        CHAT.peek(b'{"model":"m","messages":[],"stream_options":' + options + b"}")


WRONG = [
    ({"messages": [1]}, "messages[0]"),
    ({"messages": [{}]}, "messages[0].role"),
    ({"messages": [{"role": "robot"}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
    ({"messages": [], "temperature": "hot"}, "temperature"),
    ({"messages": [], "tools": [{"type": "function"}]}, "tools[0].function"),
    ({"messages": [], "tool_choice": "sometimes"}, "tool_choice"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG)
def test_a_decoded_request_names_the_field_at_fault(fields: dict[str, object], param: str) -> None:
    with pytest.raises(Refused) as raised:
        CHAT.decode_request(json.dumps({"model": "m", **fields}).encode())
    assert (raised.value.code, raised.value.param) == ("invalid_request", param)
