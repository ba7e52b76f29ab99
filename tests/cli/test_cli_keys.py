"""The verbs for Keys: make, pause, change, rotate and revoke, and where a new secret goes."""

import re
import stat
from typing import Any


def test_a_key_is_created_used_and_revoked(served: Any) -> None:
    made = served.ask("keys", "create", "an app")
    assert served.server.call(made["key"])[0] == 200
    listed = served.run("keys", "list").stdout
    assert made["key"] not in listed
    assert re.search(rf"^{made['id']}  an app .*active$", listed, re.MULTILINE)
    assert served.run("keys", "revoke", made["id"]).returncode == 0
    assert served.server.call(made["key"])[0] == 401


def test_a_key_is_paused_changed_and_rotated(served: Any) -> None:
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
