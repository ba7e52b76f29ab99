"""Reading a request's JSON so that everybody behind us reads the same."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import Refused
from stockyard.wire.strict import MAX_VALUES, check_head, is_json, parse

REFUSED = [
    ("nothing", b""),
    ("trailing data", b"{} {}"),
    ("trailing comma", b'{"a":1,}'),
    ("single quotes", b"{'a':1}"),
    ("partial", b'{"a":'),
    ("NaN", b'{"a":NaN}'),
    ("Infinity", b'{"a":-Infinity}'),
    ("a number too large", b'{"a":1e999}'),
    ("a number too long", b'{"a":' + b"1" * 65 + b"}"),
    ("a fraction too long", b'{"a":0.' + b"1" * 70 + b"}"),
    ("a leading zero", b'{"a":01}'),
    ("a lone high surrogate", b'{"a":"\\ud83d"}'),
    ("a lone low surrogate", b'{"a":"\\ude00"}'),
    ("surrogates in the wrong order", b'{"a":"\\ude00\\ud83d"}'),
    ("invalid UTF-8", b'{"a":"\xff"}'),
    ("an encoded surrogate", b'{"a":"\xed\xa0\xbd"}'),
    ("an overlong encoding", b'{"a":"\xc0\xaf"}'),
    ("a byte order mark", b"\xef\xbb\xbf{}"),
    ("UTF-16", '{"a":1}'.encode("utf-16")),
    ("a raw control character", b'{"a":"\x01"}'),
    ("an unknown escape", b'{"a":"\\q"}'),
    ("a repeated key", b'{"a":1,"a":2}'),
    ("a repeated key spelled with an escape", b'{"a":1,"\\u0061":2}'),
    ("a repeated key deep inside", b'{"x":[{"y":{"a":1,"b":2,"a":3}}]}'),
    ("arrays too deep", b"[" * 65 + b"]" * 65),
    ("objects too deep", b'{"a":' * 65 + b"1" + b"}" * 65),
    ("nesting without end", b"[" * 100_000),
    ("too many values", b"[" + b"1," * 200_000 + b"1]"),
    ("too many keys", b"{" + b",".join(b'"%d":1' % i for i in range(10_001)) + b"}"),
]


@pytest.mark.parametrize(("what", "body"), REFUSED, ids=[what for what, _ in REFUSED])
def test_what_parsers_disagree_about_is_refused(what: str, body: bytes) -> None:
    with pytest.raises(Refused) as raised:
        parse(body)
    assert (raised.value.status, raised.value.code) == (400, "json_invalid"), what
    assert raised.value.message.endswith(".")


ACCEPTED = [
    b"{}",
    b' \r\n\t{"a" : [1, 2.5e3, -0, true, null, "\\ud83d\\ude00"]} ',
    b'{"a":{"a":{"a":1}}}',
    '{"\u00e9":"\u2028: \\" {"}'.encode(),
    b'{"a":"\\": \\"b\\":"}',
    b"[" * 64 + b"]" * 64,
    b"[" * 64 + b"1" + b"]" * 64,
    b'{"a":"' + b"1" * 100 + b'"}',
]


@pytest.mark.parametrize("body", ACCEPTED)
def test_ordinary_json_is_read_as_everybody_reads_it(body: bytes) -> None:
    assert parse(body) == json.loads(body)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


def test_some_formats_may_hold_more_values_than_others() -> None:
    body = b"[%b]" % b",".join([b"1"] * (MAX_VALUES + 1))
    with pytest.raises(Refused, match="values"):
        parse(body)
    assert len(parse(body, most_values=2 * MAX_VALUES)) == MAX_VALUES + 1


@given(VALUES, st.booleans())
def test_whatever_an_encoder_writes_is_read(value: object, escaped: bool) -> None:
    body = json.dumps(value, ensure_ascii=escaped).encode("utf-8")
    assert parse(body) == value


HEAD = (b'"model"', b'"stream"')


@pytest.mark.parametrize("padding", [0, 20_000], ids=["small", "large"])
@pytest.mark.parametrize(
    ("fields", "fine"),
    [
        ('"model":"a","stream":true', True),
        ('"model":"a","tools":[{"model":1},{"model":2}]', True),
        ('"model":"a","say":"model","x":"\\"model\\":"', True),
        ('"x":1,"x":2,"model":"a"', True),
        ('"model":"a","model":"b"', False),
        ('"model":"a","mod\\u0065l":"b"', False),
        ('"stream":true,"model":"a","stream":false', False),
    ],
)
def test_a_repeated_top_level_key_is_found_without_decoding(
    fields: str, fine: bool, padding: int
) -> None:
    body = f'{{{fields},"pad":"{"x" * padding}"}}'.encode()
    if fields.startswith('"x"'):
        # Keys that nobody reads may repeat in a body that goes on as it came.
        check_head(body, HEAD)
        return
    if fine:
        check_head(body, HEAD)
    else:
        with pytest.raises(Refused):
            check_head(body, HEAD)


WIDE = {
    "empty lists": b"[" + b"[]," * 4_000_000 + b"[]]",
    "empty objects": b"[" + b"{}," * 4_000_000 + b"{}]",
    "nested lists": b"[" + (b"[" * 40 + b"]" * 40 + b",") * 100_000 + b"1]",
    "empty texts": b"[" + b'"",' * 4_000_000 + b'""]',
    "texts that end in a backslash": b"[" + b'"\\\\",' * 2_000_000 + b'""]',
    "quotes": b'["' + b'"' * 8_000_000,
}


@pytest.mark.parametrize("what", WIDE)
def test_s20_what_is_too_wide_is_refused_before_anything_is_built_of_it(what: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="values"):
            parse(WIDE[what])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 200,000 values of any kind take less; built first, those of the lists took 200 MB.
    assert most < 100_000_000, (what, most)


def test_a_string_that_never_ends_is_searched_once() -> None:
    with pytest.raises(Refused, match="not valid JSON"):
        parse(b'["' + b'\\"' * 500_000)


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        (b"{}", True),
        (b" [1] ", True),
        (b'{"a":1,"a":2}', True),
        (b"[" * 100_000, True),
        (b'{"a":"\xff"}', True),
        ('{"a":1}'.encode("utf-16"), True),
        (' {"a":1}'.encode("utf-32-be"), True),
        (b"\xef\xbb\xbf{", True),
        (b"", False),
        (b'{"a":1,}', False),
        (b'{"a":NaN}', False),
        (b"{}{}", False),
        (b"a=1&b={}", False),
        (b"--cut\r\n", False),
        (bytes(range(256)), False),
        (b"\x00\x00\x00\x18ftypmp42", False),
        (b"\xff\xfb\x90D" + bytes(100), False),
    ],
)
def test_what_is_no_json_at_all_is_told_from_what_breaks_a_rule(body: bytes, is_one: bool) -> None:
    assert is_json(body) is is_one
