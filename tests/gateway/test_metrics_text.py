"""What `/metrics` tells, read as Prometheus reads it."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from stockyard.figures import show_figures
from stockyard.gateway.overload import OverloadRules
from stockyard.testing.yard import Yard

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def read(yard: Yard) -> Samples:
    show_figures(yard.stockyard)  # as the control plane does, which nobody asked for here
    text = yard.stockyard.meters.text().decode()
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation for family in families)
    assert all(family.type in ("counter", "gauge", "histogram") for family in families)
    assert len({family.name for family in families}) == len(families)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def of(samples: Samples, metric: str, /, **labels: str) -> float:
    return samples[metric, frozenset(labels.items())]


async def test_calls_and_their_tokens_are_counted(yard: Yard) -> None:
    yard.provider("openai").says("hello").counts(9, 12)
    await yard.chat("hi", model="gpt-4o")
    samples = read(yard)
    labels = {"kind": "chat", "provider": "openai", "status": "200", "ending": "ok"}
    assert of(samples, "stockyard_call_seconds_count", **labels) == 1
    assert of(samples, "stockyard_call_seconds_bucket", **labels, le="+Inf") == 1
    assert of(samples, "stockyard_tokens_total", provider="openai", direction="in") == 9
    assert of(samples, "stockyard_rows_dropped_total", queue="traces") == 0


async def test_an_answer_from_store_is_no_call_of_its_provider(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("cache")
    for _ in range(3):
        await yard.chat("hi", model="gpt-4o")
    samples = read(yard)
    ended = {"kind": "chat", "status": "200", "ending": "ok"}
    assert of(samples, "stockyard_call_seconds_count", **ended, provider="openai") == 1
    assert of(samples, "stockyard_call_seconds_count", **ended, provider="") == 2


async def test_deadlines_are_counted_by_name_even_where_another_target_answers(yard: Yard) -> None:
    yard.set("timeout.first_byte_whole", "50ms")
    yard.provider("openai").says_nothing().says_nothing()
    yard.provider("anthropic").says("hello")
    assert (await yard.chat("hi", model="gpt-4o")).status == 504
    yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])
    assert (await yard.chat("hi", model="gpt-4o")).text == "hello"
    name = yard.last.exchange.attempts[0].timer
    assert name is not None
    assert of(read(yard), "stockyard_timeouts_total", name=name) == 2


async def test_requests_refused_for_their_http_are_counted_by_rule(yard: Yard) -> None:
    async with yard.raw() as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        await client.to_the_end()
    rejected = [key for key in read(yard) if key[0] == "stockyard_http_rejects_total"]
    assert len(rejected) == 1


async def test_a_try_that_was_followed_by_another_is_a_retry(yard: Yard) -> None:
    yard.provider("openai").fails(500)
    yard.provider("anthropic").says("hello")
    yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])
    assert (await yard.chat("hi", model="gpt-4o")).text == "hello"
    found = of(read(yard), "stockyard_retries_total", provider="openai", reason="provider_fault")
    assert found == 1


async def test_documented_metrics_are_there_from_the_start(yard: Yard) -> None:
    yard.provider("openai").fails(500)
    yard.enable("failover", breaker_min_calls=1)
    await yard.chat("hi", model="gpt-4o")
    samples = read(yard)
    assert of(samples, "stockyard_writer_state") == 0
    assert of(samples, "stockyard_disk_free_bytes") > 0
    assert of(samples, "stockyard_open_fds") > 3
    assert of(samples, "stockyard_tasks") > 0
    assert of(samples, "stockyard_loop_lag_seconds") >= 0
    assert of(samples, "stockyard_breaker_state", provider="openai") == 3
    assert of(samples, "stockyard_module_trips_total", module="failover") == 0
    for reason in ("full", "failed", "unwritable"):
        assert of(samples, "stockyard_trace_dropped_total", reason=reason) == 0


async def test_counts_that_cannot_be_believed_and_calls_turned_away_are_counted(yard: Yard) -> None:
    yard.provider("openai").says("hello").counts(-1, 12)
    await yard.chat("hi", model="gpt-4o")
    yard.stockyard.overload.use(OverloadRules(max_inflight=0))
    await yard.chat("hi", model="gpt-4o")
    samples = read(yard)
    assert of(samples, "stockyard_usage_invalid_total", provider="openai") == 1
    assert of(samples, "stockyard_shed_total", reason="inflight") == 1


async def test_tokens_of_a_failed_try_are_those_of_its_provider(yard: Yard) -> None:
    yard.provider("dashscope").streams("hello " * 100, "lo").cuts_after(2)
    yard.provider("anthropic").says("hello").counts(9, 12)
    yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])
    assert (await yard.chat("hi", model="dashscope/qwq-plus")).text == "hello"
    assert yard.last.attempts == ["dashscope 200", "anthropic 200"]
    samples, usage = read(yard), yard.last.usage
    assert usage is not None
    taken = {
        provider: of(samples, "stockyard_tokens_total", provider=provider, direction="out")
        for provider in ("dashscope", "anthropic")
    }
    assert taken["anthropic"] == 12
    assert taken["dashscope"] > 100
    assert sum(taken.values()) == usage.completion
