"""Settings: where they are found, what wins, and what is understood."""

from pathlib import Path

import pytest

from stockyard.core.target import Secret
from stockyard.settings import Settings, load
from tests.settings.loading import loaded


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which no other config file is found."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 4200)
    assert settings.server.data_dir == Path("~/.stockyard").expanduser()
    assert settings.database_path == settings.server.data_dir / "stockyard.db"
    assert settings.auth.local_reads == "same_user"
    assert settings.admin_key is None
    assert settings.warnings == ()
    assert settings.file is None


def test_flag_over_environment_over_file_over_default(tmp_path: Path, home: dict[str, str]) -> None:
    file, environ = tmp_path / "stockyard.toml", home
    for port, change in (
        (4200, lambda: None),
        (4201, lambda: file.write_text("server.port = 4201")),
        (4202, lambda: environ.update(PORT="4202")),
        (4203, lambda: environ.update(STOCKYARD_PORT="4203")),
        (4204, lambda: environ.update(STOCKYARD__server__port="4204")),
    ):
        change()
        assert load({}, environ, tmp_path).server.port == port
    assert load({"server.port": 4205}, environ, tmp_path).server.port == 4205
    assert load({"server.port": None}, environ, tmp_path).server.port == 4204


def test_the_file_is_found_where_it_was_promised(tmp_path: Path, home: dict[str, str]) -> None:
    last = Path(home["XDG_CONFIG_HOME"]) / "stockyard" / "config.toml"
    last.parent.mkdir(parents=True)
    other = tmp_path / "other.toml"
    for path, port in (
        (last, 1),
        (tmp_path / "stockyard.yml", 2),
        (tmp_path / "stockyard.toml", 3),
    ):
        path.write_text(
            f"server: {{port: {port}}}" if path.suffix == ".yml" else f"server.port={port}"
        )
        assert load({}, home, tmp_path).server.port == port
    other.write_text("server.port = 4")
    assert load({}, home | {"STOCKYARD_CONFIG": "other.toml"}, tmp_path).server.port == 4
    settings = load({"config": str(other)}, home | {"STOCKYARD_CONFIG": "none"}, tmp_path)
    assert (settings.server.port, settings.file) == (4, other)


FULL_TOML = """
modules_dir = "plugins"
[server]
host = "::1"
behind_proxy = ["10.0.0.0/8"]
drain = "10s"
[http]
max_body = "1MiB"
[providers.openai]
api_key = "${OPENAI}"
timeout = { connect = "1500ms", idle = "2m" }
[providers.house]
kind = "openai.chat"
base_url = "https://llm.example.internal/v1"
allow_private = true
settings = { region = "eu" }
[[providers.house.credentials]]
name = "a"
secret = "s1"
[[providers.house.credentials]]
name = "b"
secret = "${MISSING:-s2}"
[aliases]
fast = "groq/llama"
smart = { strategy = "first", targets = ["a/b", "c/d"] }
[modules.ratelimit]
enabled = false
limits = [{ by = "key", calls = 120, per_seconds = 60.5 }]
[log]
level = "debug"
"""
FULL_YAML = """
modules_dir: plugins
server: {host: "::1", behind_proxy: [10.0.0.0/8], drain: 10s}
http:
  max_body: 1MiB
providers:
  openai:
    api_key: ${OPENAI}
    timeout: {connect: 1500ms, idle: 2m}
  house:
    kind: openai.chat
    base_url: https://llm.example.internal/v1
    allow_private: true
    settings: {region: eu}
    credentials:
      - {name: a, secret: s1}
      - {name: b, secret: "${MISSING:-s2}"}
aliases:
  fast: groq/llama
  smart: {strategy: first, targets: [a/b, c/d]}
modules:
  ratelimit:
    enabled: false
    limits: [{by: key, calls: 120, per_seconds: 60.5}]
log: {level: debug}
"""


@pytest.mark.parametrize("name", ["stockyard.toml", "stockyard.yaml"])
def test_a_byte_order_mark_of_an_editor_is_passed_over(tmp_path: Path, name: str) -> None:
    text = "server.port = 4205" if name.endswith("toml") else "server: {port: 4205}"
    (tmp_path / name).write_text(f"\ufeff{text}\r\n", encoding="utf-8")
    assert load({}, {}, tmp_path).server.port == 4205


def test_toml_and_yaml_of_the_same_content_are_the_same(tmp_path: Path) -> None:
    toml, yaml = tmp_path / "toml", tmp_path / "yaml"
    toml.mkdir()
    yaml.mkdir()
    first = loaded(toml, FULL_TOML, OPENAI="sk-1")
    second = loaded(yaml, FULL_YAML, name="stockyard.yaml", OPENAI="sk-1")
    for name in Settings.__struct_fields__:
        if name != "file":
            assert getattr(first, name) == getattr(second, name), name
    assert first.providers["openai"].api_key == Secret("sk-1")
    assert first.providers["openai"].timeout.connect == 1.5
    assert first.providers["house"].credentials[1].secret == Secret("s2")
    assert first.aliases["fast"].targets == ("groq/llama",)
    assert not first.modules["ratelimit"].enabled
    assert first.modules["ratelimit"].config == {
        "limits": [{"by": "key", "calls": 120, "per_seconds": 60.5}]
    }


def test_a_config_file_that_is_passed_over_is_told(tmp_path: Path) -> None:
    (tmp_path / "stockyard.yml").write_text("server: {port: 1}")
    settings = loaded(tmp_path, "server.port = 4201")
    assert settings.server.port == 4201
    [warning] = settings.warnings
    assert "stockyard.yml is not read" in warning


def test_older_section_names_are_read_with_a_notice(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[rate_limit]\nenabled = false\n[cache]\nttl = 5")
    assert not settings.modules["ratelimit"].enabled
    assert settings.modules["cache"].config == {"ttl": 5}
    assert "[rate_limit] is now called [modules.ratelimit]." in settings.warnings


def test_no_secret_can_be_printed(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        "[providers.a]\napi_key = 'planted-1'",
        STOCKYARD_ADMIN_KEY="planted-2" * 5,
        HTTPS_PROXY="http://u:planted-3@p",
    )
    assert "planted" not in repr(settings)
