"""Import and build the control plane while calls are already being answered.

That takes longer than a start may take. Until it is ready, requests for it wait a little, and are
then answered that it is starting.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from stockyard.gateway.http import HttpError
from stockyard.gateway.refusals import control_refusal

HEAD_START_S = 0.3
"""A delay for the benefit of the first calls, because an import holds the interpreter lock."""


class LateApp:
    """An ASGI app that is built in a thread: on the first request for it, or after a short
    delay."""

    def __init__(self, build: Callable[[], ASGI3Application], patience_s: float = 10) -> None:
        self._build = build
        self._patience_s = patience_s
        self._app: ASGI3Application | None = None
        self._wanted = asyncio.Event()
        self._built = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()

    async def load(self) -> None:
        """Build it. Raises what `build` raises, after which every request gets 503."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START_S):
                await self._wanted.wait()
        try:
            self._app = await asyncio.to_thread(self._build)
        finally:
            self._built.set()

    def hold(self) -> None:
        """Delay requests until `let_go`; those that wait too long are answered with 503."""
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if self._app is None or not self._free.is_set():
            self._wanted.set()
            with suppress(TimeoutError):  # answered as starting, below
                async with asyncio.timeout(self._patience_s):
                    await self._built.wait()
                    await self._free.wait()
        if self._app is not None and self._free.is_set():
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _starting(send)
        else:
            await send({"type": "websocket.close", "code": 1013, "reason": "starting"})


async def _starting(send: ASGISendCallable) -> None:
    whole = control_refusal(HttpError(503, "starting", "The control plane is starting. Try again."))
    await send(
        {
            "type": "http.response.start",
            "status": whole.status,
            "headers": [
                (b"content-type", b"application/problem+json"),
                (b"content-length", str(len(whole.body)).encode()),
                (b"retry-after", b"1"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": whole.body})
