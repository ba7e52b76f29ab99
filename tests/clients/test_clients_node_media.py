"""The official OpenAI library for Node: speech, transcriptions and images of the mock provider."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from stockyard.testing.yard import Yard

HERE = Path(__file__).parent
NODE = shutil.which("node")
PATIENCE_SECONDS = 60

pytestmark = pytest.mark.skipif(
    (NODE is None or not (HERE / "node_modules").exists()) and os.environ.get("CI") != "true",
    reason="needs node, and `npm ci` in tests/clients",
)

SCENARIOS = (
    *("speech", "transcription", "subtitles", "streamed"),
    *("image", "edited", "varied", "refused"),
)


async def test_every_scenario(yard: Yard) -> None:
    await yard.open()
    told = {"GATEWAY_URL": yard.url, "GATEWAY_KEY": yard.key, "MODEL": "mock"}
    process = await asyncio.create_subprocess_exec(
        NODE or "node",
        str(HERE / "media.mjs"),
        *SCENARIOS,
        env={"PATH": os.environ["PATH"], **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 0, err.decode()
    heard = json.loads(out)
    assert heard["speech"] == {"opening": "RIFF", "size": 2044}
    assert "mock provider" in heard["transcription"]
    assert heard["subtitles"].startswith("WEBVTT\n")
    assert "".join(heard["streamed"]["pieces"]) == heard["streamed"]["text"]
    assert heard["image"] == ["PNG", "PNG"]
    assert heard["edited"] == ["image_edit.partial_image", "image_edit.completed"]
    assert heard["varied"] == 1
    assert (heard["refused"]["error"], heard["refused"]["status"]) == ("BadRequestError", 400)
