"""One run of the process: open, listen, say so, serve, stop."""

import gc
import os
from time import perf_counter

from stockyard.app import Stockyard
from stockyard.gateway.server import Server, ServerSettings, Tls, bind
from stockyard.settings import Settings

STARTED = perf_counter()


async def serve_until_stopped(settings: Settings) -> None:
    server_settings = ServerSettings(
        host=settings.server.host,
        port=settings.server.port,
        predrain_s=settings.server.predrain,
        drain_s=settings.server.drain,
    )
    listening = bind(server_settings)
    try:
        stockyard = await Stockyard.open(settings, os.environ)
    except BaseException:
        listening.close()
        raise
    server = Server(stockyard.front, stockyard.control_plane, server_settings, listening)
    stockyard.health.ready()
    gc.collect()
    gc.freeze()
    host, port = listening.getsockname()[:2]
    if stockyard.first_run.key:
        print(f"key {stockyard.first_run.key}\nadmin {stockyard.first_run.admin}", flush=True)
    print(f"ready http://{host}:{port}", flush=True)
    try:
        await server.serve()
    finally:
        await stockyard.close()
