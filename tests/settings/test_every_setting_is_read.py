"""A setting that nobody reads would be a lie: every one of them is looked for in the source."""

import ast
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import Struct

import stockyard
from stockyard.settings import Settings

PACKAGE = Path(stockyard.__file__).parent
OWN = PACKAGE / "settings"
REFUSED = frozenset({"Server.workers", "Storage.redis"})
"""Named so that they can be refused in words, as tests of the settings show."""
KEPT_AS = {"ModuleSection": "_sections"}
"""Sections that their reader has under a name of its own, for it knows no settings."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Field(NamedTuple):
    """One setting: its class, the name under which that is reached, and its own."""

    owner: str
    section: str
    name: str

    @property
    def place(self) -> str:
        return f"{self.owner}.{self.name}"


def structs_in(hint: Any) -> Iterator[type[Struct]]:
    """The sections that a type is made of: itself, or what stands in its table or list."""
    if isinstance(hint, type) and issubclass(hint, Struct):
        yield hint
    for inner in typing.get_args(hint):
        yield from structs_in(inner)


def fields_of(kind: type[Struct], section: str) -> Iterator[Field]:
    hints = typing.get_type_hints(kind)
    for name in kind.__struct_fields__:
        yield Field(kind.__name__, section, name)
        for below in structs_in(hints[name]):
            yield from fields_of(below, name)


class Scope:
    """One function (or what stands outside of all): which names in it are which section."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.nodes = nodes
        self.bound: list[tuple[str, ast.AST]] = []
        """Names, and the expression or annotation that says what they are."""
        for node in nodes:
            self._bind(node)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.arg) and node.annotation is not None:
            self.bound.append((node.arg, node.annotation))
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            self._assign(node.target, node.iter)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, its in zip(target.elts, value.elts, strict=False):
                self._assign(one, its)
        else:
            names = (node for node in ast.walk(target) if isinstance(node, ast.Name))
            self.bound += [(name.id, value) for name in names]

    def are(self, field: Field) -> set[str]:
        """The names in this scope that stand for the section of a field."""
        return {name for name, said in self.bound if self._says(said, field)}

    def _says(self, said: ast.AST, field: Field) -> bool:
        return any(
            (isinstance(node, ast.Name) and node.id == field.owner)
            or (isinstance(node, ast.Constant) and node.value == field.owner)
            or (isinstance(node, ast.Attribute) and reaches(node, field))
            for node in ast.walk(said)
        )

    def reads(self, field: Field) -> bool:
        names = self.are(field)
        for node in self.nodes:
            if isinstance(node, ast.Attribute) and node.attr == field.name:
                if isinstance(node.value, ast.Name) and node.value.id in names:
                    return True
                if reaches(node.value, field):
                    return True
            if isinstance(node, ast.Call) and self._takes_all(node, field):
                return True
        return False

    def _takes_all(self, call: ast.Call, field: Field) -> bool:
        """`asdict(section)`, with the field's name among the words of the same function."""
        if not (isinstance(call.func, ast.Attribute) and call.func.attr == "asdict"):
            return False
        if not any(reaches(argument, field) for argument in call.args):
            return False
        words = (node.value for node in self.nodes if isinstance(node, ast.Constant))
        return field.name in words


def reaches(node: ast.AST, field: Field) -> bool:
    """Whether an expression is the section of a field: `settings.http`, or for what stands deeper,
    an attribute of its name; `settings` itself for what stands at the top."""
    if field.owner == "Settings":
        return last_name(node) in ("settings", "wanted", "now")
    if not isinstance(node, ast.Attribute):
        return False
    if node.attr == field.section and field.section in Settings.__struct_fields__:
        return last_name(node.value).lstrip("_") in ("settings", "self")  # `self`: in `Settings`
    return node.attr in (field.section, KEPT_AS.get(field.owner))


def last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


FIELDS = sorted(set(fields_of(Settings, "settings")))


@cache
def scopes() -> list[Scope]:
    """Every function of the package, but for those that only read and check settings."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent == OWN and path.name != "sections.py":
            continue
        text = path.read_text()
        if "settings" not in text and "Section" not in text:
            continue
        tree = ast.parse(text)
        functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
        found += [Scope(list(ast.walk(function))) for function in functions]
    return found


@pytest.mark.parametrize("field", FIELDS, ids=[field.place for field in FIELDS])
def test_somebody_reads(field: Field) -> None:
    is_read = any(scope.reads(field) for scope in scopes())
    assert is_read or field.place in REFUSED


@pytest.mark.parametrize(
    "field",
    [
        Field("Http", "http", "hard_stop"),
        Field("Upstream", "upstream", "max_fields"),
        Field("Upstream", "upstream", "max_body"),
        Field("Server", "server", "level"),
        Field("Log", "log", "drain"),
        Field("CredentialSection", "credentials", "weight"),
        Field("ProviderTimeout", "timeout", "session_idle_"),
    ],
)
def test_what_nobody_reads_is_found(field: Field) -> None:
    assert not any(scope.reads(field) for scope in scopes())
