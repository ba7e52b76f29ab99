"""What can be set is shown, checked and explained, and what is wrong with files is mended."""

import json
import stat
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


class TestDoctorFix:
    def test_mends_modes_when_told_to(self, program: Any) -> None:
        program.data.mkdir(mode=0o755)
        program.data.chmod(0o755)
        lock = program.data / "LOCK"
        lock.touch()
        lock.chmod(0o644)
        done = program.run("doctor", "--fix", "--yes", STOCKYARD_PORT="0")
        assert done.returncode == 0, done.stdout
        assert stat.S_IMODE(program.data.stat().st_mode) == 0o700
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        assert "Mended: chmod 700" in done.stderr

    def test_asks_first_and_does_nothing_where_nobody_can_be_asked(self, program: Any) -> None:
        program.data.mkdir(mode=0o755)
        program.data.chmod(0o755)
        done = program.run("doctor", "--fix", STOCKYARD_PORT="0")
        assert done.returncode == 2
        assert "--yes" in done.stderr
        assert stat.S_IMODE(program.data.stat().st_mode) == 0o755

    def test_finds_nothing_to_mend_on_a_sound_machine(self, program: Any) -> None:
        assert program.run("doctor", "--fix", STOCKYARD_PORT="0").returncode == 0


def test_a_server_that_can_only_be_read_says_so(program: Any) -> None:
    process = program.start("--read-only")
    refused = program.run("keys", "create", "a", "--json")
    assert refused.returncode == 5
    assert "server.read_only" in refused.stderr
    quiet = program.run("keys", "list", "--quiet", "--no-color")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert program.ask("keys", "list", "--quiet")["count"] == 1
    assert process.stop() == 0
