"""What every test may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stockyard.testing.yard import Yard


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    """A whole Stockyard in front of scripted providers."""
    async with Yard(tmp_path) as yard:
        yield yard
