"""What tests of tokens ask with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(Guard(GuardSettings()))
    yield client
    await client.close()


@pytest.fixture
async def aws() -> AsyncIterator[ScriptedProvider]:
    """Every service of AWS that is asked for keys."""
    async with ScriptedProvider() as aws:
        yield aws


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with folders for AWS, in which nobody has signed in."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws/sso/cache").mkdir(parents=True)
    return tmp_path
