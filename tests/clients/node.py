"""Runs programs of Node, which call the gateway with the official libraries."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from stockyard.testing.yard import Yard

HERE = Path(__file__).parent
NODE = shutil.which("node")
PATIENCE_SECONDS = 60

needs_node = pytest.mark.skipif(
    (NODE is None or not (HERE / "node_modules").exists()) and os.environ.get("CI") != "true",
    reason="needs node, and `npm ci` in tests/clients",
)


async def run(yard: Yard, program: str, *scenarios: str, model: str) -> dict[str, Any]:
    """What came of the scenarios, by name."""
    await yard.open()
    told = {"GATEWAY_URL": yard.url, "GATEWAY_KEY": yard.key, "MODEL": model}
    process = await asyncio.create_subprocess_exec(
        NODE or "node",
        str(HERE / program),
        *scenarios,
        env={"PATH": os.environ["PATH"], **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 0, err.decode()
    heard: dict[str, Any] = json.loads(out)
    return heard
