"""The filter of lists: `status:error model:gpt-4* -tag.app:web latency>2s` (`api.md` 1.5).

    filter = term *( SP term )          term  = ["-"] ( field op value *( "," value ) | words )
    op     = ":" / ">" / ">=" / "<" / "<="      value = bare / DQUOTE text DQUOTE

All terms must hold; of the values of one term, any. A bare value that ends in `*` stands for all
that begin so. Which fields there are and what they mean is up to each list; this only reads the
grammar.
"""

import re
from typing import Literal, NamedTuple, NoReturn, cast

from stockyard.errors import Refused

MAX_CHARACTERS = 2_048
MAX_TERMS = 30
MAX_VALUES = 100
"""In all terms together."""

Operator = Literal[":", ">", ">=", "<", "<="]

HEAD = re.compile(r"(-?)([a-z][a-z_]*(?:\.[A-Za-z0-9_-]{1,50})?)(:|>=|<=|>|<)")
VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s",]+)')
ESCAPED = re.compile(r"\\(.)")


class Value(NamedTuple):
    text: str
    begins: bool = False
    """A prefix match: the value ended in `*`."""


class Term(NamedTuple):
    field: str
    """Empty for words that no field is named for."""
    operator: Operator
    values: tuple[Value, ...]
    negated: bool = False


def read_filter(written: str) -> tuple[Term, ...]:
    """Raises Refused (400 `filter_invalid`)."""
    if len(written) > MAX_CHARACTERS:
        invalid(f"A filter has at most {MAX_CHARACTERS:,} characters.")
    terms: list[Term] = []
    at = _past_space(written, 0)
    while at < len(written):
        term, at = _term(written, at)
        terms.append(term)
        if at < len(written) and not written[at].isspace():
            invalid(f"A space must follow the term that ends at character {at}.")
        at = _past_space(written, at)
    if len(terms) > MAX_TERMS or sum(len(term.values) for term in terms) > MAX_VALUES:
        invalid(f"A filter has at most {MAX_TERMS} terms and {MAX_VALUES} values.")
    return tuple(terms)


def invalid(message: str) -> NoReturn:
    raise Refused(400, "filter_invalid", message, param="filter")


def _past_space(written: str, at: int) -> int:
    while at < len(written) and written[at].isspace():
        at += 1
    return at


def _term(written: str, at: int) -> tuple[Term, int]:
    head = HEAD.match(written, at)
    if head is None:
        negated = written[at] == "-"
        words, at = _value(written, at + negated)
        return Term("", ":", (words,), negated), at
    values: list[Value] = []
    at = head.end()
    while True:
        value, at = _value(written, at)
        values.append(value)
        if written[at : at + 1] != ",":
            break
        at += 1
    operator = cast(Operator, head[3])
    if operator != ":" and (len(values) > 1 or values[0].begins):
        invalid(f'"{head[2]}{operator}" takes one value.')
    return Term(head[2], operator, tuple(values), bool(head[1])), at


def _value(written: str, at: int) -> tuple[Value, int]:
    found = VALUE.match(written, at)
    if found is None:
        invalid(f"A value is missing at character {at + 1}.")
    quoted, bare = found.groups()
    if bare is None:
        return Value(ESCAPED.sub(r"\1", quoted)), found.end()
    begins = bare.endswith("*")
    return Value(bare.removesuffix("*"), begins), found.end()
