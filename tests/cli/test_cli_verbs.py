"""The verbs, against one running server and without one."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from stockyard import __version__
from stockyard.cli.asking import Server
from stockyard.cli.failure import VerbError


@pytest.fixture(scope="module")
def served(new_program: Callable[[], Any]) -> Any:
    """A program with a server that all tests of this file share."""
    program = new_program()
    program.server = program.start()
    return program


def called(served: Any, **body: Any) -> None:
    note = (served.data / "first-run.txt").read_text()
    found = re.search(r"sk-sy-[A-Za-z0-9_-]+", note)
    assert found
    served.server.call(found[0], **body)


ASKING = [
    ("stop",),
    ("modules", "on", "cache"),
    ("keys", "list"),
    ("logs",),
    ("models",),
    ("prices", "list"),
    ("reload",),
    ("explain", "tr_x"),
    ("events",),
    ("open",),
    ("logs", "-f"),
]


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_without_a_server_a_verb_says_so_and_ends_with_4(
    new_program: Callable[[], Any], arguments: tuple[str, ...]
) -> None:
    done = new_program().run(*arguments)
    assert done.returncode == 4
    assert re.fullmatch(r"stockyard: Stockyard is not running \(.+\): start it .+\n", done.stderr)
    assert done.stdout == ""


def test_a_server_of_somebody_else_is_not_asked(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Server(served.data).connect().close()
    monkeypatch.setattr(os, "geteuid", lambda: served.data.stat().st_uid + 1)
    with pytest.raises(VerbError, match="another user") as refused:
        Server(served.data).connect()
    assert refused.value.exit_code == 5


def test_output_that_cannot_be_written_is_told(served: Any) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "stockyard", "modules", "list"],
            env=served.environment({}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=15,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr == "stockyard: Cannot write (output): No space left on device.\n"


@pytest.mark.parametrize(
    "verb",
    [("version",), ("doctor",), ("config", "show"), ("health",), ("keys", "list")],
    ids=" ".join,
)
def test_every_verb_takes_the_flags_of_scripts(served: Any, verb: tuple[str, ...]) -> None:
    done = served.run(*verb, "--quiet", "--no-color", "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_version_is_told_without_loading_anything(served: Any) -> None:
    assert served.ask("version")["version"] == __version__
    assert served.run("-v").stdout.startswith(f"Stockyard {__version__} ")
    code = "import sys\nsys.argv[1:] = ['version']\ntry:\n    from stockyard.cli import main\n"
    code += "    main()\nfinally:\n    print(*sys.modules)"
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env=served.environment({}),
    )  # fmt: skip
    loaded = set(done.stdout.split())
    heavy = {"asyncio", "uvicorn", "msgspec", "apsw", "litestar", "http.client", "stockyard.app"}
    assert not heavy & loaded


def test_help_lists_the_verbs(served: Any) -> None:
    done = served.run("--help")
    assert done.returncode == 0
    for verb in (
        "serve",
        "stop",
        "health",
        "doctor",
        "modules",
        "keys",
        "logs",
        "models",
        "prices",
    ):
        assert re.search(rf"^  {verb} ", done.stdout, re.MULTILINE)


def test_a_group_of_verbs_alone_shows_its_help(served: Any) -> None:
    done = served.run("modules")
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.search(r"^  reset ", done.stderr, re.MULTILINE)


def test_health_is_an_exit_code(served: Any, new_program: Callable[[], Any]) -> None:
    assert served.run("health").returncode == 0
    assert served.run("--health").returncode == 0
    assert served.ask("health", "--ready") == {"ok": True, "state": "ok", "reasons": []}
    assert new_program().run("health").returncode == 1


def test_modules_are_listed_in_order_with_what_they_do(served: Any) -> None:
    document = served.ask("modules", "list")
    assert document["count"] == len(document["modules"]) > 5
    shown = served.run("modules", "list").stdout.splitlines()
    assert len(shown) == document["count"] + 1
    assert shown[0].split() == ["NAME", "STATE", "CATEGORY", "WHAT", "IT", "DOES"]
    only = served.ask("modules", "list", "--off")
    assert {module["enabled"] for module in only["modules"]} == {False}


def test_a_module_is_switched_set_and_reset(served: Any) -> None:
    assert served.ask("modules", "on", "cache")["module"]["enabled"] is True
    told = served.run("modules", "set", "ratelimit", "max_wait_ms=20", "headers=false")
    assert told.returncode == 0, told.stderr
    config = served.ask("modules", "show", "ratelimit")["config"]
    assert (config["max_wait_ms"], config["headers"]) == (20, False)
    limits = 'limits=[{ by = "key", calls = 5 }]'
    served.ask("modules", "set", "ratelimit", limits)
    config = served.ask("modules", "show", "ratelimit")["config"]
    assert (config["max_wait_ms"], config["limits"][0]["calls"]) == (20, 5)
    shown = served.run("modules", "show", "ratelimit").stdout
    section = tomllib.loads(shown[shown.rindex("[modules.ratelimit]") :])
    assert section["modules"]["ratelimit"]["limits"][0]["calls"] == 5
    served.ask("modules", "reset", "ratelimit")
    assert served.ask("modules", "show", "ratelimit")["config"]["max_wait_ms"] == 0
    assert served.ask("modules", "off", "cache", "failover")["affected"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("modules", "on", "nonsense"), 1, "nonsense"),
        (("modules", "on", "cache", "nonsense"), 1, "nonsense"),
        (("modules", "set", "ratelimit", "max_wait_ms"), 2, "KEY=VALUE"),
        (("modules", "set", "ratelimit", "max_wait_ms=-1"), 2, "max_wait_ms"),
        (("modules", "set", "ratelimit", "no_option=1"), 2, "no_option"),
        (("modules", "set", "ratelimit", "headers.deep=1"), 2, "headers"),
        (("keys", "revoke", "key_none"), 1, "no such Key"),
        (("keys", "create", "mine"), 2, "--out"),
        (("keys", "create", ""), 2, "name"),
        (("keys", "create", "x", "--expires", "3x", "--json"), 2, "duration"),
        (("keys", "create", "x", "--address", "here", "--json"), 2, "no network"),
        (("keys", "rotate", "key_none", "--json"), 1, "no such Key"),
        (("keys", "rotate", "key_none"), 2, "--out"),
        (("keys", "pause", "key_none"), 1, "no such Key"),
        (("keys", "change", "key_none"), 2, "what to change"),
        (("keys", "change", "key_none", "--lossy", "loud"), 2, "loud"),
        (("keys", "change", "key_none", "--limit", "calls=many"), 2, "calls=60"),
        (("keys", "change", "key_none", "--limit", "cals=60"), 2, "none of"),
        (("keys", "change", "key_none", "--limit", "calls=6", "--no-limits"), 2, "either"),
        (("keys", "change", "key_none", "--expires", "1d", "--never-expires"), 2, "either"),
        (("keys", "revoke-all"), 2, "--yes"),
        (("models", "--nonsense"), 2, "--nonsense"),
        (("modules", "list", "--category", "x"), 2, "caching"),
        (("modules", "list", "--categori", "x"), 2, "Did you mean '--category'?"),
        (("modules", "stats", "nonsense"), 1, "nonsense"),
        (("modules", "show", "cach"), 1, "Did you mean 'cache'?"),
        (("restart", "--url", "http://127.0.0.1:1"), 2, "without --url"),
        (("--supervise", "--ephemeral"), 2, "--ephemeral"),
        (("--workers", "2"), 78, "more than 1 is not available with the built-in database"),
        (("--workers", "many"), 2, "neither a number nor auto"),
        (("--supervise", "--open"), 2, "--open"),
        (("--config", "."), 78, "is no file"),
        (("config", "check", "nowhere.toml"), 78, "does not exist"),
        (("--prot", "1"), 2, "'--port'"),
        (("serve", "--owner", "me"), 2, "'file', 'database'"),
        (("sevre",), 2, 'Did you mean "serve"?'),
        (("keys", "crate", "x"), 2, "'create'"),
        (("keys", "show", "key_none"), 1, "no such Key"),
        (("logs", "-n", "many"), 2, "'-n'"),
        (("logs", "modle:x"), 2, 'Did you mean "model"?'),
        (("logs", "-f", "modle:x"), 2, 'Did you mean "model"?'),
        (("logs", "--since", "yesterday"), 2, "--since"),
        (("logs", "--since", "2026-99-99"), 2, "ISO 8601"),
        (("logs", "--export", "x", "-f"), 2, "not both"),
        (("events", "nonsense"), 2, "no topic"),
        (("explain", "tr_none"), 1, "no such Trace"),
        (("stop", "--url", "http://127.0.0.1:1"), 2, "without --url"),
        (("reload", "--url", "http://127.0.0.1:1"), 2, "without --url"),
        (("logs", "--url", "127.0.0.1:1"), 2, "is not an address"),
        (("logs", "--url", "http://127.0.0.1:1"), 4, "Nobody answers"),
        (("logs", "--url", "http://127.0.0.1:1", "--data", "x"), 2, "--url"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_refused_is_told_in_one_line(
    served: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    if arguments[:2] == ("keys", "create") and not arguments[2]:
        arguments += ("--json",)
    done = served.run(*arguments)
    assert done.returncode == code, done.stderr
    assert re.fullmatch(r"stockyard: .+\n", done.stderr)
    assert words in done.stderr


def test_a_key_is_made_used_and_taken_back(served: Any) -> None:
    made = served.ask("keys", "create", "an app")
    assert served.server.call(made["key"])[0] == 200
    listed = served.run("keys", "list").stdout
    assert made["key"] not in listed
    assert re.search(rf"^{made['id']}  an app .*active$", listed, re.MULTILINE)
    assert served.run("keys", "revoke", made["id"]).returncode == 0
    assert served.server.call(made["key"])[0] == 401


def test_a_key_is_paused_changed_and_turned(served: Any) -> None:
    def state(key: dict[str, Any]) -> str:
        listed: str = served.run("keys", "list").stdout
        return next(line.split()[-1] for line in listed.splitlines() if key["id"] in line)

    made = served.ask("keys", "create", "turning", "--expires", "1h", "--address", "127.0.0.1")
    assert served.run("keys", "pause", made["id"]).returncode == 0
    assert (served.server.call(made["key"])[0], state(made)) == (401, "paused")
    assert served.run("keys", "resume", made["id"]).returncode == 0
    assert (served.server.call(made["key"])[0], state(made)) == (200, "active")
    changed = served.ask("keys", "change", made["id"], "--never-expires", "--address", "10.0.0.1")
    assert (changed["expires_at"], changed["addresses"]) == (None, ["10.0.0.1/32"])
    assert served.server.call(made["key"])[0] == 403
    assert served.run("keys", "change", made["id"], "--any-address").returncode == 0
    limited = served.ask("keys", "change", made["id"], "--limit", "calls=60,per=1m,burst=9")
    assert [limited["limits"][0][name] for name in ("calls", "per_seconds", "burst")] == [60, 60, 9]
    assert served.ask("keys", "change", made["id"], "--no-limits")["limits"] == []
    for word, said in (("strict", "strict"), ("usual", None)):
        assert served.ask("keys", "change", made["id"], "--lossy", word)["lossy"] == said
    turned = served.ask("keys", "rotate", made["id"])
    assert served.server.call(made["key"])[0] == 200
    assert served.server.call(turned["key"])[0] == 200


def test_a_secret_that_was_not_made_leaves_no_file(served: Any) -> None:
    out = served.home / "never"
    assert served.run("keys", "rotate", "key_none", "--out", str(out)).returncode == 1
    assert not out.exists()


def test_a_secret_goes_into_a_new_file_for_us_alone(served: Any) -> None:
    out = served.home / "secret"
    done = served.run("keys", "create", "to a file", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "sk-sy-" not in done.stdout
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert served.server.call(out.read_text().strip())[0] == 200
    before = served.ask("keys", "list")["count"]
    again = served.run("keys", "create", "to a file", "--out", str(out))
    assert again.returncode == 1
    assert "File exists" in again.stderr
    assert served.ask("keys", "list")["count"] == before


def logged(served: Any, words: str) -> str:
    """The calls, once the one with these words is among them: rows are written a moment later."""
    for _ in range(50):
        shown: str = served.run("logs").stdout
        if words in shown:
            return shown
        time.sleep(0.05)
    raise AssertionError(shown)


def test_logs_show_calls_one_line_each(served: Any) -> None:
    called(served, model="gpt-logged")
    shown = logged(served, "gpt-logged").splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d 200 first-key gpt-logged → mock \d+\+\d+ tok [\d,]+ ms tr_\w+", shown[-1]
    )
    called(served, model="gpt-4o-mini")
    logged(served, "gpt-4o-mini")
    assert len(served.ask("logs", "-n", "1")["traces"]) == 1


def test_logs_are_narrowed_cut_explained_and_written_to_a_file(served: Any) -> None:
    called(served, model="gpt-filtered-1")
    called(served, model="gpt-filtered-2")
    logged(served, "gpt-filtered-2")
    found = served.ask("logs", "asked:gpt-filtered-* -http:500", "--since", "1h")["traces"]
    assert [trace["model_asked"] for trace in found] == ["gpt-filtered-1", "gpt-filtered-2"]
    assert served.ask("logs", "asked:gpt-filtered-*", "-n", "3")["traces"] == found
    only = ("asked:gpt-filtered-1", "--fields", "model_asked,http_status")
    assert served.run("logs", *only).stdout == "gpt-filtered-1  200\n"
    unknown = served.run("logs", only[0], "--fields", "nonsense")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no field" in unknown.stderr
    told = served.run("logs", "--explain", "--", "-status:error", only[0]).stdout
    assert re.search(r"^    mock/gpt-filtered-1 +ok +[\d,]+ us$", told, re.MULTILINE)
    assert served.run("explain", found[0]["id"]).stdout.splitlines()[-1].startswith("in all")
    assert served.ask("explain", found[0]["id"])["trace_id"] == found[0]["id"]
    out = served.home / "calls.jsonl"
    assert served.ask("logs", "asked:gpt-filtered-*", "--export", str(out))["count"] == 2
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines == found[::-1]


def test_events_are_printed_as_they_happen(served: Any) -> None:
    follower = served.begin("events", "--filter", "asked:gpt-event")
    time.sleep(0.7)
    called(served, model="gpt-other")
    called(served, model="gpt-event")
    follower.wait_for("gpt-event")
    assert "gpt-other" not in follower.said
    follower.signal(signal.SIGINT)
    assert follower.wait() == 130


def test_a_server_elsewhere_is_asked_at_its_url(
    served: Any, new_program: Callable[[], Any]
) -> None:
    note = (served.data / "first-run.txt").read_text()
    admin = re.search(r"sya-[A-Za-z0-9_-]+", note)
    assert admin
    elsewhere = new_program()
    asked = ("modules", "list", "--url", served.server.address)
    assert elsewhere.ask(*asked, "--key", admin[0])["count"] > 5
    assert elsewhere.run(*asked, STOCKYARD_KEY="sya-" + "a" * 49).returncode == 5
    assert elsewhere.run("modules", "off", "cache", *asked[2:]).returncode == 5


def test_the_line_and_what_a_module_did_are_shown(served: Any) -> None:
    shown = served.run("modules", "line", "--kind", "chat").stdout.splitlines()
    names = [one["name"] for one in served.ask("modules", "line", "--kind", "chat")["line"]]
    assert [line.split()[0] for line in shown[1:]] == names
    assert served.run("modules", "stats", "tracelink").stdout.startswith("tracelink: on")
    key = served.ask("keys", "list")["keys"][0]
    assert f"name: {key['name']}" in served.run("keys", "show", key["id"]).stdout


def test_logs_follow_what_comes(served: Any) -> None:
    follower = served.begin("logs", "-f", "-n", "0")
    time.sleep(0.5)
    called(served, model="gpt-followed")
    follower.wait_for("gpt-followed")
    follower.signal(signal.SIGINT)
    assert follower.wait() == 130


def test_a_name_cannot_move_the_cursor_of_a_terminal(served: Any) -> None:
    called(served, model="gpt-\x1b[2J-odd")
    assert "\x1b" not in logged(served, "-odd")


def test_doctor_looks_at_a_running_installation(served: Any) -> None:
    document = served.ask("doctor")
    found = {check["id"]: check["state"] for check in document["checks"]}
    assert document["ok"] is True
    for check in ("python", "config", "data", "disk", "database", "server", "modules"):
        assert found[check] == "ok", document
    assert found["first_run"] == "warn"


def test_doctor_knows_the_modules_of_the_operator(program: Any) -> None:
    folder = program.home / "modules"
    folder.mkdir()
    (folder / "mine.py").write_text(
        "from stockyard.core.module import Module, ModuleConfig, Stage\n"
        "class Mine(Module[ModuleConfig]):\n"
        "    name, stage = 'mine', Stage.OBSERVE\n"
        "    def on_request(self, x): return None\n"
    )
    config = program.home / "stockyard.toml"
    config.write_text(f"modules_dir = '{folder}'\nserver.port = 0\n[modules.mine]\n")
    checks = {check["id"]: check for check in program.ask("doctor")["checks"]}
    assert checks["modules"]["state"] == "ok"
    (folder / "mine.py").write_text("import nothing_of_that_name")
    told = program.run("doctor").stdout
    assert "mine.py:1: it cannot be imported" in told


def test_doctor_looks_at_a_stopped_one_and_ends_with_1_if_it_could_not_start(
    new_program: Callable[[], Any],
) -> None:
    program = new_program()
    done = program.run("doctor", STOCKYARD_PORT="0", OPENAI_API_KEY="sk-doctor-0123456789")
    assert done.returncode == 0, done.stdout
    assert "providers: openai (OPENAI_API_KEY)" in done.stdout
    assert "sk-doctor" not in done.stdout
    assert not program.data.exists()
    program.data.mkdir()
    program.data.chmod(0o755)
    ill = program.run("doctor", STOCKYARD_PORT="0")
    assert ill.returncode == 1
    assert "chmod 700" in ill.stdout
    program.data.chmod(0o700)
    (program.data / "stockyard.db").write_bytes(b"nonsense" * 1000)
    (program.home / "stockyard.toml").write_text("[modules.nonsense]\n")
    document = json.loads(program.run("doctor", "--json", STOCKYARD_PORT="0").stdout)
    failed = {check["id"] for check in document["checks"] if check["state"] == "fail"}
    assert failed == {"database", "files", "modules"}


def test_the_reference_of_modules_is_made_from_the_modules(served: Any) -> None:
    out = served.home / "modules.md"
    assert served.run("docs", "--out", str(out)).returncode == 0
    text = out.read_text()
    names = [module["name"] for module in served.ask("modules", "list")["modules"]]
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == names
    assert "| `max_wait_ms` | `0` |" in text
    for example in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        tomllib.loads(example)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_a_shell(served: Any, shell: str) -> None:
    assert "_STOCKYARD_COMPLETE" in served.run("completion", shell).stdout


AS_NOBODY = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setuid(65534)
asked = socket.socket(socket.AF_UNIX)
asked.connect("control.sock")
try:
    asked.sendall(b"GET /api/team/keys HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    print(asked.recv(100))
except OSError:
    print(b"")
"""


