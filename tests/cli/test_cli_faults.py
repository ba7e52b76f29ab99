"""A start that fails says why in one line, with the exit code of the reason and no traceback."""

import os
import re
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Prepare = Callable[[Any], tuple[str, ...]]
"""Makes the fault in a home; the arguments with which the program meets it."""


def written(text: str, name: str = "stockyard.toml") -> Prepare:
    def prepare(program: Any) -> tuple[str, ...]:
        (program.home / name).write_text(text)
        return ()

    return prepare


def given(*arguments: str) -> Prepare:
    return lambda program: arguments


def folder_of_mode(mode: int) -> Prepare:
    def prepare(program: Any) -> tuple[str, ...]:
        program.data.mkdir()
        program.data.chmod(mode)
        return ()

    return prepare


def database_of(content: bytes, mode: int = 0o600) -> Prepare:
    def prepare(program: Any) -> tuple[str, ...]:
        program.data.mkdir(mode=0o700)
        database = program.data / "stockyard.db"
        database.write_bytes(content)
        database.chmod(mode)
        return ()

    return prepare


def newer_database(program: Any) -> tuple[str, ...]:
    program.data.mkdir(mode=0o700)
    database = program.data / "stockyard.db"
    connection = sqlite3.connect(database)
    connection.execute(
        "create table migrations (app text, number integer, name text, sha256 text, "
        "applied_at integer, primary key (app, number)) strict, without rowid"
    )
    connection.execute("insert into migrations values ('lookout', 9000, 'later', 'x', 0)")
    connection.commit()
    connection.close()
    database.chmod(0o600)
    return ()


def conflicting_table(program: Any) -> tuple[str, ...]:
    program.data.mkdir(mode=0o700)
    database = program.data / "stockyard.db"
    connection = sqlite3.connect(database)
    connection.execute("create table keys (something text)")
    connection.commit()
    connection.close()
    database.chmod(0o600)
    return ()


def file_where_the_folder_belongs(program: Any) -> tuple[str, ...]:
    (program.home / "file").write_text("")
    return "--data", str(program.home / "file" / "data")


def file_for_a_folder(program: Any) -> tuple[str, ...]:
    program.data.write_text("")
    return ()


def mismatched_certificate(program: Any) -> tuple[str, ...]:
    own, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    return tls_files(program.home, a_certificate(own, days=1), other)


def locked_key(program: Any) -> tuple[str, ...]:
    own = ec.generate_private_key(ec.SECP256R1())
    given = tls_files(program.home, a_certificate(own, days=1), own)
    locked = own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    (program.home / "key.pem").write_bytes(locked)
    return given


def expired_certificate(program: Any) -> tuple[str, ...]:
    own = ec.generate_private_key(ec.SECP256R1())
    return tls_files(program.home, a_certificate(own, days=-1), own)


def tls_files(folder: Path, certificate: bytes, key: ec.EllipticCurvePrivateKey) -> tuple[str, ...]:
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return "--tls-cert", "cert.pem", "--tls-key", "key.pem"


def a_certificate(key: ec.EllipticCurvePrivateKey, *, days: int) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


AT_ONCE = 3
PROXY = ("--behind-proxy", "10.0.0.0/8")
FAULTS: list[tuple[str, int, Prepare, str]] = [
    # what it is, exit code, how it comes about, words that must be said
    ("a flag that is none", 2, given("--prot", "1"), "--port"),
    ("a verb that is none", 2, given("modles"), '"modules"'),
    ("a verb behind its flags", 2, given("--port", "4300", "serve"), "stockyard serve --port"),
    ("a port that is none", 2, given("--port", "70000"), "65535"),
    ("two data folders", 2, given("--data", "x", "--ephemeral"), "not both"),
    ("not a database", 65, database_of(b"this is not a database" * 100), "backup"),
    ("data of a newer version", 65, newer_database, "newer Stockyard"),
    ("another's address", 69, given("--host", "203.0.113.1", *PROXY), "address"),
    ("a step that fails", 70, conflicting_table, "left as it was"),
    ("a file for a folder", 73, file_for_a_folder, "is not a folder"),
    ("folder under a file", 73, file_where_the_folder_belongs, "file/data"),
    ("no space", 74, given(), "free"),
    ("folder open to others", 77, folder_of_mode(0o755), "chmod 700"),
    ("database open to others", 77, database_of(b"", 0o644), "chmod 600"),
    ("not an address", 78, given("--host", "not an address"), "not an address"),
    ("a bind for everybody", 78, given("--host", "0.0.0.0"), "--behind-proxy"),
    ("the same in IPv6", 78, given("--host", "::"), "--behind-proxy"),
    ("no config file", 78, given("nowhere.toml"), "nowhere.toml"),
    ("TOML that is none", 78, written("[server\n"), "stockyard.toml"),
    ("YAML that is none", 78, written("server: [", "stockyard.yaml"), "stockyard.yaml"),
    ("an unknown key", 78, written("[server]\nprot = 1\n"), 'Did you mean "port"?'),
    ("an unknown section", 78, written('[modulse]\ncache = "on"\n'), 'Did you mean "modules"?'),
    ("a section that is none", 78, written("\nserver = 3\n"), "stockyard.toml:2:1 server must be"),
    ("a wrong type", 78, written('[http]\nconnections = "many"\n'), "connections"),
    ("a bad duration", 78, written('[server]\ndrain = "soon"\n'), "duration"),
    ("a bad size", 78, written('[http]\nmax_body = "huge"\n'), "max_body"),
    ("a variable not set", 78, written('[providers.openai]\napi_key = "${NOT_SET}"\n'), "NOT_SET"),
    ("a module that is none", 78, written("[modules.nonsense]\n"), "nonsense"),
    ("a bad module", 78, written("[modules.ratelimit]\nmax_wait_ms = -1\n"), "max_wait_ms"),
    ("a guessable admin key", 78, given(), "STOCKYARD_ADMIN_KEY"),
    ("an empty admin key", 78, given(), "STOCKYARD_ADMIN_KEY"),
    ("no authentication", 78, given(), "cannot be switched off"),
    ("no certificate", 78, given("--tls-cert", "x.pem", "--tls-key", "y.pem"), "x.pem"),
    ("half of TLS", 78, given("--tls-cert", "x.pem"), "belong together"),
    ("another's certificate", 78, mismatched_certificate, "does not belong"),
    ("a key with a passphrase", 78, locked_key, "passphrase"),
    ("an old certificate", 78, expired_certificate, "expired on"),
    ("too many workers", 78, written("[server]\nworkers = 2\n"), "workers"),
    ("another database", 78, given(), "SQLite"),
]  # fmt: skip
VARIABLES = {
    "no space": {
        "STOCKYARD__disk__floor": "900000GiB",
        "STOCKYARD__disk__low": "900000GiB",
        "STOCKYARD__disk__warn": "900000GiB",
    },
    "a guessable admin key": {"STOCKYARD_ADMIN_KEY": "secret"},
    "an empty admin key": {"STOCKYARD_ADMIN_KEY": ""},
    "no authentication": {"STOCKYARD_REQUIRE_AUTH": "false"},
    "another database": {"STOCKYARD_DATABASE_URL": "postgresql://localhost/x"},
}


