"""Which texts could still grow into a match."""

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.core.scan.growing import UnusableError, growing
from stockyard.core.scan.regex import growing_tail, regex
from stockyard.core.scan.rule import Rule, pack, sample

RULES = [rule for name in ("pii", "secrets", "injection") for rule in pack(name).rule]


def open_tail(pattern: str, text: str) -> str:
    """The part of a text that could still grow."""
    data = text.encode()
    found = growing_tail([pattern]).search(data)
    assert found is not None
    return data[found.start() :].decode()


@pytest.mark.parametrize(
    ("pattern", "text", "held"),
    [
        ("falcon", "my fal", "fal"),
        ("falcon", "my fall", ""),
        ("falcon", "my falcon", "falcon"),
        ("falcon", "my falcon ", ""),
        (r"\bcat\b", "a cat", "cat"),
        (r"\bcat\b", "a scat", ""),
        (r"a+b", "baaa", "aaa"),
        (r"[0-9]{3}-[0-9]{2}", "12345-6", "345-6"),
        (r"(?i)key=(\w{4})", "the KEY=ab", "KEY=ab"),
        (r"x(?:yz)?!", "wxyz", "xyz"),
        (r"x(?:yz)?!", "wxzy", ""),
        (r"\Qa.b\E+c", "a.bb", "a.bb"),
        (r"[^]a-c[:digit:]]{2}q", "zz", "zz"),
        (r"\x{41}\x42\101\d", "_ABA", "ABA"),
        (r"x{,3}y", "x{,3", "x{,3"),
        (r"a(?i)b|c", "aC", "C"),
        (r"(?s:a.)*b$", "a\nab", "a\nab"),
        (r"straße\d", "die straß", "straß"),
    ],
)
def test_the_tail_that_could_be_the_beginning_of_a_match(
    pattern: str, text: str, held: str
) -> None:
    assert open_tail(pattern, text) == held


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_beginning_of_a_sample_is_ever_taken_for_finished(rule: Rule) -> None:
    pattern = regex(rule.expression)
    tail = growing_tail([rule.expression])
    for written in rule.positive:
        data = sample(written).encode()
        match = pattern.search(data)
        assert match is not None
        start, end = match.span()
        matched = data[start:end].decode()
        for length in range(len(matched) + 1):
            held = tail.search(data[:start] + matched[:length].encode())
            assert held is not None
            assert held.start() <= start


ATOMS = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", r"\d", "1", r"\b", "(?i:a)", "ba"])


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    times = st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "{90,99}"])
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, times).map(lambda pair: f"({pair[0]}){pair[1]}"),
    )


@settings(max_examples=300)
@given(
    st.recursive(ATOMS, _compound, max_leaves=6),
    st.text("ab1 \n", max_size=12),
)
def test_every_prefix_of_a_match_could_grow(pattern: str, text: str) -> None:
    data = text.encode()
    try:
        compiled = regex(pattern)
    except re2.error:
        return
    tail = growing_tail([pattern])
    for begin in range(len(data)):
        match = compiled.search(data, begin)
        if match is None:
            return
        start, end = match.span()
        for cut in range(start, end + 1):
            held = tail.search(data[:cut], begin)
            assert held is not None
            assert held.start() <= start


def test_patterns_that_nest_without_end_are_refused() -> None:
    with pytest.raises(UnusableError):
        growing("(" * 200 + "a" + ")" * 200)
