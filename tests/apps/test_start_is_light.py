"""What loads before the listener is up does not load what is slow."""

import subprocess
import sys

EARLY = (
    "stockyard.settings, stockyard.storage.sqlite, stockyard.storage.disk, stockyard.apps.jobs, "
    "stockyard.apps.teams.keys, stockyard.apps.teams.admin, stockyard.apps.lookout.traces, "
    "stockyard.apps.lookout.retention, stockyard.apps.chute.modules"
)
SLOW = {"litestar", "yaml", "httpx", "jsonschema_rs", "click", "cryptography"}


def test_early_modules_leave_the_framework_alone() -> None:
    program = f"import sys, {EARLY}; print(*sys.modules)"
    ran = subprocess.run(  # noqa: S603  a program of ours
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert not SLOW & set(ran.stdout.split())
