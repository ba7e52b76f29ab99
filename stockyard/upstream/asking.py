"""Ask a provider something else than the caller asked for, for a while.

A Target that wants to be asked otherwise does not change what is asked of the next one: a try that
fails here is made again from what the modules left in `x.request`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from stockyard.core.exchange import Exchange
from stockyard.core.request import Request


@contextmanager
def asking(x: Exchange, request: Request) -> Iterator[None]:
    asked = x.request
    x.request = request
    try:
        yield
    finally:
        x.request = asked
