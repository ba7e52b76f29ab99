"""The fields that the filter of Traces knows, and how their values are parsed.

A field is a place of the row (`store.PLACES`) and a kind of value. Durations are milliseconds
unless they say `us`, `s`, `m` or `h`; money is dollars.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TypeAlias

from stockyard.api.filters import Operator, Term, Value, invalid, read_filter
from stockyard.api.moments import moment
from stockyard.apps.lookout.store import PLACES, Condition, Test
from stockyard.errors import Refused

Reader: TypeAlias = Callable[[str], str | int]

DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(us|ms|s|m|h)?")
US_PER = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
NUMBER = re.compile(r"\d{1,15}")
YES, NO = ("true", "yes", "1"), ("false", "no", "0")


def conditions_of(written: str, *, searches: bool = False) -> list[Condition]:
    """Raises Refused: 400 `filter_invalid`, or `search_off` for words without a field where texts
    are not searched."""
    return [
        _condition(term) if term.field else _words(term, searches=searches)
        for term in read_filter(written)
    ]


def has_words(written: str) -> bool:
    """Whether texts must be searched."""
    return any(not term.field for term in read_filter(written))


def text(value: str) -> str:
    return value


def number(value: str) -> int:
    if NUMBER.fullmatch(value) is None:
        invalid(f'"{value}" is not a whole number.')
    return int(value)


def duration(value: str) -> int:
    found = DURATION.fullmatch(value)
    if found is None:
        invalid(f'"{value}" is not a duration: write 500ms or 2s.')
    return int(Decimal(found[1]) * US_PER[found[2] or "ms"])


def dollars(value: str) -> int:
    try:
        micros = Decimal(value) * 1_000_000
    except InvalidOperation:
        invalid(f'"{value}" is not an amount of dollars.')
    if not micros.is_finite() or abs(micros) > 1 << 60:
        invalid(f'"{value}" is not an amount of dollars.')
    return int(micros)


def flag(value: str) -> int:
    if value not in (*YES, *NO):
        invalid(f'"{value}" is neither true nor false.')
    return int(value in YES)


def instant(value: str) -> int:
    at = moment(value, "filter")
    assert at is not None  # noqa: S101  only None gives None
    return at


FIELDS: Mapping[str, Reader] = {
    "at": instant,
    "id": text,
    "status": text,
    "http": number,
    "error": text,
    "model": text,
    "asked": text,
    "provider": text,
    "credential": text,
    "key": text,
    "team": text,
    "kind": text,
    "format": text,
    "stream": flag,
    "cache": text,
    "tokens": number,
    "tokens_in": number,
    "tokens_out": number,
    "cost": dollars,
    "latency": duration,
    "first_byte": duration,
    "gateway": duration,
    "attempts": number,
    "client": text,
    "config": number,
    "has": text,
    "finding.module": text,
    "finding.action": text,
}
HAS = ("findings", "body")
"""Values of the filter `has`."""


def _words(term: Term, *, searches: bool) -> Condition:
    if not searches:
        raise Refused(400, "search_off", "No text is kept that words could be searched in.")
    [value] = term.values
    quoted = '"' + value.text.replace('"', '""') + '"' + ("*" if value.begins else "")
    return Condition(PLACES["words"], (Test("=", 1),), key=quoted, negated=term.negated)


def _condition(term: Term) -> Condition:
    place, key = term.field, ""
    if term.field.startswith("tag."):
        place, key = "tag", term.field.removeprefix("tag.")
    elif term.field not in FIELDS:
        _unknown(term.field)
    read = FIELDS.get(place, text)
    if read in (text, flag) and term.operator != ":":
        invalid(f'"{term.field}" has no order: write {term.field}:value.')
    if place == "has":
        _must_be_kept(term.values)
    if read not in (text, number) and any(value.begins for value in term.values):
        invalid(f'"{term.field}" takes whole values, without "*".')
    tests = tuple(_test(read, term.operator, value) for value in term.values)
    return Condition(PLACES[place], tests, key=key, negated=term.negated)


def _test(read: Reader, operator: Operator, value: Value) -> Test:
    if value.begins:
        return Test("begins", value.text)
    return Test("=" if operator == ":" else operator, read(value.text))


def _must_be_kept(values: tuple[Value, ...]) -> None:
    for value in values:
        if value.text not in HAS or value.begins:
            invalid(f'A Trace cannot have "{value.text}". It can have: {", ".join(HAS)}.')


def _unknown(field: str) -> None:
    close = get_close_matches(field, FIELDS, n=1)
    hint = f' Did you mean "{close[0]}"?' if close else f" There are {', '.join(FIELDS)}, tag.*."
    invalid(f'There is no field "{field}".{hint}')
