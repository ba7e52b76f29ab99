"""The test kit as its page tells a stranger, in a project of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import stockyard
from stockyard.testing.yard import Yard

ROOT = Path(stockyard.__file__).parents[1]
PAGE = ROOT / "docs" / "testing.md"


def test_the_documented_project_runs(tmp_path: Path) -> None:
    conftest, tests, _ = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_calls.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--asyncio-mode=strict"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


async def test_a_config_file_of_whoever_runs_the_test_is_not_read(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "home" / ".config" / "stockyard"
    own.mkdir(parents=True)
    (own / "config.toml").write_text("http.max_body = '10B'")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    await yard.open()
    assert yard.stockyard.settings.file is None
