"""Agents of the command line, run headless; the argument says which."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from driver import QUESTION, Asked, serve

AGENT = sys.argv[1]
RUN_SECONDS = 90
CODEX_CONFIG = """
model = {model}
model_provider = "stockyard"
[model_providers.stockyard]
name = "Stockyard"
base_url = {url}
env_key = "STOCKYARD_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
"""


class Run(NamedTuple):
    status: int
    out: str
    err: str


def run(asked: Asked, *, seconds: float = RUN_SECONDS) -> Run:
    """One question, in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        command, environment = AGENTS[AGENT](asked, home)
        work = home / "work"
        work.mkdir()
        given = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG")}
        given |= {"HOME": folder, "NO_COLOR": "1", "CI": "1", "TERM": "dumb", **environment}
        try:
            done = subprocess.run(  # noqa: S603  the agents are what is tested
                command,
                cwd=work,
                env=given,
                capture_output=True,
                timeout=seconds,
                stdin=subprocess.DEVNULL,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return Run(-1, _text(late.stdout), _text(late.stderr))
        return Run(done.returncode, done.stdout, done.stderr)


def claude(asked: Asked, home: Path) -> tuple[list[str], dict[str, str]]:
    command = ["claude", "-p", QUESTION, "--model", asked.model, "--output-format", "json"]
    return [*command, "--allowedTools", "Bash"], {
        "ANTHROPIC_BASE_URL": asked.url,
        "ANTHROPIC_AUTH_TOKEN": asked.key,
        "ANTHROPIC_SMALL_FAST_MODEL": asked.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": asked.model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
    }


def codex(asked: Asked, home: Path) -> tuple[list[str], dict[str, str]]:
    folder = home / ".codex"
    folder.mkdir()
    url, model = json.dumps(f"{asked.url}/v1"), json.dumps(asked.model)
    (folder / "config.toml").write_text(CODEX_CONFIG.format(url=url, model=model))
    command = ["codex", "exec", "--skip-git-repo-check", "--json"]
    open_ = "--dangerously-bypass-approvals-and-sandbox"
    return [*command, open_, QUESTION], {"STOCKYARD_KEY": asked.key, "CODEX_HOME": str(folder)}


def gemini(asked: Asked, home: Path) -> tuple[list[str], dict[str, str]]:
    folder = home / ".gemini"
    folder.mkdir()
    settings: dict[str, Any] = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
    settings |= {"privacy": {"usageStatisticsEnabled": False}, "telemetry": {"enabled": False}}
    settings["general"] = {"disableAutoUpdate": True, "maxAttempts": 1}
    (folder / "settings.json").write_text(json.dumps(settings))
    command = ["gemini", "-p", QUESTION, "-m", asked.model, "--output-format", "json", "--yolo"]
    return command, {
        "GOOGLE_GEMINI_BASE_URL": asked.url,
        "GEMINI_API_KEY": asked.key,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "SANDBOX": "",
    }


AGENTS = {"claude": claude, "codex": codex, "gemini": gemini}


def said(out: str) -> str:
    """The answer among what the agent prints."""
    if AGENT == "codex":
        events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        items = [event["item"] for event in events if event.get("type") == "item.completed"]
        texts = [item["text"] for item in items if item["type"] == "agent_message"]
        return str(texts[-1]) if texts else ""
    told = json.loads(out[out.index("{") :])
    return str(told["result"] if AGENT == "claude" else told["response"])


def answer(asked: Asked) -> Any:
    done = run(asked)
    if done.status != 0:
        return {"error": {"name": f"exit {done.status}", "status": None, "message": _tail(done)}}
    return {"text": said(done.out), "tokens": None}


def whole(asked: Asked) -> Any:
    return answer(asked)


def result(asked: Asked) -> Any:
    return answer(asked)


def refused(asked: Asked) -> Any:
    return answer(asked)


def cut(asked: Asked) -> Any:
    done = run(asked)
    if done.status:
        return {"raised": f"exit {done.status}", "text": None}
    return {"raised": None, "text": said(done.out)}


def _tail(done: Run) -> str:
    return f"{done.out[-400:]} {done.err[-400:]}"


def _text(said_: bytes | str | None) -> str:
    return said_.decode(errors="replace") if isinstance(said_, bytes) else said_ or ""


serve(whole, result, refused, cut)
