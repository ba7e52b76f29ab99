"""Settings of a folder in which no other config file is found."""

from pathlib import Path
from typing import Any

import pytest

from stockyard.errors import CannotStart
from stockyard.settings import Settings, load


def loaded(
    folder: Path, text: str = "", *, name: str = "stockyard.toml", **environ: str
) -> Settings:
    """What is read from this folder, with this text in its config file."""
    if text:
        (folder / name).write_text(text)
    return load({}, {"XDG_CONFIG_HOME": str(folder / "config")} | environ, folder)


def refused(folder: Path, text: str = "", **given: Any) -> str:
    """What is told when these settings do not let it start."""
    with pytest.raises(CannotStart) as stopped:
        loaded(folder, text, **given)
    assert stopped.value.exit_code == 78
    return stopped.value.message
