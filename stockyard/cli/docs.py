"""Write the reference of all modules, generated from their files."""

import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    schema = msgspec.json.schema(config)
    tables = schema["$defs"]
    own = tables.pop(config.__name__)
    if not own["properties"]:
        return
    yield from table_of(own, "option")
    for name, described in tables.items():
        if described.get("properties"):
            yield f"Each of `{name}`:\n"
            yield from table_of(described, "field")


def table_of(described: dict[str, Any], what: str) -> Iterator[str]:
    yield f"| {what} | default | meaning |"
    yield "|---|---|---|"
    for name, option in described["properties"].items():
        default = "" if "default" not in option else as_code(option["default"])
        meaning = " ".join(part for part in (option.get("description", ""), bounds(option)) if part)
        yield f"| `{name}` | {cell(default)} | {cell(meaning)} |"
    yield ""


def as_code(value: object) -> str:
    return f"`{msgspec.json.encode(value).decode()}`"


def bounds(option: dict[str, Any]) -> str:
    """What may be said, in words."""
    if "enum" in option:
        return "One of " + ", ".join(f"`{value}`" for value in option["enum"]) + "."
    least, most = option.get("minimum"), option.get("maximum")
    if least is not None and most is not None:
        return f"{least:,} to {most:,}."
    return ""


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
