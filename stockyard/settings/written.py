"""Settings written as a config file: what is in effect, or every key with its default and meaning.

Secrets are never written; in their place stands that there is one.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.target import Secret
from stockyard.settings import sections
from stockyard.settings.sections import FROM_ENVIRONMENT_ONLY, ModuleSection, Settings
from stockyard.settings.units import Seconds, Size

HIDDEN = "(secret)"
UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def as_file(settings: Settings, *, described: bool = False) -> Iterator[str]:
    """The lines. `described`: with the meaning of each key."""
    tables = []
    for name in Settings.__struct_fields__:
        value = getattr(settings, name)
        if name in FROM_ENVIRONMENT_ONLY:
            continue
        if isinstance(value, Struct | dict):
            tables.append((name, value))
        else:
            yield f"{name} = {written(value)}"
    for name, value in tables:
        yield from table(name, value, described=described)


def table(place: str, value: Any, *, described: bool) -> Iterator[str]:
    if isinstance(value, dict) and all(isinstance(item, Struct) for item in value.values()):
        for name, item in value.items():
            yield from table(f"{place}.{key(name)}", item, described=described)
        return
    yield ""
    yield f"[{place}]"
    for name, item in entries(value):
        if isinstance(item, Struct):
            continue
        if described:
            about = meanings(type(value)).get(name, "")
            yield from (f"# {line}" for line in about.splitlines())
        yield f"{key(name)} = {written(item)}"
    for name, item in entries(value):
        if isinstance(item, Struct):
            yield from table(f"{place}.{key(name)}", item, described=described)


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """The keys of a section to write. A module's options are beside `enabled`."""
    if isinstance(value, Mapping):
        yield from value.items()
        return
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if isinstance(value, ModuleSection) and name == "config":
            yield from item.items()
        elif item is not None:
            yield name, item


def written(value: Any) -> str:
    """One value as TOML has it."""
    match value:
        case Secret():
            return text(HIDDEN)
        case Seconds():
            return text(duration(value))
        case Size():
            return text(size(value))
        case bool():
            return "true" if value else "false"
        case Path():
            return text(str(value))
        case tuple() | list():
            return "[" + ", ".join(map(written, value)) + "]"
        case Struct():
            pairs = ((name, getattr(value, name)) for name in value.__struct_fields__)
            return inline((name, item) for name, item in pairs if item is not None)
        case dict():
            return inline(value.items())
        case str():
            return text(value)
    return str(value)


def inline(pairs: Any) -> str:
    return "{ " + ", ".join(f"{key(name)} = {written(item)}" for name, item in pairs) + " }"


def text(value: str) -> str:
    return msgspec.json.encode(value).decode()


def key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else text(name)


def duration(seconds: float) -> str:
    for unit, length in UNITS:
        if seconds and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds * 1000:g}ms"


def size(count: int) -> str:
    for unit, length in SIZES:
        if count and count % length == 0:
            return f"{count // length}{unit}"
    return f"{count}B"


def meanings(section: type) -> Mapping[str, str]:
    """What the source says below each key of a section."""
    return all_meanings().get(section.__name__, {})


@cache
def all_meanings() -> Mapping[str, Mapping[str, str]]:
    source = ast.parse(inspect.getsource(sections))
    classes = (node for node in source.body if isinstance(node, ast.ClassDef))
    return {node.name: dict(documented(node)) for node in classes}


def documented(section: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(section.body, section.body[1:], strict=False):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield field.target.id, inspect.cleandoc(str(after.value.value))
