"""Finished calls are told to a collector, in groups and off every call's path."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stockyard.apps.lookout.otlp import GROUP_SPANS, MAX_SPANS, SpanExport
from stockyard.core.sharing import Export
from stockyard.core.signals import ExchangeFinished
from stockyard.errors import InvalidConfig, UpstreamError
from stockyard.testing.provider import ScriptedProvider
from stockyard.testing.yard import Yard, becomes
from tests.builders import an_exchange

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
async def collector() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as collector:
        yield collector


def spans_in(collector: ScriptedProvider) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = []
    for request in collector.requests:
        for resource in json.loads(request.body)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                spans += scope["spans"]
    return spans


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


async def test_a_group_of_calls_arrives_as_spans(yard: Yard, collector: ScriptedProvider) -> None:
    collector.sends(200, {}, b"{}")
    yard.set("egress.allow_private", [f"127.0.0.1:{collector.port}"])
    calls = GROUP_SPANS // 2
    yard.provider("openai").fails(503).says(*["hello"] * calls)
    yard.provider("anthropic").says("hello")
    chain = {"targets": [{"provider": "anthropic", "model": "claude-scripted"}]}
    yard.enable("failover", chains=[chain])
    yard.enable(
        "tracelink",
        otlp_url=collector.url + "/v1/traces",
        otlp_headers={"x-api-key": "collector-secret"},
        service="shop",
    )
    parent = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    await yard.chat("do not tell this", model="gpt-4o", headers=parent)
    for _ in range(calls):
        await yard.chat("nor this", model="gpt-4o")
    assert await becomes(lambda: bool(collector.requests))

    request = collector.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/traces")
    assert request.headers["x-api-key"] == "collector-secret"
    assert b"tell this" not in request.body
    said = json.loads(request.body)["resourceSpans"][0]["resource"]["attributes"]
    assert said[0] == {"key": "service.name", "value": {"stringValue": "shop"}}
    mine = [span for span in spans_in(collector) if span["traceId"] == TRACE]
    root = next(span for span in mine if span["kind"] == 2)
    assert root["parentSpanId"] == SPAN
    assert attributes(root)["gen_ai.request.model"] == "gpt-4o"
    tries = [span for span in mine if span["kind"] == 3]
    assert [attributes(span).get("error.type") for span in tries] == ["overloaded", None]
    assert {span["parentSpanId"] for span in tries} == {root["spanId"]}
    modules = [span for span in mine if span["kind"] == 1]
    assert {span["parentSpanId"] for span in modules} <= {root["spanId"]}


class Collected:
    """Where groups go in a test without sockets."""

    def __init__(self, status: int | UpstreamError = 200) -> None:
        self.status = status
        self.bodies: list[bytes] = []
        self.dropped = 0
        self.work: list[Any] = []

    async def post(self, export: Export, body: bytes) -> int:
        self.bodies.append(body)
        if isinstance(self.status, UpstreamError):
            raise self.status
        return self.status

    def drop(self) -> None:
        self.dropped += 1

    def exporting(self) -> SpanExport:
        return SpanExport(self.post, self.work.append, self.drop, group_seconds=0.05)


EXPORT = Export("http://collector.example.com/", (), "genai", "stockyard")


def finished(export: Export | None = EXPORT) -> ExchangeFinished:
    x = an_exchange()
    x.export = export
    return ExchangeFinished(x)


async def test_what_does_not_fit_is_dropped_and_counted() -> None:
    collected = Collected()
    spans = collected.exporting()
    for _ in range(MAX_SPANS + 7):
        spans.record(finished())
    assert (spans.lost, collected.dropped) == (7, 7)
    assert len(collected.work) == 1
    await collected.work[0]
    assert sum(body.count(b'"spanId"') for body in collected.bodies) == MAX_SPANS


@pytest.mark.parametrize("status", [500, UpstreamError("unreachable", "No.")])
async def test_a_collector_that_is_down_loses_a_group_and_nothing_else(
    status: int | UpstreamError,
) -> None:
    collected = Collected(status)
    spans = collected.exporting()
    for _ in range(GROUP_SPANS):
        spans.record(finished())
    await collected.work[0]
    assert (spans.lost, collected.dropped) == (GROUP_SPANS, 1)
    spans.record(finished())
    assert len(collected.work) == 2
    collected.work[1].close()


async def test_nothing_is_kept_when_nobody_wants_it() -> None:
    collected = Collected()
    spans = collected.exporting()
    spans.record(finished(None))
    assert collected.work == []


async def test_calls_that_are_not_sampled_are_not_told() -> None:
    collected = Collected()
    spans = collected.exporting()
    signal = finished()
    signal.exchange.sampled = False
    spans.record(signal)
    assert collected.work == []


async def test_a_secret_of_the_collector_is_never_shown(yard: Yard) -> None:
    yard.enable("tracelink", otlp_headers={"x-api-key": "collector-secret"})
    await yard.open()
    state = yard.stockyard.line.state("tracelink")
    assert state.config["otlp_headers"] == {"x-api-key": "***"}
    assert "collector-secret" in {*yard.stockyard._secrets()}  # so that no log line shows it
    with pytest.raises(InvalidConfig, match="not shown"):
        yard.enable("tracelink", otlp_headers={"x-api-key": "***"})


@pytest.mark.parametrize("value", ["", " s", "s ", "s\r\nx: y", "s\t", "\u00e4"])
async def test_s11_what_cannot_stand_in_a_header_is_refused_when_it_is_set(
    yard: Yard, value: str
) -> None:
    await yard.open()
    with pytest.raises(InvalidConfig) as refusal:
        yard.enable("tracelink", otlp_headers={"x-api-key": value})
    assert not value or value not in refusal.value.message


async def test_a_provider_is_told_of_the_trace_where_its_host_is_named(yard: Yard) -> None:
    provider = yard.provider("openai").says("one").says("two")
    tags = {"x-stockyard-tags": "team=search", "tracestate": "vendor=1"}
    yard.enable("tracelink", propagate_to=["127.0.0.*"], baggage_tags=["team"])
    await yard.chat("hi", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"} | tags)
    yard.enable("tracelink", propagate_to=["api.openai.com"])
    await yard.chat("hi", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"} | tags)

    told, untold = (request.headers for request in provider.requests)
    version, trace, span, flags = told["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert span != SPAN
    assert told["tracestate"] == "vendor=1"
    assert told["baggage"] == "team=search"
    assert "traceparent" not in untold
    assert "baggage" not in untold


@pytest.mark.parametrize(("characters", "told"), [(512, True), (513, False)])
async def test_a_trace_state_is_passed_on_whole_or_not_at_all(
    yard: Yard, characters: int, told: bool
) -> None:
    provider = yard.provider("openai").says("one")
    yard.enable("tracelink", propagate_to=["127.0.0.*"])
    state = "vendor=".ljust(characters, "x")
    await yard.chat(headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": state})
    assert provider.last.headers["traceparent"].startswith(f"00-{TRACE}-")
    assert (provider.last.headers.get("tracestate") == state) is told
