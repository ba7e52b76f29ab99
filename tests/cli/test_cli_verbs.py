"""What all verbs have in common: help, flags, refusals, completion."""

import re
import subprocess
import sys
from typing import Any

import pytest

from stockyard import __version__


def test_output_that_cannot_be_written_is_told(served: Any) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "stockyard", "modules", "list"],
            env=served.environment({}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=15,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr == "stockyard: Cannot write (output): No space left on device.\n"


@pytest.mark.parametrize(
    "verb",
    [("version",), ("doctor",), ("config", "show"), ("health",), ("keys", "list")],
    ids=" ".join,
)
def test_every_verb_takes_the_flags_of_scripts(served: Any, verb: tuple[str, ...]) -> None:
    done = served.run(*verb, "--quiet", "--no-color", "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_version_is_told_without_loading_anything(served: Any) -> None:
    assert served.ask("version")["version"] == __version__
    assert served.run("-v").stdout.startswith(f"Stockyard {__version__} ")
    code = "import sys\nsys.argv[1:] = ['version']\ntry:\n    from stockyard.cli import main\n"
    code += "    main()\nfinally:\n    print(*sys.modules)"
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env=served.environment({}),
    )  # fmt: skip
    loaded = set(done.stdout.split())
    heavy = {"asyncio", "uvicorn", "msgspec", "apsw", "litestar", "http.client", "stockyard.app"}
    assert not heavy & loaded


def test_help_lists_the_verbs(served: Any) -> None:
    done = served.run("--help")
    assert done.returncode == 0
    for verb in (
        "serve",
        "stop",
        "health",
        "doctor",
        "modules",
        "keys",
        "logs",
        "models",
        "prices",
    ):
        assert re.search(rf"^  {verb} ", done.stdout, re.MULTILINE)


def test_a_group_of_verbs_alone_shows_its_help(served: Any) -> None:
    done = served.run("modules")
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.search(r"^  reset ", done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("modules", "on", "nonsense"), 1, "nonsense"),
        (("modules", "on", "cache", "nonsense"), 1, "nonsense"),
        (("modules", "set", "ratelimit", "max_wait_ms"), 2, "KEY=VALUE"),
        (("modules", "set", "ratelimit", "max_wait_ms=-1"), 2, "max_wait_ms"),
        (("modules", "set", "ratelimit", "no_option=1"), 2, "no_option"),
        (("modules", "set", "ratelimit", "headers.deep=1"), 2, "headers"),
        (("keys", "revoke", "key_none"), 1, "no such Key"),
        (("keys", "create", "mine"), 2, "--out"),
        (("keys", "create", ""), 2, "name"),
        (("keys", "create", "x", "--expires", "3x", "--json"), 2, "duration"),
        (("keys", "create", "x", "--address", "here", "--json"), 2, "no network"),
        (("keys", "rotate", "key_none", "--json"), 1, "no such Key"),
        (("keys", "rotate", "key_none"), 2, "--out"),
        (("keys", "pause", "key_none"), 1, "no such Key"),
        (("keys", "change", "key_none"), 2, "what to change"),
        (("keys", "change", "key_none", "--lossy", "loud"), 2, "loud"),
        (("keys", "change", "key_none", "--limit", "calls=many"), 2, "calls=60"),
        (("keys", "change", "key_none", "--limit", "cals=60"), 2, "none of"),
        (("keys", "change", "key_none", "--limit", "calls=6", "--no-limits"), 2, "either"),
        (("keys", "change", "key_none", "--expires", "1d", "--never-expires"), 2, "either"),
        (("keys", "revoke-all"), 2, "--yes"),
        (("models", "--nonsense"), 2, "--nonsense"),
        (("modules", "list", "--category", "x"), 2, "caching"),
        (("modules", "list", "--categori", "x"), 2, "Did you mean '--category'?"),
        (("modules", "stats", "nonsense"), 1, "nonsense"),
        (("modules", "show", "cach"), 1, "Did you mean 'cache'?"),
        (("restart", "--url", "http://127.0.0.1:1"), 2, "without --url"),
        (("--supervise", "--ephemeral"), 2, "--ephemeral"),
        (("--workers", "2"), 78, "more than 1 is not available with the built-in database"),
        (("--workers", "many"), 2, "neither a number nor auto"),
        (("--supervise", "--open"), 2, "--open"),
        (("--config", "."), 78, "is no file"),
        (("config", "check", "nowhere.toml"), 78, "does not exist"),
        (("--prot", "1"), 2, "'--port'"),
        (("serve", "--owner", "me"), 2, "'file', 'database'"),
        (("sevre",), 2, 'Did you mean "serve"?'),
        (("keys", "crate", "x"), 2, "'create'"),
        (("keys", "show", "key_none"), 1, "no such Key"),
        (("logs", "-n", "many"), 2, "'-n'"),
        (("logs", "modle:x"), 2, 'Did you mean "model"?'),
        (("logs", "-f", "modle:x"), 2, 'Did you mean "model"?'),
        (("logs", "--since", "yesterday"), 2, "--since"),
        (("logs", "--since", "2026-99-99"), 2, "ISO 8601"),
        (("logs", "--export", "x", "-f"), 2, "not both"),
        (("events", "nonsense"), 2, "no topic"),
        (("explain", "tr_none"), 1, "no such Trace"),
        (("stop", "--url", "http://127.0.0.1:1"), 2, "without --url"),
        (("reload", "--url", "http://127.0.0.1:1"), 2, "without --url"),
        (("logs", "--url", "127.0.0.1:1"), 2, "is not an address"),
        (("logs", "--url", "http://127.0.0.1:1"), 4, "Nobody answers"),
        (("logs", "--url", "http://127.0.0.1:1", "--data", "x"), 2, "--url"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_refused_is_told_in_one_line(
    served: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    if arguments[:2] == ("keys", "create") and not arguments[2]:
        arguments += ("--json",)
    done = served.run(*arguments)
    assert done.returncode == code, done.stderr
    assert re.fullmatch(r"stockyard: .+\n", done.stderr)
    assert words in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_a_shell(served: Any, shell: str) -> None:
    assert "_STOCKYARD_COMPLETE" in served.run("completion", shell).stdout


def test_models_are_given_aliases(served: Any) -> None:
    assert served.ask("aliases", "set", "quick", "mock/echo", "--hidden")["hidden"] is True
    assert "quick" in served.run("aliases", "list").stdout
    served.server.call(served.secret("sk-sy-"), model="quick")
    assert served.run("aliases", "set", "quick", "quicker").returncode == 0
    assert served.run("aliases", "set", "quicker", "quick").returncode == 1
    assert served.ask("aliases", "remove", "quick")["deleted"] is True
    gone = served.run("aliases", "remove", "quick")
    assert (gone.returncode, "no alias 'quick'" in gone.stderr) == (1, True)
