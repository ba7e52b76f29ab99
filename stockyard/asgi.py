"""The gateway as an ASGI app: `uvicorn stockyard.asgi:app`, or mounted in an app of yours.

    from stockyard.asgi import Gateway
    app.mount("/llm", Gateway())

It opens its data folder when the server starts, or with the first request where a framework tells
mounted apps nothing of that, and reads its settings from the same places as `stockyard serve`.
"""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

from stockyard.app import Stockyard
from stockyard.control_plane import control_plane
from stockyard.gateway.asgi import GatewayApp, Receive, Scope, Send
from stockyard.gateway.late_app import LateApp
from stockyard.process.welcome import Welcome
from stockyard.settings import load


class Gateway:
    """One installation behind somebody else's server. `overrides` are settings by dotted name."""

    def __init__(self, overrides: dict[str, Any] | None = None) -> None:
        self._overrides = overrides or {}
        self._opening: asyncio.Task[GatewayApp] | None = None
        self._stockyard: Stockyard | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        app = await self.open()
        await app(scope, receive, send)

    async def open(self) -> GatewayApp:
        """Open the installation; the same one for everybody who asks. Raises CannotStart."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def close(self) -> None:
        """Write what is queued and let go of the data folder."""
        stockyard, self._stockyard, self._opening = self._stockyard, None, None
        if stockyard is not None:
            await stockyard.close()

    async def _open(self) -> GatewayApp:
        stockyard = await Stockyard.open(load(self._overrides, os.environ, Path.cwd()), os.environ)
        self._stockyard = stockyard
        if stockyard.first_run:
            Welcome.of(stockyard, "http://127.0.0.1:8000").write_note()
        control = LateApp(partial(control_plane, stockyard))
        stockyard.background(control.load())
        stockyard.health.ready()
        proxies = stockyard.front.proxies
        return GatewayApp(stockyard.front.plane, stockyard.health, control, proxies)  # type: ignore[arg-type]  # uvicorn has its own names for the same shapes

    async def _live(self, receive: Receive, send: Send) -> None:
        """Open with the server and close with it."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.open()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


app = Gateway()
