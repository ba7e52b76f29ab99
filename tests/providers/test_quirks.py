"""How quirks are applied: in order, to nothing that needs none, and to whatever comes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.providers.quirks import apply
from stockyard.providers.quirks.names import known
from tests.providers.quirked import ALL, CHAT, KEYS, MESSAGES, OLLAMA, a_provider, sent_by


def test_quirks_are_applied_in_the_order_of_the_row() -> None:
    names = ("max_tokens_not_completion", "clamp:max_tokens:1:100")
    body = {"max_completion_tokens": 5000}

    assert sent_by(a_provider(*names), body)[0] == {"max_tokens": 100}
    assert sent_by(a_provider(*reversed(names)), body)[0] == {"max_tokens": 5000}


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[],  "top_p":1.0}',  # no quirk looks at any of its keys
        b'{"model":"m","messages":[],  "temperature":1.0}',  # one looks, and finds it right
        b'{"model":"m","messages":[{"role":"user","content":"say \\"temperature\\""}]}',
    ],
)
def test_bytes_that_need_no_correction_are_not_touched(body: bytes) -> None:
    assert apply(a_provider("clamp:temperature:0:1"), "m", CHAT, body).body is body


def test_a_quirk_of_one_format_leaves_the_others_alone() -> None:
    body = msgspec.json.encode({"model": "m", "messages": [], "temperature": 5})

    assert apply(a_provider("clamp:temperature:0:1"), "m", MESSAGES, body).body is body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS, "content", "role", "text"]), inner, max_size=4)
    ),
    max_leaves=12,
)


EVERYTHING = a_provider(
    *ALL,
    model_traits={
        "*": [
            "reasoning",
            "no_sampling",
            "adaptive_thinking",
            "no_forced_tools",
            "no_schema_strict",
        ]
    },
)


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5),
    st.sampled_from([CHAT, MESSAGES, OLLAMA]),
)
def test_no_request_breaks_a_quirk(body: dict[str, Any], format_: str) -> None:
    raw = msgspec.json.encode(body)

    changed = apply(EVERYTHING, "m", format_, raw)

    assert isinstance(msgspec.json.decode(changed.body), dict)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"temperature"', b'{"temperature":2,"messages":5}', b'{"temperature":2}'],
)
def test_what_is_no_request_is_left_to_the_provider(body: bytes) -> None:
    assert apply(a_provider("clamp:temperature:0:1"), "m", CHAT, body).body is body


def test_deep_nesting_is_left_to_the_provider() -> None:
    body = b'{"messages":[],"temperature":2,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"

    assert apply(a_provider("clamp:temperature:0:1"), "m", CHAT, body).body is body


@pytest.mark.parametrize("name", ["", "drop", "drop:", "nice", "reasoning_field", "crlf:x"])
def test_other_names_mean_nothing(name: str) -> None:
    assert not known(name)


TELLS = {"role": "user", "content": "stockyard.1.x"}
