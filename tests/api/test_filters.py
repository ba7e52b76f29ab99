"""The filter grammar: what a list is asked for, in one line of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.api.filters import MAX_TERMS, Term, Value, read_filter
from stockyard.errors import Refused


@pytest.mark.parametrize(
    ("written", "terms"),
    [
        ("", []),
        ("  ", []),
        ("status:error", [Term("status", ":", (Value("error"),))]),
        ("-status:ok,refused", [Term("status", ":", (Value("ok"), Value("refused")), True)]),
        ("model:gpt-4*", [Term("model", ":", (Value("gpt-4", True),))]),
        ('model:"gpt-4*"', [Term("model", ":", (Value("gpt-4*"),))]),
        ('key:"my app",x', [Term("key", ":", (Value("my app"), Value("x")))]),
        (r'key:"a \"b\" \\"', [Term("key", ":", (Value('a "b" \\'),))]),
        ("latency>=2s", [Term("latency", ">=", (Value("2s"),))]),
        ("cost<0.01", [Term("cost", "<", (Value("0.01"),))]),
        ("at>2026-11-21T10:00:00Z", [Term("at", ">", (Value("2026-11-21T10:00:00Z"),))]),
        ("tag.app-1:web", [Term("tag.app-1", ":", (Value("web"),))]),
        ("openai/gpt-4o", [Term("", ":", (Value("openai/gpt-4o"),))]),
        ('-"two words"', [Term("", ":", (Value("two words"),), True)]),
        (
            " a:1\tb:2 ",
            [Term("a", ":", (Value("1"),)), Term("b", ":", (Value("2"),))],
        ),
    ],
)
def test_a_filter_is_read_into_terms(written: str, terms: list[Term]) -> None:
    assert list(read_filter(written)) == terms


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("status:", "missing at character 8"),
        ("status:a,", "missing at character 10"),
        ("-", "missing at character 2"),
        ('key:"open', "missing at character 5"),
        ('key:"a"b', "space must follow"),
        ("cost>1,2", "takes one value"),
        ("cost>1*", "takes one value"),
        ("a:1 " * (MAX_TERMS + 1), "at most 30 terms"),
        ("a:" + ",".join("b" * 101), "100 values"),
        ("a:" + "b" * 2_048, "at most 2,048 characters"),
    ],
)
def test_what_cannot_be_read_is_told(written: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        read_filter(written)
    assert (refused.value.status, refused.value.code) == (400, "filter_invalid")


@given(st.text(max_size=60) | st.text(alphabet='ab:>=<,"\\* -.', max_size=40))
def test_any_text_is_read_or_refused(written: str) -> None:
    try:
        terms = read_filter(written)
    except Refused:
        return
    assert all(term.values for term in terms)