Met = dict[str, "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def met(new_program: Callable[[], Any]) -> Met:
    """How the program met each fault. All at once, because a start is mostly waiting for disks."""

    def meet(program: Any, what: str, prepare: Prepare) -> "subprocess.CompletedProcess[str]":
        arguments = prepare(program)
        serve = () if arguments[:1] == ("modles",) else ("--port", "0")
        done: subprocess.CompletedProcess[str] = program.run(
            *serve, *arguments, **VARIABLES.get(what, {})
        )
        return done

    with ThreadPoolExecutor(AT_ONCE) as pool:
        met = {
            what: pool.submit(meet, new_program(), what, prepare) for what, _, prepare, _ in FAULTS
        }
    return {what: done.result() for what, done in met.items()}


@pytest.mark.parametrize(
    ("what", "code", "words"), [(what, code, words) for what, code, _, words in FAULTS]
)
def test_a_fault_is_told_in_one_line_with_its_exit_code(
    met: Met, what: str, code: int, words: str
) -> None:
    done = met[what]
    assert done.returncode == code, done.stderr
    assert re.fullmatch(r"stockyard: .+[.?]?\n", done.stderr), done.stderr
    assert words in done.stderr
    assert done.stdout == ""


def test_a_port_of_another_program_is_told_with_its_name(program: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = program.run("--port", str(port))

    assert done.returncode == 69
    assert f"Port {port} is used by" in done.stderr
    assert f"(pid {os.getpid()}). Start with --port {port + 1}, or stop it." in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["", "stockyard.db"], ids=["folder", "database"])
def test_data_of_another_user_is_told_with_its_cure(program: Any, name: str) -> None:
    database_of(b"")(program)
    os.chown(program.data / name, 65534, 65534)
    done = program.run("--port", "0")
    assert done.returncode == 77
    assert "belongs to another user: chown 0 " in done.stderr


def test_damage_in_the_database_is_told(program: Any) -> None:
    assert program.start().stop() == 0
    database = program.data / "stockyard.db"
    with database.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xa5" * (database.stat().st_size - 3 * 4096))
    done = program.run("--port", "0")
    assert done.returncode == 65
    assert re.fullmatch(r"stockyard: .+backup.+\n", done.stderr)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told_with_its_cure(program: Any) -> None:
    program.data.mkdir()
    program.data.chmod(0o500)
    done = program.run("--port", "0")
    assert done.returncode == 73
    assert "chmod u+rwx" in done.stderr


def test_with_tls_it_may_be_for_everybody(program: Any) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    files = tls_files(program.home, a_certificate(own, days=1), own)
    process = program.start("--host", "0.0.0.0", *files)
    assert process.address.startswith("https://")
    assert program.run("health").returncode == 0


def test_with_debug_it_is_also_told_where_it_happened(program: Any) -> None:
    (program.home / "stockyard.toml").write_text("[server\n")
    done = program.run("--port", "0", "--debug")
    assert done.returncode == 78
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("stockyard: stockyard.toml")


def test_a_fault_leaves_the_data_as_it_was(program: Any) -> None:
    conflicting_table(program)
    before = (program.data / "stockyard.db").read_bytes()
    program.run("--port", "0")
    connection = sqlite3.connect(program.data / "stockyard.db")
    tables = [name for (name,) in connection.execute("select name from sqlite_master")]
    connection.close()
    assert before
    assert tables == ["keys"]
