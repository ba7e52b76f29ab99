"""Text that is safe in a header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.fieldtext import field_text
from tests.builders import an_exchange


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain, text=1", "plain, text=1"),
        ("100%", "100%"),
        ("a\r\nb: c", "a%0D%0Ab: c"),
        ("\u00fc 5%", "%C3%BC 5%25"),
        ("\x00\x7f", "%00%7F"),
        ("x" * 2000, "x" * 1024),
    ],
)
def test_only_what_could_break_out_is_encoded(text: str, said: str) -> None:
    assert field_text(text) == said


@given(st.text(max_size=1200))
def test_the_text_is_always_one_short_printable_line_without_half_an_escape(text: str) -> None:
    said = field_text(text + "\u00fc")
    assert said.isascii()
    assert said.isprintable()
    assert len(said) <= 1024
    assert "%" not in said[-2:] or len(said) < 1023


def test_a_header_that_is_told_again_is_told_once() -> None:
    x = an_exchange()
    x.tell("Age", "1")
    x.tell("X-Stockyard-Attempts", "1")
    x.retell("X-Stockyard-Attempts", "2")
    assert x.told == [("Age", "1"), ("X-Stockyard-Attempts", "2")]
