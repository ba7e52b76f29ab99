"""Conditions and templates that operators write: harmless, whatever they say.

An expression is minijinja's, with fuel for so many steps, over plain values only. It may use the
filters listed here and nothing else that can be called; whatever is not listed is refused when the
expression is saved. Fuel does not bound memory, so what would build a value of any size from a
small one is missing: `*` (it repeats texts and lists), filters that are named by a text (`map`),
and minijinja's own `join` and `tojson`, in whose place stand ours.

A template is literal text with `{{ expression }}` in it. There are no statements.
"""

from collections.abc import Callable, Iterable, Mapping
from re import DOTALL
from re import compile as pattern
from typing import Any

import msgspec
from minijinja import Environment, TemplateError

MAX_CHARACTERS = 4096
MAX_RESULT_CHARACTERS = 256 * 1024
FUEL = 10_000

FILTERS = frozenset(
    (
        *("length", "lower", "upper", "trim", "default", "join", "split", "first", "last"),
        *("min", "max", "sum", "round", "int", "float", "string", "tojson", "sort", "unique"),
    )
)
TESTS = frozenset(
    (
        *("defined", "undefined", "none", "true", "false", "string", "number", "integer"),
        *("float", "sequence", "mapping", "in", "startingwith", "endingwith", "odd", "even"),
    )
)
WORDS = frozenset(("and", "or", "not", "in", "is", "if", "else"))
GLOBALS = ("range", "dict", "debug", "namespace")
_TOKEN = pattern(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|[0-9.]+|\S""", DOTALL)
_NAME = pattern(r"[A-Za-z_]\w*")
_FAILURES = (TemplateError, ValueError, TypeError)
_SLOT = pattern(r"\{\{(.*?)\}\}", DOTALL)


class ExpressionError(ValueError):
    """An expression that cannot be used, or that failed on the values it was given."""


class Expression:
    """One expression, checked when it is made."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_CHARACTERS:
            raise ExpressionError(f"An expression has at most {MAX_CHARACTERS} characters.")
        _check_names(source)
        self.source = source
        self._parse()

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """What it comes to. Raises ExpressionError."""
        try:
            return _ENVIRONMENT.eval_expr(self.source, **values)
        except _FAILURES as error:
            raise ExpressionError(_said(error)) from error

    def holds(self, values: Mapping[str, Any]) -> bool:
        return bool(self.evaluate(values))

    def _parse(self) -> None:
        try:
            _ENVIRONMENT.eval_expr(self.source)
        except TemplateError as error:
            if error.kind == "SyntaxError":
                raise ExpressionError(_said(error)) from error
        except _FAILURES:
            return  # it fails without values; with some it may do


class Template:
    """Text with expressions in it, checked when it is made."""

    def __init__(self, source: str) -> None:
        if "{%" in source:
            raise ExpressionError("Statements cannot be used here, only `{{ expression }}`.")
        pieces = _SLOT.split(source)
        self._literals = pieces[0::2]
        self._expressions = [Expression(piece.strip()) for piece in pieces[1::2]]

    def render(self, values: Mapping[str, Any]) -> str:
        """The text, its expressions filled in. Raises ExpressionError."""
        said = [self._literals[0]]
        for expression, literal in zip(self._expressions, self._literals[1:], strict=True):
            said.append(_as_text(expression.evaluate(values)))
            said.append(literal)
        text = "".join(said)
        if len(text) > MAX_RESULT_CHARACTERS:
            raise ExpressionError("The text that came out is too long.")
        return text


def _check_names(source: str) -> None:
    """Refuse what is called and not listed: other filters, other tests, functions, methods."""
    tokens = [(token.group(), token.start()) for token in _TOKEN.finditer(source)]
    for place, (token, column) in enumerate(tokens):
        if token == "*":  # noqa: S105  no secret
            raise ExpressionError(f"'*' cannot be used here (column {column + 1}).")
        if not _NAME.fullmatch(token) or token in WORDS:
            continue
        before = tokens[place - 1][0] if place else ""
        if before == "not" and place > 1 and tokens[place - 2][0] == "is":
            before = "is"
        after = tokens[place + 1][0] if place + 1 < len(tokens) else ""
        if before == "|":
            known = token in FILTERS
        elif before == "is":
            known = token in TESTS
        else:
            known = after != "("
        if not known:
            raise ExpressionError(f"'{token}' cannot be used here (column {column + 1}).")


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _tojson(value)


def _tojson(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _join(values: Iterable[Any], separator: str = "") -> str:
    pieces = [str(value) for value in values]
    size = sum(len(piece) for piece in pieces) + len(separator) * len(pieces)
    if size > MAX_RESULT_CHARACTERS:
        raise ValueError("the text that came out is too long")
    return separator.join(pieces)


def _said(error: Exception) -> str:
    return f"This expression cannot be used: {str(error).partition(' (in')[0][:200]}."


def _environment() -> Environment:
    ours: dict[str, Callable[..., str]] = {"join": _join, "tojson": _tojson}
    environment = Environment(fuel=FUEL, pycompat=False, debug=False, filters=ours)
    for name in GLOBALS:
        environment.remove_global(name)
    return environment


_ENVIRONMENT = _environment()
