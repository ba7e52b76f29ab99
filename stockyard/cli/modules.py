"""Show, switch and configure modules. The next call sees the change."""

from typing import Any
from urllib.parse import quote

import click
import msgspec

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.failure import WRONG_USE, VerbError
from stockyard.cli.flags import server_flags
from stockyard.cli.table import table

PATH = "/api/chute/modules"
Answer = dict[str, Any]


@click.group()
def modules() -> None:
    """Show, switch and configure modules."""


@modules.command("list")
@click.option("--category", help="Only those of this category.")
@click.option("--on/--off", "enabled", default=None, help="Only those that are on, or off.")
@server_flags
def list_modules(server: Server, category: str | None, enabled: bool | None, as_json: bool) -> None:
    """Show every module in the order in which calls pass them."""
    answer = server.get(PATH)
    categories = sorted({module["category"] for module in answer["modules"]})
    if category not in (None, *categories):
        raise VerbError(
            WRONG_USE, f'No module is of category "{category}": choose {", ".join(categories)}.'
        )
    found = [
        module
        for module in answer["modules"]
        if category in (None, module["category"]) and enabled in (None, module["enabled"])
    ]
    if as_json:
        print_json({**answer, "modules": found, "count": len(found)})
        return
    rows = [(one["name"], one["state"], one["category"], one["title"]) for one in found]
    for line in table(("NAME", "STATE", "CATEGORY", "WHAT IT DOES"), rows):
        click.echo(line)


@modules.command("show")
@click.argument("name")
@server_flags
def show(server: Server, name: str, as_json: bool) -> None:
    """Show one module: its purpose and its options."""
    module = server.get(path_of(name))
    if as_json:
        print_json(module)
        return
    click.echo(f"{module['name']}: {module['state']} (set: {module['set_at']})\n")
    click.echo(module["docs"].rstrip() + "\n")
    click.echo(f"[modules.{module['name']}]")
    click.echo(f"enabled = {as_toml(module['enabled'])}")
    for option, value in module["config"].items():
        click.echo(f"{option} = {as_toml(value)}")


@modules.command("on")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@server_flags
def switch_on(server: Server, names: tuple[str, ...], as_json: bool) -> None:
    """Switch modules on: all of them, or none if one is unknown."""
    switch(server, names, enabled=True, as_json=as_json)


@modules.command("off")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@server_flags
def switch_off(server: Server, names: tuple[str, ...], as_json: bool) -> None:
    """Switch modules off: all of them, or none if one is unknown."""
    switch(server, names, enabled=False, as_json=as_json)


@modules.command("set")
@click.argument("name")
@click.argument("assignments", nargs=-1, required=True, metavar="KEY=VALUE…")
@server_flags
def set_options(server: Server, name: str, assignments: tuple[str, ...], as_json: bool) -> None:
    """Set options of a module; the others stay. Values are written as in TOML."""
    module = server.get(path_of(name))
    config = module["config"]
    for assignment in assignments:
        assign(config, assignment)
    # A change in between is somebody else's, and must not be undone without notice.
    answer = server.put(path_of(name), {"config": config}, if_match=f'"v{module["version"]}"')
    tell(answer["module"], answer["config_version"], answer, as_json=as_json)


@modules.command("reset")
@click.argument("name")
@server_flags
def reset(server: Server, name: str, as_json: bool) -> None:
    """Discard what was set: back to the config file, or to the defaults."""
    answer = server.delete(path_of(name))
    tell(answer["module"], answer["config_version"], answer, as_json=as_json)


@modules.command("stats")
@click.argument("name")
@server_flags
def stats(server: Server, name: str, as_json: bool) -> None:
    """Show a module's statistics since the server started."""
    found = server.get(f"{path_of(name)}/stats")
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['name']}: {found['state']}")
    for counter, value in found["counters"].items():
        click.echo(f"{counter}: {as_toml(value)}")


@modules.command("line")
@click.option("--kind", help="Only those that calls of this kind pass, such as chat.")
@server_flags
def show_line(server: Server, kind: str | None, as_json: bool) -> None:
    """Show the modules that calls pass now, in order; answers pass them in reverse."""
    path = "/api/chute/line"
    found = server.get(f"{path}?kind={quote(kind, safe='')}" if kind else path)
    if as_json:
        print_json(found)
        return
    rows = [(one["name"], one["stage"], one["streaming"], one["fails"]) for one in found["line"]]
    for line in table(("NAME", "STAGE", "STREAMS", "FAILS"), rows):
        click.echo(line)


def switch(server: Server, names: tuple[str, ...], *, enabled: bool, as_json: bool) -> None:
    if len(names) == 1:
        answer = server.put(path_of(names[0]), {"enabled": enabled})
        tell(answer["module"], answer["config_version"], answer, as_json=as_json)
        return
    answer = server.post(f"{PATH}/bulk", {"modules": list(names), "enabled": enabled})
    if as_json:
        print_json(answer)
    else:
        state = "on" if enabled else "off"
        click.echo(f"{answer['affected']} modules are {state} (config {answer['config_version']}).")


def tell(module: Answer, version: int, answer: Answer, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{module['name']} is {module['state']} (config {version}).")


def assign(config: Answer, assignment: str) -> None:
    """`key=value` or `table.key=value`, put into the Config."""
    from stockyard.settings.load import from_text

    option, equals, text = assignment.partition("=")
    *tables, key = option.strip().split(".")
    if not (equals and key):
        raise VerbError(WRONG_USE, f'"{assignment}" is not KEY=VALUE.')
    for table_name in tables:
        config = config.setdefault(table_name, {})
        if not isinstance(config, dict):
            raise VerbError(WRONG_USE, f'"{table_name}" holds no options: set it as a whole.')
    config[key] = from_text(text.strip())


def as_toml(value: object) -> str:
    """A value as it is written in the config file."""
    if isinstance(value, dict):
        pairs = (f"{key} = {as_toml(item)}" for key, item in value.items() if item is not None)
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    return msgspec.json.encode(value).decode()


def path_of(name: str) -> str:
    return f"{PATH}/{quote(name, safe='')}"
