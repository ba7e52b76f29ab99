"""The composition root: the one file that knows every package. Read it first.

`Stockyard.open` builds an installation from its settings, from the inside out: the data, who may
call, who can be called, the modules, the data plane, and who keeps the books. Everything is made
here by hand and handed over; nothing looks for anything.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from stockyard import __version__, configured, modules
from stockyard.apps import billing, chute, lookout, repeats, responses, teams
from stockyard.apps.app import Job
from stockyard.apps.chute.answers import LastingAnswers
from stockyard.apps.chute.modules import ModuleChanges
from stockyard.apps.chute.retention import retention as answers_retention
from stockyard.apps.jobs import Jobs
from stockyard.apps.lookout.bodies import BodyRecorder
from stockyard.apps.lookout.otlp import SpanExport
from stockyard.apps.lookout.retention import retention
from stockyard.apps.lookout.traces import TraceRecorder
from stockyard.apps.repeats.results import clock_stepped as repeats_clock_stepped
from stockyard.apps.repeats.results import retention as repeats_retention
from stockyard.apps.responses.envelopes import TeamEnvelopes
from stockyard.apps.responses.held import TeamIds
from stockyard.apps.responses.kept import StoredAnswers
from stockyard.apps.responses.owed import TeamOwed
from stockyard.apps.responses.retention import retention as responses_retention
from stockyard.apps.teams.admin import AdminCredential
from stockyard.apps.teams.expiry import expiry
from stockyard.apps.teams.keys import KeyRing
from stockyard.core.auth_failures import AuthFailures
from stockyard.core.estimate import tokens_in
from stockyard.core.module import AnyModule
from stockyard.core.ports import Ports
from stockyard.core.scan.matcher import matcher
from stockyard.core.sharing import Export
from stockyard.core.signals import (
    ClockStepped,
    CredentialsRefused,
    ExchangeFinished,
    KeysChanged,
    Signals,
)
from stockyard.core.standing import Standings
from stockyard.errors import CannotStart
from stockyard.first_run import prepare_first_run
from stockyard.gateway import usage_collector
from stockyard.gateway.cross_origin import CrossOrigin
from stockyard.gateway.drains import Drains
from stockyard.gateway.front import Front
from stockyard.gateway.health import Health
from stockyard.gateway.keepers import Keepers
from stockyard.gateway.line import Line
from stockyard.gateway.meters import Meters
from stockyard.gateway.office import Office
from stockyard.gateway.overload import Overload
from stockyard.gateway.pings import Pings
from stockyard.gateway.plane import DataPlane
from stockyard.gateway.reception import Reception
from stockyard.gateway.spool import Spool
from stockyard.gateway.usage_collector import UsageCollector
from stockyard.modules_in_use import ModulesInUse, refresh_when_limited
from stockyard.process import custommodules
from stockyard.process.background import Background
from stockyard.process.logs.redaction import Redaction
from stockyard.process.logs.refused_credentials import log_refused
from stockyard.process.memory import used_bytes
from stockyard.process.note import FirstRun
from stockyard.process.wallclock import WallClock
from stockyard.process.watchdog import Watchdog
from stockyard.providers.current import CurrentModels
from stockyard.reach import Reach
from stockyard.readiness import Readiness
from stockyard.settings import Settings
from stockyard.storage.answers import MemoryAnswers
from stockyard.storage.claims import MemoryClaims
from stockyard.storage.datafolder import DataFolder
from stockyard.storage.disk import EVERY_SECONDS as DISK
from stockyard.storage.disk import DiskWatch
from stockyard.storage.keyvalue import MemoryKeyValue
from stockyard.storage.limits import LocalLimits
from stockyard.storage.migrate import steps_in
from stockyard.storage.sqlite import SqliteDatabase
from stockyard.upstream.post import post_json
from stockyard.wire.formats import FORMATS

log = logging.getLogger(__name__)

APPS = (chute.APP, lookout.APP, billing.APP, teams.APP, responses.APP, repeats.APP)
LAST_CALLS_SECONDS = 1.0
"""How long interrupted calls may take to end before the database is closed."""
WORKERS = 2
"""Threads that read long prompts. More would only compete for the interpreter."""


class Stockyard:
    """One installation, built and connected. Made by `open`; `close` leaves nothing behind."""

    admin: AdminCredential

    def __init__(
        self,
        settings: Settings,
        folder: DataFolder,
        database: SqliteDatabase,
        environ: Mapping[str, str],
        custom: Sequence[type[AnyModule]],
        envelopes: TeamEnvelopes,
    ) -> None:
        self.settings = settings
        self.environ = environ
        self.folder = folder
        self.database = database
        self.loop = asyncio.get_running_loop()
        self.began = time.monotonic()
        self.background = Background()
        self.workers = ThreadPoolExecutor(WORKERS, "stockyard-worker")
        self.offload = partial(self.loop.run_in_executor, self.workers)
        self.signals = Signals(_listener_failed)
        self.standings = Standings()
        self.watchdog = Watchdog(self._held_the_loop)
        self.meters = Meters()
        self.health = Health(__version__)
        self.clock = WallClock(self.signals.announce)
        self.signals.listen(ClockStepped, "clock", self._clock_stepped)
        self.auth_failures = AuthFailures(self.signals.announce)
        self.signals.listen(CredentialsRefused, "log", log_refused)
        self.keys = KeyRing(database, self.signals.announce)
        self.first_run = FirstRun()
        self.limits = LocalLimits()
        self.ids = TeamIds(database)
        self.reach = Reach(settings, environ, self.loop, self.ids.is_others)
        # Each step stands on those before it.
        self._set_up_modules(custom, envelopes)
        self._take_calls(envelopes)
        self._keep_books()
        self._look_after_it_all()

    def _set_up_modules(self, custom: Sequence[type[AnyModule]], envelopes: TeamEnvelopes) -> None:
        self.claims = MemoryClaims()
        self.answers = LastingAnswers(MemoryAnswers(), self.database, self.background)
        # Sorting keeps the order of equals: custom modules come last of their stage.
        catalog = sorted((*modules.CATALOG, *custom), key=lambda module: module.stage)
        ports = self._ports(envelopes)
        custommodules.try_out(custom, ports)
        self.line = Line(catalog, ports, self.standings, modules.ALIASES)
        self.in_use = ModulesInUse(self.line)
        self.changes = ModuleChanges(
            self.line,
            self.database,
            self.signals.announce,
            sections=self.settings.modules,
            owned_by_file=self.settings.config.owner == "file",
        )
        self.signals.listen(KeysChanged, "line", refresh_when_limited(self.line, self.keys))

    def _take_calls(self, envelopes: TeamEnvelopes) -> None:
        """The data plane, and the front that all connections share."""
        settings, database = self.settings, self.database
        self.overload = Overload(
            configured.overload(settings), used_bytes, lambda: len(self.office.running)
        )
        self.office = Office(
            dispatch=self.reach.dispatch,
            signals=self.signals,
            standings=self.standings,
            meters=self.meters,
            pings=Pings(),
            drains=Drains(*configured.drained(settings)),
            overload=self.overload,
            formats=FORMATS,
            plain=FORMATS["openai.chat"],
            closing_comment=self.in_use.closing_comment,
        )
        self.office.reasoning_field = settings.translation.reasoning_field
        self.reception = Reception(
            line=self.line,
            office=self.office,
            formats=FORMATS,
            directory=lambda: self.reach.directory,
            access=configured.access(settings),
            aliases=self.in_use.aliases,
            keepers=Keepers(self.ids, StoredAnswers(database), envelopes, TeamOwed(database)),
        )
        self.plane = DataPlane(
            self.reception,
            keys=self.keys,
            spool=Spool(self.folder.subfolder("uploads"), keep_free=settings.disk.low),
            connect=self.reach.client.connect,
            refused=self.auth_failures.note,
        )
        origins, exposes = settings.http.cors_origins, self.in_use.exposes_headers
        self.front = Front(
            CrossOrigin(self.plane, origins, exposes) if origins else self.plane,
            self.health,
            configured.http_limits(settings),
            probe_networks=settings.http.probe_cidrs,
            trusted_proxies=settings.server.behind_proxy,
            overload=self.overload,
            busy_poll_s=settings.server.busy_poll,
        )

    def _keep_books(self) -> None:
        """What records the calls that ended."""
        self.bodies = BodyRecorder(
            self.database,
            Redaction(self._secrets),
            offload=self.offload,
            background=self.background,
            dropped=lambda: self.standings.of("logging").noticed("body_dropped"),
            searchable=self.in_use.searchable,
        )
        self.recorder = TraceRecorder(self.database, self.bodies.record)
        self.signals.listen(ExchangeFinished, "lookout", _unless_off(self.recorder))
        self.spans = SpanExport(
            self._post_spans,
            self.background,
            lambda: self.standings.of("tracelink").noticed("export_dropped"),
        )
        self.signals.listen(ExchangeFinished, "spans", self.spans.record)

    def _look_after_it_all(self) -> None:
        """What is monitored, and what runs on a timer."""
        settings, database = self.settings, self.database
        disk, kept, now = settings.disk, settings.retention, self.clock.to_delete_by
        self.disk = DiskWatch(
            self.folder.path,
            warn=disk.warn,
            low=disk.low,
            floor=disk.floor,
            ballast=disk.ballast,
        )
        self.readiness = Readiness(
            self.health,
            disk=self.disk,
            writer=database.writer,
            targets=self.reach.target_health,
            providers=lambda: (provider.name for provider in self.reach.directory.configured()),
            overload=self.overload,
            meters=self.meters,
        )
        self.jobs = Jobs(
            [
                retention(database, self._trace_seconds, self.in_use.body_seconds, now),
                answers_retention(database, self.in_use.most_answers, now),
                responses_retention(database, kept.answers, kept.held_ids, now),
                expiry(self.keys),
                repeats_retention(database, lambda: int(now() * 1000)),
                Job(name="auth.fail", every_seconds=60, run=self.auth_failures.roll_up),
                self._usage_collecting(),
                Job(name="clock", every_seconds=1, run=self.clock.check),
                Job(name="disk", every_seconds=DISK, run=partial(self.disk.check, database)),
                Job(name="readiness", every_seconds=1, run=self.readiness.check),
            ]
        )

    def _usage_collecting(self) -> Job:
        """Counts what was begun for teams and nobody asked about."""
        collector = UsageCollector(self.plane.ask, self.reception.keepers.owed)
        return Job(
            name="usage",
            every_seconds=usage_collector.EVERY_SECONDS,
            run=collector.run,
            deadline_seconds=usage_collector.DEADLINE_SECONDS,
        )

    @classmethod
    async def open(
        cls,
        settings: Settings,
        environ: Mapping[str, str],
        custom: Sequence[type[AnyModule]] = (),
    ) -> "Stockyard":
        """Open the data and build everything around it. Raises CannotStart.

        `custom` adds modules to those of the catalog, of `modules_dir` and of installed packages.
        """
        custom = (*custommodules.load(settings.modules_dir), *custom)
        folder = DataFolder(settings.server.data_dir.expanduser())
        folder.open()
        try:
            steps = [step for app in APPS for step in steps_in(app.id, app.migrations)]
            database = SqliteDatabase.open(
                settings.database_path.expanduser(),
                steps,
                queue_rows=settings.storage.trace_queue,
                queue_bytes=settings.storage.trace_queue_bytes,
            )
        except CannotStart:
            folder.close()
            raise
        try:
            envelopes = await TeamEnvelopes.prepare(database)
            stockyard = cls(settings, folder, database, environ, custom, envelopes)
            await stockyard.changes.start()
            # Last of what may fail, so that no failure can lose secrets which are shown only once.
            stockyard.admin, stockyard.first_run = await prepare_first_run(
                settings, folder, database, stockyard.keys
            )
            stockyard.jobs.start()
            stockyard.overload.start()
            stockyard.watchdog.start()
            return stockyard
        except BaseException:
            database.close()
            folder.close()
            raise

    def put_in_effect(self, settings: Settings) -> Settings:
        """Use these settings for calls from now on; returns the previous ones. Raises CannotStart.

        Modules, the listener and the data are not affected.
        """
        self.reach.use(settings)
        before, self.settings = self.settings, settings
        self.office.use(self.reach.dispatch)
        self.office.reasoning_field = settings.translation.reasoning_field
        self.office.drains.allow(*configured.drained(settings))
        self.reception.access = configured.access(settings)
        self.overload.use(configured.overload(settings))
        self.plane.routes_changed()
        return before

    async def close(self) -> None:
        """Close what `open` opened, in reverse. Queued rows are written first."""
        await self.jobs.stop()
        self.overload.stop()
        self.watchdog.stop()
        self.claims.close()
        self.office.drains.close()
        self.background.cancel()
        await self.reach.client.close()
        await self.reach.tokens.aclose()
        await self.office.quiet(LAST_CALLS_SECONDS)
        self.recorder.flush()
        await asyncio.to_thread(self.database.close)
        self.folder.close()

    def _held_the_loop(self, module: str) -> None:
        seconds = self.standings.of(module).held_the_loop()
        log.error("The module '%s' held the event loop. It is left out for %d s.", module, seconds)

    def _clock_stepped(self, signal: ClockStepped) -> None:
        self.background(self.keys.clock_stepped(signal.ms))
        self.background(self.answers.clock_stepped(signal.ms / 1000))
        self.background(repeats_clock_stepped(self.database, signal.ms))

    # Pieces

    def _ports(self, envelopes: TeamEnvelopes) -> Ports:
        return Ports(
            kv=MemoryKeyValue(),
            limits=self.limits,
            limited_keys=lambda: self.keys.limited,
            health=self.reach.target_health,
            models=CurrentModels(lambda: self.reach.directory),
            stands_for=lambda name: self.in_use.stands_for(name),
            matcher=matcher,
            answers=self.answers.memory,
            lasting_answers=self.answers,
            claims=self.claims,
            call_fingerprint=lambda: self.line.fingerprint(),
            now=time.time,
            clock=time.monotonic,
            sleep=asyncio.sleep,
            later=self.loop.call_later,
            random=random.random,
            token_estimate=tokens_in,
            background=self.background,
            offload=self.offload,
            pseudonym=envelopes.pseudonym,
            secrets=self._secrets,
        )

    async def _post_spans(self, export: Export, body: bytes) -> int:
        proxy = configured.proxies(self.settings)
        return await post_json(
            self.reach.client, export.url, export.headers, body, purpose="otlp", proxy=proxy
        )

    def _secrets(self) -> Iterator[str]:
        yield from self.reach.secrets()
        yield from self.line.secrets()

    def _trace_seconds(self) -> float:
        return min(self.settings.retention.traces, self.in_use.trace_seconds())


def _listener_failed(name: str, error: Exception) -> None:
    log.error("listener %s failed", name, exc_info=error)


def _unless_off(recorder: TraceRecorder) -> Callable[[ExchangeFinished], None]:
    def listen(signal: ExchangeFinished) -> None:
        if signal.exchange.capture != "off":
            recorder.record(signal)

    return listen
