"""A provider on a real socket that follows a test's script and records its requests.

```python
async with ScriptedProvider() as provider:
    provider.fails(503).streams("my proj", "ect fal", "con").cuts_after(2)
    ...                     # call provider.url + "/v1/chat/completions", twice
    assert provider.last.prompt == "hi"
```

It hears chat completions, Messages, Responses and Gemini by the path of the call, and streams when
the body or the path says so.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Self

from stockyard.testing.connection import Connection
from stockyard.testing.delivery import steps_of
from stockyard.testing.received import ReceivedRequest
from stockyard.testing.script import Script
from stockyard.testing.steps import Step

_REMEMBERED = 10_000


class ScriptedProvider(Script):
    """An HTTP/1.1 server on loopback that follows a script."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, patience: float = 30.0) -> None:
        """`patience` bounds every answer in seconds: a stalled connection is then reset."""
        super().__init__()
        self.requests: deque[ReceivedRequest] = deque(maxlen=_REMEMBERED)
        """All requests, oldest first; past ten thousand the oldest are forgotten."""
        self.connections = 0
        """How many connections were ever accepted."""
        self._tls = tls
        self._patience = patience
        self._goes_on = asyncio.Semaphore(0)
        self._arrived = asyncio.Event()
        self._open: set[Connection] = set()
        self._mistakes: list[BaseException] = []
        self._server: asyncio.Server | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop, drop every connection, and raise what was wrong with the script."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(connection.aclose() for connection in set(self._open)))
        await self._server.wait_closed()
        self._server = None
        if self._mistakes:
            raise self._mistakes[0]

    @property
    def url(self) -> str:
        """Scheme, host and port, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def open_connections(self) -> int:
        return len(self._open)

    @property
    def last(self) -> ReceivedRequest:
        """The newest request."""
        if not self.requests:
            raise LookupError("This provider was not called.")
        return self.requests[-1]

    @property
    def prompts(self) -> list[str]:
        return [request.prompt for request in self.requests]

    def goes_on(self) -> None:
        """Let one stall go on, whether or not it was reached yet."""
        self._goes_on.release()

    async def called(self, times: int = 1, *, within: float = 10.0) -> bool:
        """Whether so many requests have come within so many seconds."""
        try:
            async with asyncio.timeout(within):
                while len(self.requests) < times:
                    await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def closed_by_client(self, within: float = 10.0) -> bool:
        """Whether the client closes the newest request's connection within so many seconds."""
        return await self.last.closed_by_client(within)

    def _accept(self) -> Connection:
        self.connections += 1
        coming = self.peek()
        reads = coming is None or coming.accepts
        if not reads:
            self.next_play()  # no request will come to use it up
        connection = Connection(
            self.connections,
            self._answer,
            self._gone,
            patience=self._patience,
            goes_on=self._goes_on,
            reads=reads,
        )
        self._open.add(connection)
        return connection

    def _answer(self, request: ReceivedRequest) -> Sequence[Step]:
        self.requests.append(request)
        self._arrived.set()
        self._arrived.clear()
        return steps_of(self.next_play(), request)

    def _gone(self, connection: Connection, mistake: BaseException | None) -> None:
        self._open.discard(connection)
        if mistake is not None:
            self._mistakes.append(mistake)
