"""Tests of the client run on both event loops: uvloop, as in production, and asyncio's own."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from tests.upstream.images import web

__all__ = ["web"]

ASYNCIO = {"asyncio": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name.startswith("test_client_"):
        return {**ASYNCIO, "uvloop": uvloop.new_event_loop}
    return ASYNCIO
