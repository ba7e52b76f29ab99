"""What a start says: to a person with a terminal, to a log, and the second time."""

import json
import re
import stat
from typing import Any

import pytest

from stockyard import __version__

MASKS = (
    (r"sk-sy-[A-Za-z0-9_-]{49}", "KEY"),
    (r"sya-[A-Za-z0-9_-]{49}", "ADMIN"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"\d+\.\d\d s", "SECONDS"),
    (r"\d\d:\d\d:\d\d ", "CLOCK "),
    (r"set [A-Z_]+ \(or [A-Z_, ]+, … \d+ in all\)", "set VARIABLE (or OTHERS)"),
)

FRESH = f"""\
Stockyard {__version__} is ready (SECONDS)

  Endpoint   http://HOST/v1 FORMATS and /{{provider}}/…
  Your Key   KEY shown once · no limit set
  Admin      ADMIN shown once · opens /api, not for programs
  Data       ~/.stockyard
  Providers  none found, so the mock provider answers: everything works without an account.
             To use a real one: set VARIABLE (or OTHERS) and restart.

  Try it     curl http://HOST/v1/chat/completions \\
               -H "Authorization: Bearer KEY" -H "Content-Type: application/json" \\
               -d '{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"hello"}}]}}'
  Look       curl "http://HOST/api/lookout/traces?limit=1"
  Next       stockyard doctor · stockyard logs -f · stockyard modules list
  Stop       Ctrl-C

"""

LATER = f"""\
Stockyard {__version__} is ready (SECONDS)

  Endpoint   http://HOST/v1 control plane: http://HOST/api
  Providers  none; mock answers
  Data       ~/.stockyard config version 1
  Your Key   was made at the first start another: stockyard keys create NAME

"""

ROWS = ("Endpoint", "Your Key", "Admin", "Data", "Providers", "Try it", "Look", "Next", "Stop")


def masked(text: str) -> str:
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    text = re.sub(r"(HOST/v1) +[a-z, ]{40,80} and /", r"\1 FORMATS and /", text)
    text = re.sub(r"(?<=\S)  +(?=\S)(?<!^  )", " ", text)
    rows = "|".join(ROWS)
    text = re.sub(rf"^  ({rows}) ", lambda row: f"  {row[1]:<11}", text, flags=re.MULTILINE)
    return "".join(line for line in text.splitlines(keepends=True) if "root" not in line)


def secret_in(text: str, prefix: str) -> str:
    found = re.search(rf"{prefix}[A-Za-z0-9_-]{{49}}", text)
    assert found, text
    return found[0]


def test_a_first_start_shows_a_terminal_everything_once_and_a_second_one_does_not(
    program: Any,
) -> None:
    first = program.start(terminal=True)
    first.wait_for("Ctrl-C")
    key = secret_in(first.said, "sk-sy-")
    assert first.call(key)[0] == 200
    first.wait_for("first-key gpt-4o-mini → mock")
    assert first.stop() == 0
    printed, _, log = first.said.partition("Ctrl-C\n\n")
    assert masked(printed + "Ctrl-C\n\n") == FRESH
    assert re.search(
        r"\d\d:\d\d:\d\d 200 first-key gpt-4o-mini → mock \d+\+\d+ tok \d+ ms tr_\w+\n", log
    )
    assert "Calls: 1, errors: 0." in log
    assert not (program.data / "first-run.txt").exists()

    second = program.start(terminal=True)
    second.wait_for("keys create")
    assert second.call(key)[0] == 200
    assert second.stop() == 0
    assert masked(second.said.partition("NAME\n\n")[0] + "NAME\n\n") == LATER


def test_the_printed_lines_to_try_work_as_they_are(program: Any) -> None:
    process = program.start(terminal=True)
    process.wait_for("Ctrl-C")
    script = re.sub(r"^  (Try it|Look|     ) +", "", process.said, flags=re.MULTILINE)
    curl = script[script.index("curl") : script.index("  Next")]

    body = re.search(r"-d '(.*)'", curl)
    assert body
    status, answer = process.request(
        "POST", "/v1/chat/completions", body[1], key=secret_in(curl, "sk-sy-")
    )

    assert (status, answer["model"]) == (200, "mock/gpt-4o-mini")
    path = re.search(r'curl "http://[^/]+(/api/[^"]+)"', curl)
    assert path
    for _ in range(50):
        status, traces = process.request("GET", path[1])
        if status == 200 and traces["count"]:
            break
    assert traces["traces"][0]["key_name"] == "first-key"


