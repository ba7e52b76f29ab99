"""The program: its verbs, and what happens when none is given."""

import click

from stockyard.cli.serve import serve


class Verbs(click.Group):
    """`stockyard` alone serves; a bare argument that is a file is a config file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and not args[0].startswith("-")):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def program() -> None:
    """Stockyard: an LLM gateway, and the platform around it."""


program.add_command(serve)
program.add_command(serve, "start")


def main() -> None:
    program()
