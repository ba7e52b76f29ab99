"""Codex, headless, when its conversation grows too long: it asks for a summary and goes on from it.

Run where `make clients` has installed it.
"""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from stockyard.testing.yard import Yard

PLACE = Path(os.environ.get("STOCKYARD_CLIENTS", Path.home() / ".cache" / "stockyard-clients"))
CODEX = PLACE / "node" / "node_modules" / ".bin" / "codex"
RUN_SECONDS = 60
# Only of a provider of this name it expects that it makes summaries.
CONFIG = """
model = "deepinfra/m"
model_provider = "stockyard"
model_context_window = 100000
model_auto_compact_token_limit = 20000
[model_providers.stockyard]
name = "OpenAI"
base_url = "{url}/v1"
env_key = "STOCKYARD_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
"""


async def codex(home: Path, key: str, *arguments: str) -> str:
    """What one run prints: an event in each line."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_HOME": str(home)}
    process = await asyncio.create_subprocess_exec(
        CODEX,
        *("exec", "--skip-git-repo-check", "--json", *arguments),
        cwd=home,
        env=environment | {"STOCKYARD_KEY": key},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    return out.decode()


@pytest.mark.slow
@pytest.mark.skipif(not CODEX.exists(), reason="needs the clients: `make clients` installs them")
async def test_a_long_conversation_goes_on_from_its_summary(yard: Yard, tmp_path: Path) -> None:
    upstream = yard.provider("deepinfra").says("First answer.").counts(90_000, 50)
    upstream.says("They said hello.").counts(900, 50).says("Second answer.").counts(100, 10)
    await yard.open()
    home = tmp_path / "codex"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG.format(url=yard.url))

    assert "First answer." in await codex(home, yard.key, "hello")
    assert "Second answer." in await codex(home, yard.key, "resume", "--last", "again")

    asked = [json.loads(call.exchange.inbound.body)["input"][-1] for call in yard.calls]
    assert [item["type"] for item in asked] == ["message", "compaction_trigger", "message"]
    turns = [str(message["content"]) for message in upstream.last.fields["messages"]]
    assert any("They said hello." in turn for turn in turns)
    assert not any("First answer." in turn for turn in turns)
