"""The verbs that tell of calls: logs, explain and events."""

import json
import re
import signal
import stat
import time
from typing import Any


def called(served: Any, **body: Any) -> None:
    served.server.call(served.secret("sk-sy-"), **body)


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


def test_events_are_printed_as_they_happen(served: Any) -> None:
    follower = served.begin("events", "--filter", "asked:gpt-event")
    time.sleep(0.7)
    called(served, model="gpt-other")
    called(served, model="gpt-event")
    follower.wait_for("gpt-event")
    assert "gpt-other" not in follower.said
    follower.signal(signal.SIGINT)
    assert follower.wait() == 130


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
