"""What can be set is shown, checked and explained; a server may be set to be only read."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest


def test_the_settings_in_effect_are_shown_without_their_secrets(program: Any) -> None:
    (program.home / "stockyard.toml").write_text(
        "[server]\nport = 4300\n[providers.openai]\napi_key = '${SECRET_OF_MINE}'\n"
    )
    done = program.run("config", "show", SECRET_OF_MINE="sk-mine", STOCKYARD_HOST="127.0.0.2")
    assert done.returncode == 0, done.stderr
    assert "sk-mine" not in done.stdout
    shown = tomllib.loads(done.stdout)
    assert (shown["server"]["port"], shown["server"]["host"]) == (4300, "127.0.0.2")
    said = program.run("config", "show", "--json", SECRET_OF_MINE="sk-mine")
    assert json.loads(said.stdout)["server"]["port"] == 4300


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[server]\nprot = 1\n", 'bad.toml:2:1 unknown key "prot". Did you mean "port"?'),
        ("[modules.nonsense]\n", 'modules.nonsense: there is no module "nonsense"'),
        ("[modules.cache]\nttl_seconds = 'x'\n", "modules.cache.ttl_seconds"),
        ("[server\n", "is not valid TOML"),
    ],
)
def test_a_file_is_checked_with_its_modules(program: Any, text: str, fault: str) -> None:
    (program.home / "bad.toml").write_text(text)
    done = program.run("config", "check", "bad.toml")
    assert (done.returncode, done.stdout) == (78, "")
    assert fault in done.stderr
    assert not program.data.exists()


def test_a_good_file_is_told_to_be_good(program: Any) -> None:
    (program.home / "good.toml").write_text("[server]\nport = 1\n")
    assert "is valid" in program.run("config", "check", "good.toml").stdout
    found = program.ask("config", "check", "good.toml")
    assert (found["ok"], Path(found["file"]).name) == (True, "good.toml")


def test_everything_that_can_be_set_is_explained(program: Any) -> None:
    text = program.run("config", "docs").stdout
    (program.home / "all.toml").write_text(text)
    assert "# 0 takes any free port.\nport = 4200" in text
    assert program.run("config", "check", "all.toml").returncode == 0
    assert program.ask("config", "docs")["server"]["port"] == 4200


def test_a_server_that_can_only_be_read_says_so(program: Any) -> None:
    process = program.start("--read-only")
    refused = program.run("keys", "create", "a", "--json")
    assert refused.returncode == 5
    assert "server.read_only" in refused.stderr
    quiet = program.run("keys", "list", "--quiet", "--no-color")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert program.ask("keys", "list", "--quiet")["count"] == 1
    assert process.stop() == 0
