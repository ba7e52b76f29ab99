"""Write the reference of all modules, generated from their files."""

import inspect
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click
import msgspec

from stockyard.cli.failure import FAILED, VerbError

GAPS = re.compile(r"\n{3,}")
HEAD = """# Modules

Written by `make docs` from the modules themselves; change those, not this page.

Every module there is, in the order in which calls pass them. Answers and errors pass in reverse.
Switch one with `stockyard modules on NAME`, set it with `stockyard modules set NAME key=value`.
"""


@click.command(hidden=True)
@click.option("--out", metavar="FILE", help="Write here; else to the terminal.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def docs(out: str | None) -> None:
    """Write the reference of all modules as Markdown."""
    text = reference()
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        made = Path(out + ".new")
        made.write_text(text, encoding="utf-8")
        os.replace(made, out)
    except OSError as error:
        raise VerbError(FAILED, f"Cannot write {out}: {error.strerror}.") from None


def reference() -> str:
    from stockyard.modules import ALIASES, CATALOG

    names: dict[str, list[str]] = {}
    for alias, (name, _) in ALIASES.items():
        names.setdefault(name, []).append(alias)
    lines = [HEAD]
    for module in CATALOG:
        lines += entry(module, names.get(module.name, []))
    return GAPS.sub("\n\n", "\n".join(lines)).rstrip() + "\n"


def entry(module: type[Any], aliases: list[str]) -> Iterator[str]:
    """One module: its documentation, what it is, and its options."""
    docs = inspect.getdoc(inspect.getmodule(module)) or ""
    title, _, rest = docs.partition("\n")
    yield f"## {module.name}\n"
    yield f"{title}\n"
    yield from prose(rest)
    yield from facts(module, aliases)
    yield from options(module)


def prose(text: str) -> Iterator[str]:
    """`Why`, `Example` and `Caller sees`; what is indented below `Example` is TOML."""
    heading = ""
    in_code = False
    for line in [*text.splitlines(), "End"]:
        begins = bool(line) and not line.startswith(" ")
        if begins and in_code:
            yield "```\n"
            in_code = False
        if begins and line in ("Why", "Example", "Caller sees"):
            heading = line
            yield f"**{heading}**\n"
            if heading == "Example":
                yield "```toml"
                in_code = True
        elif line != "End" and (line.strip() or not in_code):
            yield line.removeprefix("    ")


def facts(module: type[Any], aliases: list[str]) -> Iterator[str]:
    stage = getattr(module, "stage", None)
    told = [f"category {module.__module__.split('.')[-2]}"]
    if stage is not None:
        told += [
            f"stage {stage.name}",
            f"streamed answers: {module.streaming.value}",
            f"if it breaks: {module.fails.value}",
        ]
    told.append("on when shipped" if getattr(module, "on_by_default", False) else "off")
    if aliases:
        told.append("also known as " + ", ".join(f"`{alias}`" for alias in aliases))
    yield "\n*" + "; ".join(told) + ".*\n"


def options(module: type[Any]) -> Iterator[str]:
    from stockyard.gateway.line import config_class

    config = config_class(module)
    schemas = msgspec.json.schema(config)["$defs"]
    if not schemas.pop(config.__name__)["properties"]:
        return
    yield from table_of(config, "option")
    structs = {struct.__name__: struct for struct in structs_in(config)}
    for name, described in schemas.items():
        if described.get("properties"):
            yield f"Each of `{name}`:\n"
            yield from table_of(structs[name], "field")


def structs_in(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """A struct, and those that its fields are made of."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
        inner: Iterable[Any] = get_type_hints(hint, include_extras=True).values()
    else:
        inner = get_args(hint)
    for kind in inner:
        yield from structs_in(kind)


def table_of(struct: type[msgspec.Struct], what: str) -> Iterator[str]:
    described = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
    hints = get_type_hints(struct, include_extras=True)
    yield f"| {what} | default | meaning |"
    yield "|---|---|---|"
    for field in msgspec.structs.fields(struct):
        option = described[field.encode_name]
        default = "" if "default" not in option else as_code(option["default"])
        value = value_of(option)
        told = (value.get("description"), bounds(value, words_in(hints[field.name])))
        meaning = " ".join(filter(None, told))
        yield f"| `{field.encode_name}` | {cell(default)} | {cell(meaning)} |"
    yield ""


def as_code(value: object) -> str:
    return f"`{msgspec.json.encode(value).decode()}`"


def value_of(option: dict[str, Any]) -> dict[str, Any]:
    """What describes an option; one that may be null is described by what it is otherwise."""
    kinds = (option, *option.get("anyOf", ()))
    return next((kind for kind in kinds if "description" in kind), option)


def words_in(hint: Any) -> tuple[str, ...]:
    """The words an option can be, in the order of its description. A schema has them sorted."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((words for inner in get_args(hint) if (words := words_in(inner))), ())


def bounds(option: dict[str, Any], words: tuple[str, ...]) -> str:
    """What may be said, in words."""
    if words:
        each = "Any of" if option.get("type") == "array" else "One of"
        return f"{each} " + ", ".join(f"`{word}`" for word in words) + "."
    least, most = option.get("minimum"), option.get("maximum")
    if least is not None and most is not None:
        return f"{least:,} to {most:,}."
    return ""


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
