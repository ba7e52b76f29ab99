"""A hundred pairs of pattern and text that hang other engines (S23): 20 patterns, 5 texts each.

Patterns come from operators, texts from anybody. A pattern is refused when it is set, or it takes
time in proportion to the text.
"""

from time import process_time

import pytest

from stockyard.core.scan.matcher import matcher
from stockyard.errors import InvalidConfig

REFUSED = [
    r"^(\w+\s?)*$",
    r"((a{30}){30}){30}",
    r"(a*)*",
    r"(?=a+)a+b",
    r"(a)\1+",
    r"(?<=a)b+",
    r"(?>a+)b",
]
TAKEN = [
    r"(a+)+$",
    r"(a|a)*b",
    r"(a|aa)+$",
    r"([a-zA-Z]+)*x",
    r"(.*a){20}",
    r"(x+x+)+y",
    r"(\d+)+!",
    r"(a{30}){30}",
    r"(?:a?){50}a{50}",
    r"(.*)(.*)(.*)(.*)z",
    r"[^z]*[^y]*[^x]*q",
    r"\b(\w+\W+){10}end",
    r"(?i)(foo|fo|f)+bar",
]
TEXTS = {
    "one letter": "a",
    "two letters": "ab",
    "words": "word ",
    "numbers": "1.1.1.",
    "beyond ASCII": "\u00e9a1!",
}
QUICK, LARGE = 64 * 1024, 1024 * 1024
SECONDS_PER_MIB = 30.0
"""A few seconds where everything matches, on a slow machine. What is not linear takes hours."""


@pytest.mark.parametrize("pattern", REFUSED)
def test_s23_what_cannot_be_linear_or_small_is_refused_when_it_is_set(pattern: str) -> None:
    with pytest.raises(InvalidConfig) as refusal:
        matcher(patterns=[pattern])
    assert refusal.value.path == "patterns[0]"


@pytest.mark.parametrize("size", [QUICK, pytest.param(LARGE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("pattern", TAKEN)
def test_s23_every_other_takes_time_in_proportion_to_the_text(pattern: str, size: int) -> None:
    found = matcher(patterns=[pattern])
    for what, unit in TEXTS.items():
        text = unit * (size // len(unit))
        before = process_time()
        found.find(text + "!")
        assert process_time() - before < SECONDS_PER_MIB * size / LARGE, what


def test_the_hundred_pairs_are_all_there() -> None:
    assert len({*REFUSED, *TAKEN}) * len(TEXTS) == 100
