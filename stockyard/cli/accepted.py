"""Flags that every verb accepts, so that scripts can pass the same ones to all.

Nothing is coloured, so `--no-color` changes nothing, nor does `--yes` where nothing is asked.
Imports little: `stockyard version` passes here.
"""

from contextlib import redirect_stdout

import click


def be_quiet(context: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        context.with_resource(redirect_stdout(None))


ACCEPTED = (
    click.Option(["--no-color"], is_flag=True, expose_value=False, hidden=True),
    click.Option(["--yes"], is_flag=True, expose_value=False, hidden=True),
    click.Option(
        ["--quiet"],
        is_flag=True,
        expose_value=False,
        callback=be_quiet,
        help="Print nothing but errors.",
    ),
)


def with_accepted_flags(command: click.Command) -> click.Command:
    """Add those that the verb, or a verb below it, does not have itself."""
    if isinstance(command, click.Group):
        for verb in command.commands.values():
            with_accepted_flags(verb)
        return command
    known = {name for parameter in command.params for name in parameter.opts}
    command.params += [option for option in ACCEPTED if option.opts[0] not in known]
    return command
