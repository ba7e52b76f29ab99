"""Print the script that completes verbs and options in your shell."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes verbs in your shell.

    For bash: stockyard completion bash >> ~/.bashrc
    """
    from stockyard.cli.program import program

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(made(program, {}, "stockyard", "_STOCKYARD_COMPLETE").source())
