"""What every test may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from stockyard.testing.yard import Yard

# Both go by the clock, which on a busy machine says nothing about the code.
settings.register_profile("stockyard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stockyard")


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    """A whole Stockyard in front of scripted providers."""
    async with Yard(tmp_path) as yard:
        yield yard
