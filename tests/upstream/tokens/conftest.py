"""What tests of tokens ask with."""

from collections.abc import AsyncIterator

import pytest

from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(Guard(GuardSettings()))
    yield client
    await client.close()
