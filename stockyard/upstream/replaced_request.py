"""Replace the request of an Exchange temporarily, for a provider that needs another one.

A retry or another Target starts again from what the modules left in `x.request`, so the replacement
is undone afterwards.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from stockyard.core.exchange import Exchange
from stockyard.core.request import Request


@contextmanager
def replaced_request(x: Exchange, request: Request) -> Iterator[None]:
    before = x.request
    x.request = request
    try:
        yield
    finally:
        x.request = before
