"""Conditions and templates that operators write."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.expressions import Expression, ExpressionError, Template

VALUES: dict[str, Any] = {"model": "gpt-4", "tokens": 12, "tags": {"a": "b"}, "text": "Hi, you"}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("model == 'gpt-4'", True),
        ("tokens > 10 and 'you' in text", True),
        ("tags.a", "b"),
        ("missing is defined", False),
        ("missing|default('x')", "x"),
        ("text|lower|split(', ')|last", "you"),
        ("['a', 'b']|join('-')", "a-b"),
        ("model is startingwith('gpt')", True),
        ("'big' if tokens >= 12 else 'small'", "big"),
        ("tags|tojson", '{"a":"b"}'),
        ("tokens + 1 - 3", 10),
    ],
)
def test_an_expression_has_the_value_that_it_says(source: str, value: object) -> None:
    assert Expression(source).evaluate(VALUES) == value


@pytest.mark.parametrize(
    "source",
    [
        "",
        "1 +",
        "a b",
        "true) or (true",
        "1 }} {{ 2",
        "range(9)",
        "debug()",
        "text.upper()",
        "text|replace('a', 'b')",
        "text|attr('x')",
        "[1]|map('tojson')|list",
        "tokens is divisibleby(2)",
        "'a' * 1000000",
        "2 ** 9",
        "x" * 5000,
    ],
)
def test_a_bad_expression_is_refused_when_it_is_saved(source: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(source)


@pytest.mark.parametrize(
    "source",
    [
        "missing.field.deeper > 3",
        "text > 3 - text",
        "(debug)()",
        "[1]|tojson(indent=1000000000)",
        "text|split('')|join(big)",
    ],
)
def test_an_expression_that_fails_later_is_an_error_of_its_own(source: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(source).evaluate({**VALUES, "big": "x" * 200_000})


def test_a_name_in_a_text_is_no_name() -> None:
    assert Expression("'|debug() is bad(' in text").evaluate(VALUES) is False


@given(st.text(max_size=40))
def test_any_text_is_either_refused_or_harmless(source: str) -> None:
    try:
        Expression(source).evaluate(VALUES)
    except ExpressionError:
        pass


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{ model }}!", "gpt-4!"),
        ("{{tokens}} {{ tags }}{{ none }}", '12 {"a":"b"}'),
        ("{ {not} }", "{ {not} }"),
        ("", ""),
    ],
)
def test_a_template_is_filled_in(source: str, text: str) -> None:
    assert Template(source).render(VALUES) == text


@pytest.mark.parametrize("source", ["{% if x %}", "{{ range(3) }}", "{{ }}"])
def test_a_template_has_expressions_only(source: str) -> None:
    with pytest.raises(ExpressionError):
        Template(source)


def test_a_text_that_grows_too_long_is_an_error() -> None:
    with pytest.raises(ExpressionError):
        Template("{{ text }}" * 3).render({"text": "x" * 100_000})
