"""The program: its verbs, and what happens when none is given.

A verb's file is imported when it is used: `stockyard version` must not wait for a database driver.
Whatever goes wrong is told in one line, `stockyard: what happened (where): what to do`.
"""

import errno
import os
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

import click

from stockyard.cli.accepted import with_accepted_flags
from stockyard.cli.failure import VerbError
from stockyard.errors import CannotStart

VERBS = {
    "serve": ("serve", "Start the gateway. This is what `stockyard` alone does."),
    "start": ("serve", "The same as serve."),
    "stop": ("stop", "Stop the running gateway once its calls have ended."),
    "restart": ("restart", "Restart the gateway without failing a call."),
    "reload": ("reload", "Reload the changed config file while calls run."),
    "health": ("health", "Report whether the gateway runs: exit code 0 or 1."),
    "open": ("page", "Open the gateway's page in the browser."),
    "version": ("version", "Print the version."),
    "doctor": ("doctor", "Check this machine and this installation."),
    "config": ("config", "Show the settings, check a config file, list every setting."),
    "modules": ("modules", "Show, switch and configure modules."),
    "keys": ("keys", "Create, list, limit and revoke Keys."),
    "logs": ("logs", "Show calls, the newest last."),
    "explain": ("explain", "Explain what happened to a call."),
    "events": ("events", "Print events as they happen."),
    "aliases": ("aliases", "Define your own names for models."),
    "models": ("models", "List the models that can be called."),
    "prices": ("prices", "Show what models cost."),
    "docs": ("docs", "Write the reference of all modules."),
    "completion": ("completion", "Print the script that completes verbs in your shell."),
}
"""Verb -> the file that holds it, and its help in the list of verbs."""
HIDDEN = ("start", "docs")
SAME = {"-v": "version", "--version": "version", "--health": "health"}
"""Verbs that are also known as flags."""
INTERNAL_ERROR = 70
IO_ERROR = 74
NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
INTERRUPTED = 130


class Verbs(click.Group):
    """`stockyard` alone serves; a bare argument that is a file is a config file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in VERBS if name not in HIDDEN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        file, _ = VERBS[cmd_name]
        command: click.Command = getattr(import_module(f"stockyard.cli.{file}"), file)
        return command if file == "serve" else with_accepted_flags(command)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first in SAME:
            args = [SAME[first], *args[1:]]
        elif first not in VERBS and first not in ctx.help_option_names:
            if first and not first.startswith("-") and not looks_like_a_file(first):
                raise click.UsageError(f'There is no verb "{first}".{nearest(first)}')
            verb = next((word for word in args if word in VERBS), "")
            if verb and not looks_like_a_file(verb):
                raise click.UsageError(f"Put the verb first: stockyard {verb} {first} ...")
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, VERBS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def program() -> None:
    """Stockyard: an LLM gateway, and the platform around it."""


def main() -> None:
    """Run one verb and end the process with its exit code."""
    arguments = sys.argv[1:]
    try:
        code = program.main(arguments, prog_name="stockyard", standalone_mode=False)
    except (CannotStart, VerbError) as error:
        fail(error.exit_code, error.message, arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        fail(error.exit_code, error.format_message(), arguments)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output is gone; reporting that would fail too.
        drop_output()
        sys.exit(1)
    except OSError as error:
        code, what = told_of(error)
        drop_output()
        fail(code, what, arguments)
    except Exception as error:  # The edge of the program: nobody is left to handle it.
        fail(INTERNAL_ERROR, on_our_side(error), arguments)
    sys.exit(code if isinstance(code, int) else 0)


def drop_output() -> None:
    """What is still buffered would fail once more at the end of the process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def told_of(error: OSError) -> tuple[int, str]:
    """Exit code and message. A disk that cannot be written is nobody's bug."""
    if error.errno not in NOT_WRITTEN:
        return INTERNAL_ERROR, on_our_side(error)
    return IO_ERROR, f"Cannot write ({error.filename or 'output'}): {error.strerror}."


def on_our_side(error: Exception) -> str:
    return f"An error on our side ({type(error).__name__}): see it with --debug and report it."


def fail(code: int, message: str, arguments: list[str]) -> NoReturn:
    """One line; with `--debug` also where it happened."""
    if "--debug" in arguments:
        traceback.print_exc()
    if sys.stderr is not None:  # None when it was closed before we began.
        print(f"stockyard: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def looks_like_a_file(word: str) -> bool:
    return os.path.exists(word) or word.endswith((".toml", ".yaml", ".yml")) or os.sep in word


def nearest(word: str) -> str:
    close = get_close_matches(word, VERBS, n=1)
    return f' Did you mean "{close[0]}"?' if close else " See stockyard --help."
