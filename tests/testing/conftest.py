"""A scripted provider and a socket that is connected to it."""

from collections.abc import AsyncIterator

import pytest

from stockyard.testing import RawClient, ScriptedProvider


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider(patience=5) as provider:
        yield provider


@pytest.fixture
async def client(provider: ScriptedProvider) -> AsyncIterator[RawClient]:
    async with RawClient.to(provider.url) as client:
        yield client
