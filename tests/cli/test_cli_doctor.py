"""The doctor: what it looks at, running or stopped, and what it mends."""

import json
import stat
from collections.abc import Callable
from typing import Any


def test_doctor_looks_at_a_running_installation(served: Any) -> None:
    document = served.ask("doctor")
    found = {check["id"]: check["state"] for check in document["checks"]}
    assert document["ok"] is True
    for check in ("python", "config", "data", "disk", "database", "server", "modules"):
        assert found[check] == "ok", document
    assert found["first_run"] == "warn"


def test_doctor_knows_the_modules_of_the_operator(program: Any) -> None:
    folder = program.home / "modules"
    folder.mkdir()
    (folder / "mine.py").write_text(
        "from stockyard.core.module import Module, ModuleConfig, Stage\n"
        "class Mine(Module[ModuleConfig]):\n"
        "    name, stage = 'mine', Stage.OBSERVE\n"
        "    def on_request(self, x): return None\n"
    )
    config = program.home / "stockyard.toml"
    config.write_text(f"modules_dir = '{folder}'\nserver.port = 0\n[modules.mine]\n")
    checks = {check["id"]: check for check in program.ask("doctor")["checks"]}
    assert checks["modules"]["state"] == "ok"
    (folder / "mine.py").write_text("import nothing_of_that_name")
    told = program.run("doctor").stdout
    assert "mine.py:1: it cannot be imported" in told


def test_doctor_looks_at_a_stopped_installation_and_ends_with_1_if_it_could_not_start(
    new_program: Callable[[], Any],
) -> None:
    program = new_program()
    done = program.run("doctor", STOCKYARD_PORT="0", OPENAI_API_KEY="sk-doctor-0123456789")
    assert done.returncode == 0, done.stdout
    assert "providers: openai (OPENAI_API_KEY)" in done.stdout
    assert "sk-doctor" not in done.stdout
    assert not program.data.exists()
    program.data.mkdir()
    program.data.chmod(0o755)
    ill = program.run("doctor", STOCKYARD_PORT="0")
    assert ill.returncode == 1
    assert "chmod 700" in ill.stdout
    program.data.chmod(0o700)
    (program.data / "stockyard.db").write_bytes(b"nonsense" * 1000)
    (program.home / "stockyard.toml").write_text("[modules.nonsense]\n")
    document = json.loads(program.run("doctor", "--json", STOCKYARD_PORT="0").stdout)
    failed = {check["id"] for check in document["checks"] if check["state"] == "fail"}
    assert failed == {"database", "files", "modules"}


def test_doctor_mends_modes_when_told_to(program: Any) -> None:
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


def test_doctor_asks_first_and_mends_nothing_where_nobody_can_be_asked(program: Any) -> None:
    program.data.mkdir(mode=0o755)
    program.data.chmod(0o755)
    done = program.run("doctor", "--fix", STOCKYARD_PORT="0")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert stat.S_IMODE(program.data.stat().st_mode) == 0o755


def test_doctor_finds_nothing_to_mend_on_a_sound_machine(program: Any) -> None:
    assert program.run("doctor", "--fix", STOCKYARD_PORT="0").returncode == 0
