"""One run of the process: open, listen, serve, stop, and report."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from stockyard.app import Stockyard
from stockyard.control_plane import control_plane
from stockyard.core.signals import ExchangeFinished
from stockyard.gateway.server import Server, ServerSettings, connections_allowed
from stockyard.process.age import seconds_since_exec
from stockyard.process.controlsocket import ControlSocket
from stockyard.process.diskspace import refuse_full, refuse_network
from stockyard.process.handover import HandOver, Predecessor
from stockyard.process.hardening import forget, is_root
from stockyard.process.inherited import Inherited
from stockyard.process.listening import address_of, listen, server_settings_of
from stockyard.process.logs import CallLog, Event, LogWriter, Redaction, Rotation, install
from stockyard.process.reloading import Reloading
from stockyard.process.servicemanager import notify_ready
from stockyard.process.socketpath import FOLDER
from stockyard.process.supervisor import RESTART
from stockyard.process.wallclock import refuse_wrong_clock
from stockyard.process.welcome import Welcome
from stockyard.process.writerwatch import WriterWatch
from stockyard.settings import Settings

log = logging.getLogger(__name__)

GC_ALLOCATIONS = 50_000
"""How many new objects it takes before the youngest are looked through; Python's own is 700."""
STDOUT = 1
DUMP_EVERY = 10.0
"""Seconds between two dumps of stacks (SIGUSR1)."""
MAX_DUMPED = 200
"""Tasks in a dump."""


async def serve_until_stopped(
    read: Callable[[], Settings], environ: Mapping[str, str], left: Inherited
) -> socket.socket | None:
    """Serve until a signal or `stockyard stop`. Raises CannotStart.

    `read` reads the settings: at the start, and again when asked to reload. Returns the listening
    socket if the process is to begin anew.
    """
    settings = within_limits(read())
    server_settings = server_settings_of(settings)
    data_dir = settings.server.data_dir
    listening = left.listening or listen(server_settings, data_dir)
    with listening:
        refuse_wrong_clock()
        refuse_network(settings)
        refuse_full(settings)
        before = await Predecessor.ask(data_dir) if left.replaces else None
        try:
            stockyard = await Stockyard.open(settings, environ)
            if before is not None:
                before.snapshot.give_to(stockyard)
            try:
                run = Run(stockyard, server_settings, listening, read, left.supervisor, before)
            except BaseException:
                await stockyard.close()
                raise
            try:
                await run.serve()
            finally:
                await run.close()
        finally:
            if before is not None:
                await before.failed()
        return listening.dup() if run.again else None


def within_limits(settings: Settings) -> Settings:
    """With no more connections than the system lets this process open."""
    allowed = connections_allowed(settings.http.connections)
    return replace(settings, http=replace(settings.http, connections=allowed))