def test_the_control_socket_is_for_us_alone(served: Any) -> None:
    path = served.data / "run" / "control.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_cut_off_even_where_modes_let_him_in(program: Any) -> None:
    program.start()
    path = program.data / "run" / "control.sock"
    path.parent.chmod(0o711)
    path.chmod(0o666)
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", AS_NOBODY, str(path.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("b''\n", "")
    path.parent.chmod(0o700)
    assert program.run("keys", "list").returncode == 0


def test_a_data_folder_with_a_long_name_can_be_asked_too(new_program: Callable[[], Any]) -> None:
    program = new_program()
    folder = program.home / ("deep" * 20) / ("er" * 40)
    folder.parent.mkdir()
    process = program.start("--data", str(folder))
    assert program.run("health", "--data", str(folder)).returncode == 0
    assert program.run("stop", "--data", str(folder)).returncode == 0
    assert process.wait() == 0


def test_stop_returns_when_the_server_has_ended(program: Any) -> None:
    process = program.start()
    assert program.ask("stop") == {"stopped": True}
    assert process.wait() == 0
    assert not (program.data / "run" / "control.sock").exists()
    again = program.start()
    assert again.stop() == 0


def test_models_get_names_of_your_own(served: Any) -> None:
    assert served.ask("aliases", "set", "quick", "mock/echo", "--hidden")["hidden"] is True
    assert "quick" in served.run("aliases", "list").stdout
    called(served, model="quick")
    assert served.run("aliases", "set", "quick", "quicker").returncode == 0
    assert served.run("aliases", "set", "quicker", "quick").returncode == 1
    assert served.ask("aliases", "remove", "quick")["deleted"] is True
    gone = served.run("aliases", "remove", "quick")
    assert (gone.returncode, "no alias 'quick'" in gone.stderr) == (1, True)


def test_what_was_said_is_shown_where_it_is_kept(served: Any) -> None:
    def newest_of(model: str) -> str:
        ends = time.monotonic() + 5
        while not (found := served.ask("logs", f"asked:{model}")["traces"]):
            assert time.monotonic() < ends
        return str(found[0]["id"])

    called(served, model="unsaid")
    nothing = served.run("explain", newest_of("unsaid"), "--body", "request")
    assert (nothing.returncode, "is kept" in nothing.stderr) == (1, True)
    assert served.run("modules", "set", "logging", 'capture="full"').returncode == 0
    called(served, model="said", messages=[{"role": "user", "content": "a falcon"}])
    assert served.run("modules", "set", "logging", 'capture="metadata"').returncode == 0
    trace = newest_of("said")
    said = served.ask("explain", trace, "--body", "request")
    assert said["messages"][0]["parts"][0]["text"] == "a falcon"
    assert "a falcon" in served.run("explain", trace, "--body", "response").stdout