def test_without_a_terminal_the_secrets_are_in_a_file_for_us_alone(program: Any) -> None:
    process = program.start()

    (ready,) = process.events("ready")
    assert ready["version"] == __version__
    assert ready["address"] == process.address
    assert ready["data"] == str(program.data)
    assert ready["providers"] == ["mock"]
    assert 0 < ready["ms"] < 10_000
    assert "sk-sy-" not in process.said
    assert "sya-" not in process.said
    note = program.data / "first-run.txt"
    assert ready["first_run"] == str(note)
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert process.call(secret_in(note.read_text(), "sk-sy-"))[0] == 200
    admin = secret_in(note.read_text(), "sya-")
    assert process.request("GET", "/api/team/keys", key=admin)[0] == 200


def test_once_the_file_is_gone_it_is_told_how_to_make_a_key(program: Any) -> None:
    first = program.start()
    first.kill()
    (program.data / "first-run.txt").unlink()
    (ready,) = program.start().events("ready")
    assert "stockyard keys create" in ready["hint"]
    assert "first_run" not in ready


def test_the_secrets_are_in_the_log_only_if_that_is_asked_for(program: Any) -> None:
    process = program.start(STOCKYARD_PRINT_SECRETS="1")
    process.wait_for("sk-sy-")

    (line,) = process.events("first_run")
    assert line["level"] == "warning"
    assert process.call(line["key"])[0] == 200
    assert line["admin"].startswith("sya-")
    assert not (program.data / "first-run.txt").exists()


def test_a_plain_text_log_without_a_terminal_holds_no_secret(program: Any) -> None:
    process = program.start(LOG_FORMAT="text")
    process.wait_for("first-run.txt")
    assert process.said.startswith("Stockyard ")
    assert "sk-sy-" not in process.said


def test_providers_are_named_with_the_variable_and_never_with_its_value(program: Any) -> None:
    secret = "sk-proj-0123456789abcdefghijklmnop"
    process = program.start(terminal=True, OPENAI_API_KEY=secret)
    process.wait_for("Ctrl-C")

    assert "openai (OPENAI_API_KEY): nothing called, not stored" in process.said
    assert re.search(r"[1-9]\d+ chat models by price list: stockyard models", process.said)
    assert 'the same curl with "model":"mock"' in process.said
    assert secret not in process.said
    key = secret_in(process.said, "sk-sy-")
    assert process.call(key, model="mock")[0] == 200


def test_a_given_admin_credential_is_used_and_not_shown(program: Any) -> None:
    given = "a" * 16 + "b" * 16
    process = program.start(terminal=True, STOCKYARD_ADMIN_KEY=given)
    process.wait_for("Ctrl-C")
    assert "STOCKYARD_ADMIN_KEY" in process.said
    assert given not in process.said
    assert "sya-" not in process.said
    assert process.request("GET", "/api/team/keys", key=given)[0] == 200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--no-mock",), "no call can be answered"), (("--log-format", "json"), '"event":"ready"')],
    ids=["no-mock", "json"],
)
def test_flags_change_what_is_said(program: Any, arguments: tuple[str, ...], words: str) -> None:
    process = program.start(*arguments, terminal=True)
    process.wait_for(words)


def test_settings_that_are_worth_a_warning_get_one_line_each(program: Any) -> None:
    process = program.start(STOCKYARD_PROT="1", STOCKYARD_LICENSE_KEY="x")
    process.wait_for("licence")
    said = [line["message"] for line in process.events("warning")]
    assert any("STOCKYARD_PROT" in message for message in said)
    assert json.dumps(said).count("STOCKYARD_LICENSE_KEY") == 1
