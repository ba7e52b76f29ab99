"""Counts and times of calls, kept in memory and shown at `/metrics`.

Counting is on the path of every call, so it takes only a few dictionary operations. The counts are
turned into Prometheus text only when `/metrics` is scraped.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from stockyard.core.exchange import Exchange

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
MAX_SERIES = 2_000
"""With more series than this, further calls are counted under the provider `other`."""

Labels = tuple[str, ...]
Read = Callable[[], Mapping[Labels, float]]
"""Reads the current numbers, by the values of their labels."""


class Labelled(NamedTuple):
    """Numbers with labels that another part of the program keeps."""

    kind: Literal["counter", "gauge"]
    name: str
    help_text: str
    labels: Labels
    read: Read


class Series:
    """The calls of one kind, provider and status."""

    __slots__ = ("buckets", "calls", "seconds", "tokens_in", "tokens_out")

    def __init__(self) -> None:
        self.tokens_in = self.tokens_out = 0
        self.calls = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(SECONDS) + 1)


class Meters:
    def __init__(self) -> None:
        self._series: dict[tuple[str, str, int, str], Series] = {}
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._labelled: dict[str, Labelled] = {}
        self.timeouts: Counter[str] = Counter()
        """How many deadlines providers missed, by name of the deadline."""
        self.retries: Counter[tuple[str, ...]] = Counter()
        """How many tries were followed by another, by provider and error."""
        self._lost: Counter[tuple[str, str]] = Counter()
        """Tokens of tries at other providers than that which answered, by provider and direction;
        not in `_series`."""
        self.odd_usage: Counter[str] = Counter()
        """How many usage reports were implausible, by provider."""

    def count(self, x: Exchange) -> None:
        # An answer from a cache says nothing about its provider now.
        target = x.target if x.stored_usage is None else None
        provider = target.provider if target is not None else ""
        ending = "abandoned" if x.abandoned else "ok" if x.error is None else "error"
        key = (x.kind, provider, x.status, ending)
        series = self._series.get(key)
        if series is None:
            series = self._new(key)
        seconds = (x.ended - x.started) / 1e9
        series.calls += 1
        series.seconds += seconds
        series.buckets[bisect_left(SECONDS, seconds)] += 1
        usage = x.usage
        if usage is not None:
            series.tokens_in += usage.prompt
            series.tokens_out += usage.completion
            if usage.flags and "usage_invalid" in usage.flags:
                self.odd_usage[provider] += 1
        if x.error is not None or len(x.attempts) > 1:
            self.timeouts.update(one.timer for one in x.attempts if one.timer is not None)
            self.retries.update(
                (one.target.provider, one.error or "other") for one in x.attempts[:-1]
            )
            for one in x.attempts:
                if one.lost is not None and one.target.provider != provider:
                    series.tokens_in -= one.lost.prompt
                    series.tokens_out -= one.lost.completion
                    self._lost[one.target.provider, "in"] += one.lost.prompt
                    self._lost[one.target.provider, "out"] += one.lost.completion

    @property
    def calls(self) -> int:
        return sum(series.calls for series in self._series.values())

    @property
    def seconds(self) -> float:
        """All times of all calls, added up."""
        return sum(series.seconds for series in self._series.values())

    @property
    def errors(self) -> int:
        return sum(s.calls for key, s in self._series.items() if key[3] == "error")

    def _tokens(self) -> dict[tuple[str, str], int]:
        """By provider and direction."""
        tokens = dict(self._lost)
        for (_, provider, _, _), series in self._series.items():
            for direction, count in (("in", series.tokens_in), ("out", series.tokens_out)):
                tokens[provider, direction] = tokens.get((provider, direction), 0) + count
        return tokens

    def _new(self, key: tuple[str, str, int, str]) -> Series:
        if len(self._series) >= MAX_SERIES:
            key = (key[0], "other", key[2], key[3])
        return self._series.setdefault(key, Series())

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """Show a number that another part of the program keeps."""
        self._gauges[name] = (help_text, read)

    def counter(self, name: str, help_text: str, labels: Labels, read: Read) -> None:
        """Show counts that another part of the program keeps, by labels with few values."""
        self._labelled[name] = Labelled("counter", name, help_text, labels, read)

    def gauges(self, name: str, help_text: str, labels: Labels, read: Read) -> None:
        """Show numbers that another part of the program keeps, by labels with few values."""
        self._labelled[name] = Labelled("gauge", name, help_text, labels, read)

    def text(self) -> bytes:
        """Everything in Prometheus text format."""
        # Imported late: that takes 30 ms, and only scrapes need it.
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Collector(self))
        return generate_latest(registry)

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        labels = ("kind", "provider", "status", "ending")
        seconds = HistogramMetricFamily(
            "stockyard_call_seconds",
            "Time of calls, from their first byte to their end.",
            labels=labels,
        )
        for (kind, provider, status, ending), series in self._series.items():
            total, buckets = 0, []
            for bound, count in zip((*map(str, SECONDS), "+Inf"), series.buckets, strict=True):
                total += count
                buckets.append((bound, total))
            seconds.add_metric((kind, provider, str(status), ending), buckets, series.seconds)
        yield seconds
        tokens = CounterMetricFamily(
            "stockyard_tokens", "Tokens that providers reported.", labels=("provider", "direction")
        )
        for (provider, direction), count in self._tokens().items():
            tokens.add_metric((provider, direction), count)
        yield tokens
        for name, (help_text, read) in self._gauges.items():
            yield GaugeMetricFamily(name, help_text, value=read())
        for shown in self._labelled.values():
            family = CounterMetricFamily if shown.kind == "counter" else GaugeMetricFamily
            found = family(shown.name, shown.help_text, labels=shown.labels)
            for values, number in sorted(shown.read().items()):
                found.add_metric(values, number)
            yield found


class _Collector:
    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def collect(self) -> Iterator[Any]:
        return self._meters.collect()
