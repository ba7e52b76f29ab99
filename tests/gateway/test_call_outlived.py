"""What a caller chose is gone when its call is over, however long it was.

Names, paths, users and heads are keys of tables that have a bound in entries. None of them may
be as long as a body: a bound in entries would be none in bytes.
"""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from stockyard.apps.chute.models import Purge
from stockyard.gateway import meters
from stockyard.modules.rate import ratelimit
from stockyard.modules.reliability import retrypilot
from stockyard.providers import directory
from stockyard.testing.yard import Yard
from stockyard.upstream import plans

LONG = 60_000
MARK = "callers-choice-"

LIMITED = [{"by": by, "calls": 10_000, "tokens": 10**7} for by in ("user", "model", "project")]
MODULES: dict[str, dict[str, Any]] = {
    "cache": {"share": "user"},
    "failover": {},
    "logging": {"capture": "metadata"},
    "modelalias": {"aliases": [{"alias": "fast", "model": "gpt-4o"}]},
    "promptguard": {},
    "ratelimit": {"limits": LIMITED},
    "retrypilot": {"base_ms": 1, "max_ms": 2},
    "secretscan": {},
}


def chosen(number: int, size: int = LONG) -> str:
    return f"{MARK}{number}-" + "x" * size


def held(size: int) -> list[str]:
    """Who holds a text of callers that is at least so long."""
    gc.collect()
    return [
        f"{type(holder).__module__}.{type(holder).__qualname__}"
        for holder in gc.get_objects()
        for text in texts_in(holder)
        if len(text) > size and is_chosen(text)
    ]


def texts_in(holder: object) -> Iterator[str | bytes]:
    """What it refers to, also through tuples and dicts that the collector does not look into."""
    for referent in gc.get_referents(holder):
        if isinstance(referent, str | bytes):
            yield referent
        elif not gc.is_tracked(referent):
            yield from texts_in(referent)


def is_chosen(text: str | bytes) -> bool:
    return (MARK in text) if isinstance(text, str) else (MARK.encode() in text)


async def ask_everywhere(yard: Yard, number: int) -> None:
    """Calls on every kind of route whose model, user, head or path is as long as it may be."""
    name, short = chosen(number), chosen(number, 4000)
    own = {"authorization": "Bearer sk-ant-api03-" + "a" * 80}
    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = [
        ("/v1/chat/completions", yard.body(model=name), {}),
        ("/v1/chat/completions", yard.body(model=f"openai/{name}"), {}),
        ("/v1/chat/completions", yard.body(model=f"mock/{name}"), {}),
        ("/v1/chat/completions", yard.body(model="gpt-4o", user=name), {}),
        ("/v1/messages", yard.body(model=f"claude-{name}"), own),
        ("/openai/v1/chat/completions", yard.body(model=name), {}),
        ("/mock/v1/chat/completions", yard.body(model=name), {}),
        (f"/openai/v1/odd/{short}", yard.body(model=name), {}),
        (f"/v1beta/models/{short}:generateContent", {"contents": []}, {}),
        ("/v1/chat/completions", yard.body(), {f"x-{number}": short, "x-stockyard-user": short}),
    ]
    for path, body, headers in asked:
        await yard.call(path, body, headers=headers)


async def forget_what_the_test_knows(yard: Yard) -> None:
    yard.calls.clear()
    for name in ("openai", "anthropic"):
        provider = yard.provider(name)
        await provider.aclose()
        provider.requests.clear()


async def test_no_text_of_a_caller_outlives_its_call(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.provider("anthropic").says("hello")
    for name, config in MODULES.items():
        yard.enable(name, **config)
    for number in range(3):
        await ask_everywhere(yard, number)
    assert await yard.quiet()
    await forget_what_the_test_knows(yard)
    # Answers are kept with their models and users, and count as large as they are with those.
    # The purge waits until those on their way to the database have been written.
    await yard.stockyard.answers.purge(Purge())

    assert held(3000) == []


@pytest.mark.parametrize("part", ["model", "user"])
async def test_a_row_of_a_call_does_not_grow_with_long_names(yard: Yard, part: str) -> None:
    yard.provider("openai").says("hello")
    yard.enable("promptguard")
    yard.enable("failover")
    await yard.call(
        "/openai/v1/chat/completions", {**yard.body(model="gpt-4o"), part: chosen(1, 200_000)}
    )
    queue = yard.stockyard.recorder.queue
    yard.stockyard.recorder.flush()

    counts = queue.counts()

    assert counts.queued + counts.written == 1
    assert yard.stockyard.database.read("select 1") == [(1,)]
    assert counts.queued_bytes < 20_000


async def test_tables_that_callers_fill_have_a_bound(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, bound in (
        (directory, "REMEMBERED"),
        (plans, "MAX_PLANS"),
        (retrypilot, "MAX_BUDGETS"),
        (ratelimit, "MAX_MODELS"),
        (meters, "MAX_SERIES"),
    ):
        monkeypatch.setattr(module, bound, 5)
    yard.provider("openai").says("hello")
    for name in ("retrypilot", "failover"):
        yard.enable(name)
    yard.enable("ratelimit", limits=[{"by": "model", "tokens": 10**7}])
    await yard.open()
    stockyard = yard.stockyard
    monkeypatch.setattr(stockyard.reach.target_health, "_max_targets", 5)
    for number in range(12):
        assert (await yard.chat(model=f"openai/model-{number}")).status == 200
        await yard.call(f"/openai/v1/odd/{number}", b"{}")
    modules: dict[str, Any] = {
        stop.name: stop.module for stop in stockyard.line.pipelines["chat"].stops
    }

    sizes = {
        "targets": len(stockyard.reach.directory._known),
        "plans": len(stockyard.reach.dispatch.plans._plans),
        "breakers": len(stockyard.reach.target_health.states()),
        "retries": len(modules["retrypilot"]._budgets),
        "lengths": len(modules["ratelimit"]._mean_output),
    }

    assert {name: size for name, size in sizes.items() if not 0 < size <= 5} == {}
    assert len(stockyard.meters._series) <= 5 + 4  # beyond the bound, by kind and ending only
