"""Mistakes in a config file are told with their place; what cannot stand together is refused."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import CannotStart
from tests.settings.loading import loaded, refused


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
def test_odd_things_of_yaml_are_refused(tmp_path: Path, text: str, told: str) -> None:
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
def test_settings_that_can_stand_together_are_taken(tmp_path: Path, text: str) -> None:
    loaded(tmp_path, text)


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