class Run:
    """An open gateway and the parts of the process around it."""

    def __init__(
        self,
        stockyard: Stockyard,
        server_settings: ServerSettings,
        listening: socket.socket,
        read: Callable[[], Settings],
        supervisor: int,
        before: Predecessor | None,
    ) -> None:
        self.stockyard = stockyard
        self.supervisor = supervisor
        self.before = before
        self.again = False
        """Whether another run is to follow in this process."""
        self.settings = stockyard.settings
        self.loop = asyncio.get_running_loop()
        self.plane: asyncio.Future[Any] = self.loop.create_future()
        self.server = Server(stockyard.front, self._build_plane, server_settings, listening)
        self.reloading = Reloading(stockyard, lambda: within_limits(read()))
        self.control = ControlSocket(
            self.plane,
            stockyard.health.answer,
            self.server,
            self.restart,
            self.reloading,
            HandOver(stockyard, self.server),
        )
        self.writer_watch = WriterWatch(
            stockyard.database.writer,
            stockyard.disk,
            exit_after=self.settings.db.exit_after,
            stop=self.server.stop,
        )
        self.address = address_of(listening, tls=server_settings.tls is not None)
        self.log = self._log_writer()
        stockyard.meters.counter(
            "stockyard_log_dropped", "Log lines lost.", (), lambda: {(): self.log.dropped}
        )
        self._dumped = -DUMP_EVERY

    def _log_writer(self) -> LogWriter:
        files = Rotation(Path(self.settings.log.folder).expanduser()) if self._in_files else None
        return LogWriter(
            files.open() if files is not None else STDOUT,
            json=self._wants_json(),
            redact=Redaction(self._secrets),
            turn=files.turn if files is not None else None,
        )

    async def serve(self) -> None:
        await self.control.open(self.stockyard.folder.subfolder(FOLDER))
        try:
            forget(os.environ, (*self._secrets(), *self._proxies()))
            self._listen_to_calls()
            self.stockyard.readiness.begin()
            self.stockyard.folder.note(self.address)
            # Before readiness is announced: an unhandled signal would end the process.
            with self.server.capture_signals(), self._other_signals():
                self._say_ready()
                if self.settings.config.owner == "file" and self.settings.config.watch:
                    self.stockyard.background(self.reloading.watch())
                self.stockyard.background(self.writer_watch.run())
                settle_memory()
                await self._take_over()
                notify_ready(self.stockyard.environ)
                await self.server.serve()
            self._say_stopped()
            self.writer_watch.raise_if_given_up()
        finally:
            # While the folder is still locked: the next process makes its own.
            self.control.close()

    async def close(self) -> None:
        """Close the gateway, then the log, so that losses at the end are still logged."""
        await self.stockyard.close()
        await asyncio.to_thread(self.log.close)

    @property
    def _in_files(self) -> bool:
        """Whether the log is."""
        return bool(self.settings.log.folder)

    @property
    def _on_terminal(self) -> bool:
        return os.isatty(STDOUT) and not self._in_files

    def _wants_json(self) -> bool:
        said = self.settings.log.format
        return not self._on_terminal if said == "auto" else said == "json"

    def restart(self) -> None:
        """Start a new process: with a supervisor beside this one, otherwise in its place."""
        if self.supervisor:
            os.kill(self.supervisor, RESTART)
        else:
            self.again = True
            self.server.leave()

    async def _take_over(self) -> None:
        """Tell those who wait for it that we serve."""
        if self.before is not None:
            await self.before.replaced()
            if self.supervisor:
                os.kill(self.supervisor, RESTART)

    def _build_plane(self) -> Any:
        """In a thread, once the server listens."""
        plane = control_plane(self.stockyard)
        self.loop.call_soon_threadsafe(self._plane_built, plane)
        return plane

    def _plane_built(self, plane: Any) -> None:
        self.plane.set_result(plane)
        settle_memory()

    def _listen_to_calls(self) -> None:
        level = self.settings.log.level
        install(self.log.put, level)
        told = self.settings.log.calls
        wanted = told == "on" or (told == "auto" and not self.log.json)
        if wanted and level in ("debug", "info"):
            calls = CallLog(self.log.put)
            self.stockyard.signals.listen(ExchangeFinished, "log", calls.record)

    def _secrets(self) -> Iterator[str]:
        """Everything that must not be written anywhere."""
        yield from self.stockyard.reach.secrets()
        if self.settings.admin_key is not None:
            yield self.settings.admin_key.reveal()
        for proxy in self._proxies():
            yield urlsplit(proxy).password or ""

    def _proxies(self) -> Iterator[str]:
        """The addresses of outbound proxies, which may hold a password."""
        for proxy in (self.settings.proxies.http, self.settings.proxies.https):
            if proxy is not None:
                yield proxy.reveal()

    # What is said

    def _say_ready(self) -> None:
        told = Welcome.of(self.stockyard, self.address)
        made = bool(told.made)
        terminal = self._on_terminal and not self.log.json
        in_log = made and not terminal and self.settings.print_secrets
        if made and not terminal and not in_log:
            told.write_note()  # anew, for now the address is known
        if self.log.json:
            self.log.put(told.event())
        else:
            self.log.say(told.for_terminal(with_secrets=terminal))
        if in_log:
            self.log.say(told.secrets_line(json=self.log.json))
        if made and (terminal or in_log):
            told.note.unlink(missing_ok=True)
        for warning in warnings_of(self.settings):
            self.log.put(Event.now("warning", warning, "warning"))
        self.log.start()

    def _say_stopped(self) -> None:
        meters, seconds = self.stockyard.meters, seconds_since_exec()
        told = (
            f"Stopped after {seconds:,.1f} s. Calls: {meters.calls:,}, errors: {meters.errors:,}."
        )
        self.log.put(
            Event.now(
                "stopped",
                told,
                calls=meters.calls,
                errors=meters.errors,
                seconds=round(seconds, 3),
                lines_lost=self.log.dropped,
            )
        )

    # Signals other than those that stop

    @contextmanager
    def _other_signals(self) -> Iterator[None]:
        handlers = {signal.SIGHUP: self._asked_to_reload, signal.SIGUSR1: self._dump}
        if self.supervisor:
            handlers[RESTART] = self.control.restart_failed
        for number, handler in handlers.items():
            self.loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                self.loop.remove_signal_handler(number)

    def _asked_to_reload(self) -> None:
        self.stockyard.background(self.reloading.on_signal())

    def _dump(self) -> None:
        """Say what every thread and task is doing."""
        if self.loop.time() - self._dumped < DUMP_EVERY:
            return
        self._dumped = self.loop.time()
        for number, frame in sys._current_frames().items():
            stack = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_stack(frame)]
            self.log.put(Event.now("stack", f"Thread {number}: {stack[-1]}", stack=stack[-20:]))
        for task in list(asyncio.all_tasks(self.loop))[:MAX_DUMPED]:
            where = [f"{f.f_code.co_filename}:{f.f_lineno}" for f in task.get_stack(limit=5)]
            self.log.put(Event.now("stack", f"Task {task.get_name()}: {where[-1:]}", stack=where))


def settle_memory() -> None:
    """What lives from here to the end need not be looked through again and again.

    Calls leave no cycles behind, so there is little to find: the collector comes a seventieth as
    often as it would by itself.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 50)


def warnings_of(settings: Settings) -> Iterator[str]:
    yield from settings.warnings
    if is_root():
        yield "Running as root is not needed: use an ordinary user."
