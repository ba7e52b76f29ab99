"""The verbs for modules: list, show, switch, set, reset, and the reference made from them."""

import re
import tomllib
from typing import Any


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


def test_the_line_and_what_a_module_did_are_shown(served: Any) -> None:
    shown = served.run("modules", "line", "--kind", "chat").stdout.splitlines()
    names = [one["name"] for one in served.ask("modules", "line", "--kind", "chat")["line"]]
    assert [line.split()[0] for line in shown[1:]] == names
    assert served.run("modules", "stats", "tracelink").stdout.startswith("tracelink: on")
    key = served.ask("keys", "list")["keys"][0]
    assert f"name: {key['name']}" in served.run("keys", "show", key["id"]).stdout


def test_the_reference_of_modules_is_made_from_the_modules(served: Any) -> None:
    out = served.home / "modules.md"
    assert served.run("docs", "--out", str(out)).returncode == 0
    text = out.read_text()
    names = [module["name"] for module in served.ask("modules", "list")["modules"]]
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == names
    assert "| `max_wait_ms` | `0` |" in text
    for example in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        tomllib.loads(example)
