"""Settings that change while the gateway runs: all of what is asked for, or nothing."""

from pathlib import Path
from typing import Any

import pytest

from stockyard.errors import CannotStart
from stockyard.reload import SECRETS, Reloaded, applicable, differing, reload
from stockyard.settings import load
from stockyard.testing.yard import Yard


def wanted(yard: Yard, **changes: Any) -> Any:
    """The settings of the yard with some places changed, `.` spelled `__`."""
    said = yard._settings | {place.replace("__", "."): value for place, value in changes.items()}
    return load(said, {}, Path.cwd())


async def test_aliases_and_providers_change_for_the_next_call(yard: Yard) -> None:
    openai = yard.provider("openai").says("one")
    anthropic = yard.provider("anthropic").says("two")
    yard.set("aliases", {"smart": "openai/gpt-x"})
    assert (await yard.chat("hi", model="smart")).text == "one"

    aliases = {"smart": "anthropic/claude-x", "other": "openai/gpt-x"}
    done = await reload(yard.stockyard, wanted(yard, aliases=aliases))

    assert (done.changed, done.waiting) == (("aliases.other", "aliases.smart"), ())
    assert (await yard.chat("hi", model="smart")).text == "two"
    assert (await yard.chat("hi", model="other")).text == "one"
    assert (len(openai.requests), len(anthropic.requests)) == (2, 1)
    await reload(yard.stockyard, wanted(yard, providers__openai__enabled=False))
    assert (await yard.chat("hi", model="openai/gpt-x")).status in (404, 503)


async def test_a_call_under_way_ends_with_what_it_began_with(yard: Yard) -> None:
    yard.provider("openai").streams("hel", "lo").stalls_after("first_content")
    await yard.open()
    async with yard.raw() as client:
        client.ask("/v1/chat/completions", yard.body("hi", stream=True), headers=yard.headers)
        await client.until(b"hel")
        await reload(yard.stockyard, wanted(yard, providers__openai__enabled=False))
        yard.provider("openai").goes_on()
        await client.until(b"[DONE]")
    assert b'"lo"' in client.wire


async def test_modules_of_the_file_are_switched_and_switched_back(yard: Yard) -> None:
    openai = yard.provider("openai").says("one")
    await yard.open()
    line, before = yard.stockyard.line, yard.stockyard.line.config_version

    await reload(yard.stockyard, wanted(yard, modules={"cache": {"ttl_seconds": 60}}))

    assert line.state("cache").enabled
    assert line.state("cache").config["ttl_seconds"] == 60
    assert line.config_version == before + 1
    await yard.chat("hi", temperature=0)
    await yard.chat("hi", temperature=0)
    assert len(openai.requests) == 1
    await reload(yard.stockyard, wanted(yard))
    assert not line.state("cache").enabled


async def test_reloading_what_is_there_already_changes_nothing(yard: Yard) -> None:
    yard.provider("openai").says("one")
    yard.set("modules", {"cache": {}})
    await yard.open()
    running, version = yard.stockyard.line.module("cache"), yard.stockyard.line.config_version
    assert await reload(yard.stockyard, wanted(yard)) == Reloaded()
    assert yard.stockyard.line.module("cache") is running
    assert yard.stockyard.line.config_version == version


@pytest.mark.parametrize(
    "modules",
    [
        {"cache": {"ttl_seconds": "soon"}},
        {"no_such_module": {}},
        {"failover": {"chains": [{"targets": [{"provider": "nobody"}]}]}},
    ],
)
async def test_one_fault_keeps_everything_as_it_was(yard: Yard, modules: dict[str, Any]) -> None:
    yard.provider("openai").says("one")
    yard.set("aliases", {"smart": "openai/gpt-x"})
    await yard.open()
    settings, directory = yard.stockyard.settings, yard.stockyard.reach.directory

    with pytest.raises(CannotStart):
        await reload(yard.stockyard, wanted(yard, aliases={}, modules=modules))

    assert yard.stockyard.settings is settings
    now = yard.stockyard.reach.directory
    assert directory.targets("smart", "chat") == now.targets("smart", "chat")
    assert (await yard.chat("hi", model="smart")).text == "one"
    assert await reload(yard.stockyard, wanted(yard)) == Reloaded()


async def test_what_one_change_needs_the_other_may_bring(yard: Yard) -> None:
    yard.provider("openai").says("one")
    await yard.open()
    house = {"house": {"kind": "openai.chat", "base_url": "http://127.0.0.1:9/v1"}}
    chain = {"chains": [{"targets": [{"provider": "house"}]}]}
    changed = wanted(yard, modules={"failover": chain}, providers__house=house["house"])
    await reload(yard.stockyard, changed)
    assert yard.stockyard.line.state("failover").enabled


async def test_a_secret_that_its_file_changed_is_told(yard: Yard, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the-first-one")
    await yard.open()
    yard.stockyard.reach.environ = {"GROQ_API_KEY": f"file:{secret}"}
    assert (await reload(yard.stockyard, wanted(yard))).changed == (SECRETS,)
    assert (await reload(yard.stockyard, wanted(yard))).changed == ()
    secret.write_text("the-second-one")
    assert (await reload(yard.stockyard, wanted(yard))).changed == (SECRETS,)
    assert "the-second-one" in set(yard.stockyard.reach.directory.secrets())


async def test_limits_and_deadlines_change_too(yard: Yard) -> None:
    yard.provider("openai").says("one").slowly(before=5)
    await yard.open()
    await reload(
        yard.stockyard, wanted(yard, timeout__first_byte_whole="50ms", http__max_body="9KiB")
    )
    assert (await yard.chat("hi")).status == 504
    assert (await yard.chat("x" * 10_000)).status == 413
    await reload(yard.stockyard, wanted(yard, overload__max_inflight=1, cancel__policy="drain"))
    assert yard.stockyard.overload.most == 1
    assert yard.stockyard.office.drains.enter(_Nobody())


class _Nobody:
    def give_up(self) -> None: ...


@pytest.mark.parametrize(
    ("place", "value", "section"),
    [
        ("server__port", 4999, "server"),
        ("storage__trace_queue", 77, "storage"),
        ("http__connections", 77, "http"),
        ("auth__local_reads", "off", "auth"),
        ("retention__traces", "1d", "retention"),
        ("egress__allow_private", ["10.0.0.0/8"], "egress"),
        ("log__level", "debug", "log"),
        ("modules_dir", "elsewhere", "modules_dir"),
    ],
)
async def test_what_waits_for_a_restart_is_named_and_left_alone(
    yard: Yard, place: str, value: object, section: str
) -> None:
    yard.provider("openai").says("one")
    await yard.open()
    before = yard.stockyard.settings
    for _ in range(2):
        done = await reload(yard.stockyard, wanted(yard, **{place: value}))
        assert done == Reloaded(waiting=(place.replace("__", "."),))
    assert getattr(yard.stockyard.settings, section) == getattr(before, section)


def test_a_divided_section_is_in_effect_as_far_as_it_can_be(tmp_path: Path) -> None:
    now = load({}, {}, tmp_path)
    changed = load({"http.max_body": "1MiB", "http.connections": 7}, {}, tmp_path)
    applied = applicable(now, changed)
    assert applied.http.max_body == changed.http.max_body
    assert applied.http.connections == now.http.connections
    assert list(differing(now, applied)) == ["http.max_body"]
    assert list(differing(applied, changed)) == ["http.connections"]
