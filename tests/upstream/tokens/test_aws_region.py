"""The region of AWS, where nobody names it but the file that its tools share."""

from pathlib import Path
from typing import Any

import pytest

from stockyard import configured
from stockyard.providers.prices import PriceList
from stockyard.settings import load
from stockyard.upstream.health import TargetHealth

CONFIG = """
[default]
region = eu-west-1
[profile work]
region = us-east-2
[profile elsewhere]
output = json
"""
AT_WORK = {"auth": "sigv4_file:bedrock", "settings": {"profile": "work"}}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "config"
    config.write_text(CONFIG)
    missing = str(tmp_path / "none")
    return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": missing}


@pytest.mark.parametrize(
    ("said", "section", "region"),
    [
        ({}, {}, "eu-west-1"),
        ({"AWS_PROFILE": "work"}, {}, "us-east-2"),
        ({"AWS_PROFILE": "elsewhere"}, {}, None),
        ({"AWS_PROFILE": "missing"}, {}, None),
        ({"AWS_REGION": "sa-east-1"}, {}, "sa-east-1"),
        ({"AWS_DEFAULT_REGION": "sa-east-1", "AWS_PROFILE": "work"}, {}, "sa-east-1"),
        ({}, AT_WORK, "us-east-2"),
        ({"AWS_DEFAULT_REGION": "sa-east-1"}, AT_WORK, "sa-east-1"),
        ({}, {"settings": {"region": "ca-west-1"}}, "ca-west-1"),
        ({}, AT_WORK | {"settings": {"profile": "work", "region": "ca-west-1"}}, "ca-west-1"),
    ],
)
def test_a_profile_names_the_region_unless_somebody_else_does(
    tmp_path: Path,
    environ: dict[str, str],
    said: dict[str, str],
    section: dict[str, Any],
    region: str | None,
) -> None:
    assert region_of(tmp_path, environ | said, section) == region


@pytest.mark.parametrize("content", ["", "region = eu-west-1", "[default]\nregion\n", "[default"])
def test_a_file_that_says_nothing_names_no_region(
    tmp_path: Path, environ: dict[str, str], content: str
) -> None:
    Path(environ["AWS_CONFIG_FILE"]).write_text(content)
    assert region_of(tmp_path, environ, {}) is None


def region_of(tmp_path: Path, environ: dict[str, str], section: dict[str, Any]) -> str | None:
    lines = ["[providers.bedrock]", *(f"{name} = {toml(v)}" for name, v in section.items())]
    (tmp_path / "stockyard.toml").write_text("\n".join(lines))
    settings = load({}, {"XDG_CONFIG_HOME": str(tmp_path)} | environ, tmp_path)
    directory = configured.directory(settings, environ, PriceList.bundled(), TargetHealth())
    provider = directory.provider("bedrock")
    assert provider is not None
    return provider.values.get("region")


def toml(value: str | dict[str, str]) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return "{" + ", ".join(f'{name} = "{text}"' for name, text in value.items()) + "}"
