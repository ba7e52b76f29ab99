"""Settings: what wins, what is understood, and how a mistake is told."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.target import Secret
from stockyard.errors import CannotStart
from stockyard.settings import Seconds, Settings, Size, load

NO_FLAGS: dict[str, Any] = {}


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which no other config file is found."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def loaded(
    folder: Path, text: str = "", *, name: str = "stockyard.toml", **environ: str
) -> Settings:
    if text:
        (folder / name).write_text(text)
    return load(NO_FLAGS, {"XDG_CONFIG_HOME": str(folder / "config")} | environ, folder)


def refused(folder: Path, text: str = "", **given: Any) -> str:
    with pytest.raises(CannotStart) as stopped:
        loaded(folder, text, **given)
    assert stopped.value.exit_code == 78
    return stopped.value.message


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
def test_a_mark_that_editors_put_at_the_beginning_is_no_content(tmp_path: Path, name: str) -> None:
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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[modulse.cache]\n", 'stockyard.toml:1:2 unknown key "modulse". Did you mean "modules"?'),
        ("\n[server]\n  prot = 1\n", 'stockyard.toml:3:3 unknown key "prot". Did you mean "port"?'),
        ("server.prot = 1", 'stockyard.toml:1:1 unknown key "prot". Did you mean "port"?'),
        (
            "[providers.a]\n\ntimeout = { conect = '5s' }",
            'stockyard.toml:3:13 unknown key "conect". Did you mean "connect"?',
        ),
        (
            "[[providers.a.credentials]]\nname = 'a'\nsecret = 'b'\n"
            "[[providers.a.credentials]]\nnmae = 'c'\nsecret = 'd'\n",
            'stockyard.toml:5:1 unknown key "nmae". Did you mean "name"?',
        ),
        (
            '[server]\nport = "x"',
            "stockyard.toml:2:1 server.port must be a whole number, not a text.",
        ),
        (
            "[server]\nport = 70000",
            "stockyard.toml:2:1 server.port must be a whole number of at most 65535.",
        ),
        ("[server]\ndrain = 30", "stockyard.toml:2:1 server.drain must be a duration"),
        ('[http]\nmax_body = "5 potatoes"', "stockyard.toml:2:1 http.max_body must be a size"),
        ('[server]\nhost = "${NOPE}"', "needs the environment variable NOPE, not set."),
        ('[log]\nlevel = "loud"', "stockyard.toml:2:1 log.level"),
        ("aliases = 3", "stockyard.toml:1:1 aliases must be a table."),
        ("[server]\nbehind_proxy = 'all'", "server.behind_proxy must be a list."),
        ("[[providers.a.credentials]]\nname = 'x'", 'providers.a.credentials.0 needs "secret".'),
        ("admin_key = 'x'", "set STOCKYARD_ADMIN_KEY"),
        ("[server\n", "stockyard.toml: is not valid TOML"),
        ("a = 1\na = 2\n", "stockyard.toml: is not valid TOML"),
        ("proxies = {}", 'unknown key "proxies".'),
        ("[server]\nhost = 'file:/no/such/file'", "the file /no/such/file cannot be read."),
        ("[auth]\nlocal_reads = 'on'", 'auth.local_reads must be "same_user" or "off".'),
        ("modules = 3\n[cache]\nenabled = true", "stockyard.toml:1:1 modules must be a table."),
        (
            "[cache]\nttl = 1\n[modules.cache]\nttl = 2",
            "stockyard.toml:1:2 cache is said twice, here and as [modules.cache].",
        ),
        ("[server]\r\nport = 1\r\nprot = 2\r\n", "stockyard.toml:3:1 unknown key"),
        ("# port = 1\n[server] # [x]\nhost = '''\nprot = 1\n'''\nprot = 2", "stockyard.toml:6:1"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    assert told in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server:\n  prot: 1", 'stockyard.yaml:2:3 unknown key "prot". Did you mean "port"?'),
        ("server: {port: !!int '3'}", "tags are not allowed here"),
        ("x: !!python/object/apply:os.system [ls]", "tags are not allowed here"),
        ("a: 1\na: 2", "must be a name that stands here only once"),
        ("- 1", "must be a table of sections"),
        ("a: [", "stockyard.yaml:1:5"),
        ("server:\n  # port: 1\n", "has no value"),
        ("a: &a [*a]", "is nested too deeply"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n"
                for old, new in zip("abcde", "bcdef", strict=True)
            ),
            "aliases stand for too much",
        ),
    ],
)
def test_yaml_has_no_dark_corners(tmp_path: Path, text: str, told: str) -> None:
    assert told in refused(tmp_path, text, name="stockyard.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server.host = '0.0.0.0'", "Refusing 0.0.0.0"),
        ("server.host = '::'", "Refusing ::"),
        ("server.host = 'example.com'", "Refusing example.com"),
        ("server.host = 'not an address'", "is not an address"),
        ("server.tls_cert = 'a.pem'", "belong together"),
        ("server.workers = 2", "server.workers"),
        ("server.behind_proxy = ['everywhere']", "is not a network"),
        ("storage.database = 'postgres://db/x'", "only SQLite"),
        ("storage.redis = 'redis://x'", "storage.redis"),
        ("[providers.'Bad Name']", "must be made of"),
        ("[providers.a]\nbase_url = 'ftp://x'", "https://"),
        ("[providers.a]\nclient_cert = 'x'", "belong together"),
        ("aliases.x = { targets = [] }", "at least one target"),
        ("aliases = { x = { targets = ['y'] }, y = { targets = ['z'] } }", "'y' is an alias"),
        ("aliases.gpt = { targets = ['gpt'] }", "'gpt' is an alias itself"),
        ("disk.low = '2GiB'", "disk"),
        ("[providers.a]\nbase_url = 'http://127.0.0.1:4200/v1'", "this gateway itself"),
        ("[providers.a]\nbase_url = 'http://localhost:4200'", "this gateway itself"),
        ("[server]\nport = 80\n[providers.a]\nbase_url = 'http://[::1]'", "this gateway itself"),
    ],
)
def test_settings_that_cannot_stand_together_are_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    assert told in refused(tmp_path, text)


def test_a_config_file_that_is_passed_over_is_told(tmp_path: Path) -> None:
    (tmp_path / "stockyard.yml").write_text("server: {port: 1}")
    settings = loaded(tmp_path, "server.port = 4201")
    assert settings.server.port == 4201
    [warning] = settings.warnings
    assert "stockyard.yml is not read" in warning


@pytest.mark.parametrize(
    "text",
    [
        "[providers.a]\nbase_url = 'http://127.0.0.1:4201'",
        "[providers.a]\nbase_url = 'https://example.com:4200'",
        "server.host = '0.0.0.0'\nserver.behind_proxy = ['172.17.0.0/16']",
        "server.host = '0.0.0.0'\nserver.tls_cert = 'a'\nserver.tls_key = 'b'",
        "server.host = 'localhost'",
        "server.host = '127.0.0.53'",
        "storage.database = 'sqlite:/tmp/x.db'",
    ],
)
def test_settings_that_can_stand_are_taken(tmp_path: Path, text: str) -> None:
    loaded(tmp_path, text)


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


def test_named_variables(tmp_path: Path) -> None:
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


def test_a_key_in_capitals_is_told_how_it_is_written(tmp_path: Path) -> None:
    assert 'Did you mean "server"?' in refused(tmp_path, STOCKYARD__SERVER__PORT="1")


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


@given(st.integers(0, 10**6), st.sampled_from(["us", "ms", "s", "m", "h", "d"]))
def test_every_duration_is_read_or_refused(amount: int, unit: str) -> None:
    try:
        read = Seconds.read(f"{amount}{unit}")
    except ValueError:
        assert unit in ("h", "d")
    else:
        assert read >= 0


@pytest.mark.parametrize("written", [0, "0", 0.0])
def test_zero_needs_no_unit(written: object) -> None:
    assert float(Seconds.read(written)) == 0.0
    assert isinstance(Seconds.read(written), Seconds)


@pytest.mark.parametrize(
    "written", ["", "5", "00", False, "5 s", "-5s", "s", "1e3s", "5S", "٣s", 5, None, True]
)
def test_a_duration_needs_its_unit(written: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        Seconds.read(written)


@pytest.mark.parametrize(
    ("written", "size"),
    [("0B", 0), ("0", 0), (0, 0), ("16KiB", 16384), ("1MB", 10**6), ("2GiB", 2 << 30), (7, 7)],
)
def test_sizes(written: object, size: int) -> None:
    assert Size.read(written) == size


@pytest.mark.parametrize("written", ["", "5", "5 MiB", "-1B", "1.5MiB", True, -1, None, 1 << 60])
def test_a_size_needs_its_unit_or_a_number(written: object) -> None:
    with pytest.raises(ValueError, match="size"):
        Size.read(written)


@given(st.text(alphabet="ab.[]{}='\"#\n \\,1", max_size=60))
def test_any_file_is_read_or_refused_with_a_sentence(text: str) -> None:
    told = ""
    with tempfile.TemporaryDirectory() as folder:
        try:
            loaded(Path(folder), text)
        except CannotStart as stopped:
            told = stopped.message
    assert told == "" or told.startswith("stockyard.toml")
    assert "\n" not in told
