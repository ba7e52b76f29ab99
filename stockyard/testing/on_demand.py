"""Build the control plane when it is first asked for, which most tests never do."""

import asyncio
from collections.abc import Callable

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope


class OnDemand:
    """An ASGI app that loads another one, a second's work, with its first request."""

    def __init__(self, build: Callable[[], ASGI3Application]) -> None:
        self._build = build
        self._app: ASGI3Application | None = None
        self._building = asyncio.Lock()

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        async with self._building:
            if self._app is None:
                self._app = await asyncio.to_thread(self._build)
        await self._app(scope, receive, send)
