"""What loads before the listener is up does not load what is slow."""

import importlib.util
import subprocess
import sys

EARLY = (
    "stockyard.settings, stockyard.storage.sqlite, stockyard.storage.disk, stockyard.apps.jobs, "
    "stockyard.apps.teams.keys, stockyard.apps.teams.admin, stockyard.apps.lookout.traces, "
    "stockyard.apps.lookout.retention, stockyard.apps.chute.modules"
)
SLOW = {"litestar", "yaml", "httpx", "jsonschema_rs", "click", "cryptography"}


def imported_by(program: str) -> set[str]:
    ran = subprocess.run(  # noqa: S603  a program of ours
        [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return set(ran.stdout.split())


def test_early_modules_leave_the_framework_alone() -> None:
    assert not SLOW & imported_by(f"import {EARLY}")


def test_the_control_plane_takes_nothing_that_merely_happens_to_be_installed() -> None:
    installed = {name for name in ("pydantic", "attrs") if importlib.util.find_spec(name)}
    assert "pydantic" in installed
    loaded = imported_by("from stockyard.api.application import Application\nApplication([])")
    assert "litestar" in loaded
    assert not installed & loaded
