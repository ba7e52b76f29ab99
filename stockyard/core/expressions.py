"""Evaluate the conditions and templates that operators write, safely whatever they contain.

Expressions are those of minijinja, over plain values only, with a limit on the number of steps
("fuel"). They may use the filters and tests listed here and call nothing else; anything else is
refused when the expression is saved. Fuel does not bound memory, so operations that build a large
value from a small one are missing: `*` (it repeats texts and lists), filters that take the name of
a filter (`map`), and minijinja's own `join` and `tojson`, which are replaced by bounded ones.

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
    """An expression that cannot be used, or that failed on the given values."""


class Expression:
    """One expression, checked when it is made."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_CHARACTERS:
            raise ExpressionError(f"An expression has at most {MAX_CHARACTERS} characters.")
        _check_names(source)
        self.source = source
        self._parse()

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value of the expression. Raises ExpressionError."""
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
            return  # it fails without values, which proves nothing


class Template:
    """Text with expressions in it, checked when it is made."""

    def __init__(self, source: str) -> None:
        if "{%" in source:
            raise ExpressionError("Statements cannot be used here, only `{{ expression }}`.")
        pieces = _SLOT.split(source)
        self._literals = pieces[0::2]
        self._expressions = [Expression(piece.strip()) for piece in pieces[1::2]]

    def render(self, values: Mapping[str, Any]) -> str:
        """The text with its expressions filled in. Raises ExpressionError."""
        pieces = [self._literals[0]]
        for expression, literal in zip(self._expressions, self._literals[1:], strict=True):
            pieces.append(_as_text(expression.evaluate(values)))
            pieces.append(literal)
        text = "".join(pieces)
        if len(text) > MAX_RESULT_CHARACTERS:
            raise ExpressionError("The text that came out is too long.")
        return text


def _check_names(source: str) -> None:
    """Refuse anything callable that is not listed: other filters and tests, functions, methods."""
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
