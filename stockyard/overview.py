"""What the control plane shows of the running parts: providers, models, and its health.

Everything is read from memory; asking calls nobody.
"""

from collections.abc import Iterator
from time import monotonic

from stockyard import __version__
from stockyard.api import Component, Status
from stockyard.app import Stockyard
from stockyard.apps.chute.models import ModelState, ProviderState
from stockyard.process.memory import peak_bytes, used_bytes
from stockyard.providers.directory import MOCK, Listed


class Overview:
    def __init__(self, stockyard: Stockyard) -> None:
        self._stockyard = stockyard

    def providers(self) -> list[ProviderState]:
        """Those that can be called, and those the settings name."""
        return list(self._providers())

    def _providers(self) -> Iterator[ProviderState]:
        directory, settings = self._stockyard.reach.directory, self._stockyard.settings
        ready = {provider.name for provider in directory.configured()}
        for name in sorted({*ready, *settings.providers, MOCK}):
            provider = directory.provider(name)
            if provider is None:
                continue
            reachable = name in ready or name == MOCK
            missing = ", ".join(provider.missing) or "a credential"
            yield ProviderState(
                name=name,
                title=provider.title,
                enabled=reachable,
                source=self._source_of(name),
                formats=tuple(provider.formats(directory.formats)),
                base_url=provider.base_url,
                credentials=tuple(c.id for c in directory.credentials(name)),
                state="ready" if reachable else f"needs {missing}",
                docs=provider.docs,
            )

    def _source_of(self, provider: str) -> str:
        if provider == MOCK:
            return "built-in"
        return "file" if provider in self._stockyard.settings.providers else "catalogue"

    def models(self) -> list[ModelState]:
        """Every model that is known by name and can be called."""
        return [self._model(listed) for listed in self._stockyard.reach.directory.listing()]

    def _model(self, listed: Listed) -> ModelState:
        offer = self._stockyard.reach.prices.offer(listed.provider, listed.model)
        if offer is None:
            if listed.provider != MOCK:
                return ModelState(id=listed.id, provider=listed.provider)
            return ModelState(id=listed.id, provider=MOCK, kinds=("chat",), price_state="free")
        return ModelState(
            id=listed.id,
            provider=listed.provider,
            kinds=(offer.kind,),
            context=offer.context,
            max_output=offer.output,
            can=offer.can,
            price_state=offer.state,
            input_micros=offer.lines.get("input"),
            output_micros=offer.lines.get("output"),
            ends=offer.ends,
        )

    def status(self) -> Status:
        stockyard = self._stockyard
        meters, writer = stockyard.meters, stockyard.database.writer
        parts = {
            "database": Component(
                state="ok" if writer.down_since is None else "down", detail={"writer": writer.state}
            ),
            "disk": Component(
                state="ok" if stockyard.disk.state in ("ok", "warn") else "degraded",
                detail={"state": stockyard.disk.state, "free_bytes": stockyard.disk.free},
            ),
            "calls": Component(
                state="degraded" if stockyard.overload.shedding else "ok",
                detail={
                    "running": len(stockyard.office.running),
                    "loop_lag_ms": round(stockyard.overload.lag * 1000, 3),
                    "shed": stockyard.overload.shed.total(),
                },
            ),
            "clock": Component(state="ok", detail={**stockyard.clock.told()}),
            "providers": self._breakers(),
            "traces": self._rows(),
        }
        used = used_bytes()
        states = {part.state for part in parts.values()}
        return Status(
            status=next((state for state in ("down", "degraded") if state in states), "healthy"),
            uptime_seconds=round(monotonic() - stockyard.began, 3),
            version=__version__,
            total_requests=meters.calls,
            total_errors=meters.errors,
            error_rate=meters.errors / meters.calls if meters.calls else 0.0,
            avg_latency_ms=meters.seconds * 1000 / meters.calls if meters.calls else None,
            # The system counts the peak less often.
            memory={"bytes": used, "peak_bytes": max(used, peak_bytes())},
            tasks=len(stockyard.background),
            components=parts,
        )

    def _breakers(self) -> Component:
        """The providers that were called, as their best targets are."""
        states = self._stockyard.reach.target_health.by_provider()
        failing = bool(states) and "closed" not in states.values()
        return Component(state="degraded" if failing else "ok", detail={**states})

    def _rows(self) -> Component:
        counts = self._stockyard.recorder.queue.counts()
        paused = self._stockyard.disk.state in ("low", "floor")
        return Component(
            state="degraded" if paused else "ok",
            detail={"queued": counts.queued, "dropped": counts.dropped},
        )
