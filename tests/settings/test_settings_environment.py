"""Settings from the environment: which variables are read, and what is told of the others."""

from pathlib import Path

import pytest

from stockyard.core.target import Secret
from tests.settings.loading import loaded, refused


def test_the_environment_sets_any_key(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    settings = loaded(
        tmp_path,
        STOCKYARD__http__max_body="2MiB",
        STOCKYARD__server__behind_proxy="10.0.0.0/8, 192.168.0.0/16",
        STOCKYARD__providers__groq__api_key=f"file:{tmp_path}/secret",
        STOCKYARD__providers__ollama__allow_private="true",
        STOCKYARD__modules__caps__limits='[{ by = "team", usd = 200 }]',
        STOCKYARD__modules__caps__enabled="false",
        STOCKYARD__modules__caps__word="plain text",
        STOCKYARD__aliases__fast="groq/llama",
        STOCKYARD__providers__house__api_key="0123456789",
    )
    assert settings.http.max_body == 2 << 20
    assert settings.server.behind_proxy == ("10.0.0.0/8", "192.168.0.0/16")
    assert settings.providers["groq"].api_key == Secret("from-a-file")
    assert settings.providers["house"].api_key == Secret("0123456789")
    assert settings.providers["ollama"].allow_private
    assert settings.modules["caps"].config == {
        "limits": [{"by": "team", "usd": 200}],
        "word": "plain text",
    }
    assert not settings.modules["caps"].enabled
    assert settings.aliases["fast"].targets == ("groq/llama",)


def test_variables_with_names_of_their_own_are_read(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        DATA_DIR=str(tmp_path / "data"),
        DATABASE_PATH=str(tmp_path / "x.db"),
        STOCKYARD_ADMIN_KEY="k" * 32,
        STOCKYARD_PRINT_SECRETS="1",
        STOCKYARD_LOCAL_READS="off",
        HTTPS_PROXY="http://user:pass@proxy:3128",
        no_proxy="a, b",
        SSL_CERT_FILE="/ca.pem",
        LOG_LEVEL="warning",
    )
    assert settings.server.data_dir == tmp_path / "data"
    assert settings.database_path == tmp_path / "x.db"
    assert settings.admin_key == Secret("k" * 32)
    assert settings.print_secrets
    assert settings.auth.local_reads == "off"
    assert settings.proxies.no_proxy == ("a", "b")
    assert settings.proxies.ca_file == "/ca.pem"
    assert settings.log.level == "warning"


@pytest.mark.parametrize(
    ("level", "read"), [("INFO", "info"), ("Warning", "warning"), ("WARN", "warning")]
)
def test_levels_are_read_as_other_programs_write_them(
    tmp_path: Path, level: str, read: str
) -> None:
    settings = loaded(tmp_path, LOG_LEVEL=level, LOG_FORMAT="JSON")
    assert (settings.log.level, settings.log.format) == (read, "json")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("STOCKYARD_ADMIN_KEY", "", "STOCKYARD_ADMIN_KEY must be at least 32"),
        ("STOCKYARD_ADMIN_KEY", "a" * 31, "STOCKYARD_ADMIN_KEY must be at least 32"),
        ("STOCKYARD_ADMIN_KEY", " " + "a" * 40, "STOCKYARD_ADMIN_KEY must be at least 32"),
        ("STOCKYARD_REQUIRE_AUTH", "false", "cannot be switched off"),
        ("STOCKYARD_TRUST_PROXY", "true", "STOCKYARD_BEHIND_PROXY"),
        ("STOCKYARD_DATABASE_URL", "postgres://x", "only SQLite"),
        ("STOCKYARD_REDIS_URL", "redis://x", "storage.redis"),
        ("STOCKYARD_PORT", "http", "STOCKYARD_PORT server.port must be a whole number"),
        ("STOCKYARD__servr__port", "1", 'STOCKYARD__servr__port unknown key "servr". Did you'),
        ("STOCKYARD__server__port__x", "1", "STOCKYARD__server__port__x"),
        ("STOCKYARD_CONFIG", "nowhere.toml", "nowhere.toml does not exist"),
    ],
)
def test_a_mistake_in_the_environment_is_told_by_name(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    message = refused(tmp_path, **{name: text})
    assert told in message
    assert len(text) < 20 or text.strip() not in message


def test_a_key_in_capitals_is_told_how_it_is_written(tmp_path: Path) -> None:
    assert 'Did you mean "server"?' in refused(tmp_path, STOCKYARD__SERVER__PORT="1")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("STOCKYARD_PROT", 'Did you mean "STOCKYARD_PORT"?'),
        ("STOCKYARD_ZEBRA_CROSSING", "is not a setting."),
        ("STOCKYARD_LICENSE_KEY", "there are no licences"),
        ("STOCKYARD_MASTER_KEY", "is not read by this version."),
    ],
)
def test_an_unknown_variable_is_a_warning(tmp_path: Path, name: str, told: str) -> None:
    [warning] = loaded(tmp_path, **{name: "1"}).warnings
    assert warning.startswith(name)
    assert told in warning


@pytest.mark.parametrize(
    "proxy", ["http://user:pass@proxy:3128", "https://proxy/", "proxy:3128", "http://[::1]:3128"]
)
def test_a_proxy_that_can_be_used_is_no_warning(tmp_path: Path, proxy: str) -> None:
    assert loaded(tmp_path, HTTPS_PROXY=proxy, http_proxy=proxy).warnings == ()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "HTTP_PROXY"])
@pytest.mark.parametrize("proxy", ["socks5://u:planted@proxy:1080", "HTTP://proxy", "http://a b"])
def test_a_proxy_that_cannot_be_used_is_a_warning(tmp_path: Path, name: str, proxy: str) -> None:
    [warning] = loaded(tmp_path, **{name: proxy}).warnings
    assert warning.startswith(f"{name} is not an http:// or https:// address")
    assert "planted" not in warning
