"""The fixture `yard` for pytest. In the `conftest.py` at the top of a project:

    pytest_plugins = ["stockyard.testing.fixtures"]

It needs pytest and pytest-asyncio (`pip install "stockyard[testing]"`), in either of its modes.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from stockyard.testing.yard import Yard


@pytest_asyncio.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    """A whole Stockyard in front of scripted providers."""
    async with Yard(tmp_path) as yard:
        yield yard
