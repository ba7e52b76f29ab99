"""The model that stands first in what is uploaded, found without reading what follows."""

import tracemalloc

import pytest

from stockyard.gateway.first_model import LOOKED_AT, first_model, own_model
from stockyard.testing.yard import Yard

LINE = b'{"custom_id":"a","method":"POST","url":"/v1/x","body":{"model":"gpt-5","x":[1]}}'
REQUEST = b'{"custom_id":"a","params":{"max_tokens":1,"messages":["]}\\"{"],"model":"claude-5"}}'
LONG = b"x" * LOOKED_AT


def a_form(file: bytes) -> bytes:
    head = b'--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return head + file + b"\r\n--cut--\r\n"


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (a_form(LINE + b"\n" + LINE.replace(b"gpt-5", b"other")), "gpt-5"),
        (a_form(b"\r\n " + LINE + b"\n" + LONG), "gpt-5"),
        (a_form(LINE.replace(b"[1]", b'["%b"]' % LONG[:-200]) + b"\n{"), "gpt-5"),
        (a_form(LINE.replace(b"[1]", b'["%b"]' % LONG)), ""),
        (a_form(b'{"model":"m","body":1}'), ""),
        (a_form(b""), ""),
        (LINE, "gpt-5"),
        (b'{"input_file_id":"f","model":"m"}', "m"),
        (b'{"requests":[%b,%b]}' % (REQUEST, REQUEST.replace(b"claude", b"x")), "claude-5"),
        (b'{"metadata":{},"requests":[%b]}' % REQUEST, "claude-5"),
        (b' { "requests" : [ %b , {"x":"%b"}]}' % (REQUEST, LONG), "claude-5"),
        (b'{"requests":[1,%b,{"x":"%b"}]}' % (REQUEST, LONG), ""),
        (b'{"requests":[%b' % REQUEST.replace(b'"]}', b'%b"]}' % LONG), ""),
        (b'{"requests":["%b"]}' % LONG, ""),
        (b'{"requests":[%b' % LONG, ""),
        (b'{"metadata":"%b","requests":[%b]}' % (LONG, REQUEST), ""),
        (b"[" * LOOKED_AT * 2, ""),
        (b'{"requests":[' + b"[" * LOOKED_AT, ""),
        (b'{"requests":[]}', ""),
        (b"no json", ""),
        (b"", ""),
    ],
    ids=range(21),
)
def test_the_model_is_found_near_the_beginning_or_not_at_all(body: bytes, model: str) -> None:
    assert first_model(body) == model


def test_a_list_of_many_takes_no_more_memory_than_one_of_few() -> None:
    body = b'{"requests":[%b%b]}' % (REQUEST, b",{}" * (2 << 20))
    tracemalloc.start()
    try:
        assert first_model(body) == "claude-5"
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 4 << 20


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (b'{"model":"command-r","message":"hi"}', "command-r"),
        (b' {"input":"hi","model":"models/gemini-x"}', "gemini-x"),
        (b'{"input":"%b","model":"m"}' % LONG, ""),
        (b'{"model":{"id":"m"}}', ""),
        (b"[]", ""),
        (b"no json", ""),
        (b"", ""),
    ],
    ids=range(7),
)
def test_the_model_of_one_call_is_that_of_its_body(body: bytes, model: str) -> None:
    assert own_model(body) == model


async def test_a_call_that_nobody_reads_has_its_model_in_the_trace(yard: Yard) -> None:
    told = b'{"text":"hi","meta":{"tokens":{"input_tokens":7,"output_tokens":1}}}'
    yard.provider("cohere").sends(200, {"content-type": "application/json"}, told)
    await yard.call("/cohere/v1/chat", {"model": "command-r", "message": "hi"})
    x = yard.last.exchange
    assert x.target is not None
    assert (x.kind, x.received.model, x.target.model) == ("passthrough", "command-r", "command-r")
    assert x.usage is not None
    assert (x.usage.prompt, x.usage.completion) == (7, 1)


@pytest.mark.parametrize(
    ("named", "model"),
    [
        ("models/gemini-x", "gemini-x"),
        ("projects/p/locations/l/publishers/google/models/gemini-x", "gemini-x"),
        ("publishers/google/models/gemini-x", "gemini-x"),
        ("accounts/fireworks/models/llama", "accounts/fireworks/models/llama"),
        ("meta/llama", "meta/llama"),
        ("models/", "models/"),
    ],
)
def test_the_path_that_a_cloud_writes_before_a_name_is_no_part_of_it(
    named: str, model: str
) -> None:
    assert own_model(b'{"model":"%b"}' % named.encode()) == model
