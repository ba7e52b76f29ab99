"""Traces narrowed by a filter: each field means what it says."""

import re
from pathlib import Path

from stockyard.apps.lookout.filters import FIELDS
from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.target import Attempt, Credential, Secret, Target
from stockyard.errors import Refused
from tests.builders import an_exchange
from tests.control_plane import Plane

TRACES = "/api/lookout/traces"


def plain() -> Exchange:
    """req_1: an ordinary call."""
    x = an_exchange(model="fast", id="req_1", caller=Caller(key_id="key_1", key_name="my app"))
    x.target = Target("openai", "gpt-4o", Credential("cred_1", "openai", Secret("s")))
    x.usage = Usage(in_fresh=7, in_cached=3, out_text=5)
    x.status = 200
    x.tags = {"app": "web", "feature": "chat"}
    attempt = Attempt(target=x.target, started_us=10, outcome="ok")
    attempt.first_byte_us = 1_500_000
    x.attempts.append(attempt)
    return x


def refused() -> Exchange:
    """req_2: turned away by a module."""
    x = an_exchange(model="gpt-4o-mini", id="req_2", caller=Caller(key_id="key_2", key_name="dev"))
    x.status = 429
    x.error = Refused(429, "rate_limited", "Too many.")
    x.note("ratelimit", "refused", {"by": "key"})
    return x


def streamed() -> Exchange:
    """req_3: a stream of another provider."""
    x = an_exchange(model="claude-x", id="req_3", caller=Caller(key_id="key_1", key_name="my app"))
    x.target = Target("anthropic", "claude-x")
    x.usage = Usage(in_fresh=100, out_text=900)
    x.status = 200
    x.streamed = True
    x.tags = {"app": "cron"}
    return x


FOUND = [
    ("", "321"),
    ("status:ok", "31"),
    ("-status:ok", "2"),
    ("status:refused,error", "2"),
    ("http:429", "2"),
    ("http:4*", "2"),
    ("http>=200 http<300", "31"),
    ("error:rate_limited", "2"),
    ("error:refused", "2"),
    ("model:gpt-4*", "1"),
    ("asked:gpt-4*", "2"),
    ("provider:openai,anthropic", "31"),
    ("credential:cred_1", "1"),
    ("key:key_1", "31"),
    ('key:"my app"', "31"),
    ("id:tr_2", "2"),
    ("kind:chat team:default", "321"),
    ("stream:true", "3"),
    ("-stream:true", "21"),
    ("tokens>100", "3"),
    ("tokens:15", "1"),
    ("tokens_in:10 tokens_out<6", "1"),
    ("-tokens>0", "2"),
    ("tag.app:web", "1"),
    ("tag.app:web,cron", "31"),
    ("-tag.app:w*", "32"),
    ("tag.nothing:*", ""),
    ("tag.feature:*", "1"),
    ("has:findings", "2"),
    ("-has:findings", "31"),
    ("has:body", ""),
    ("finding.module:ratelimit", "2"),
    ("finding.action:refused -status:ok", "2"),
    ("attempts:1", "1"),
    ("attempts<1", "32"),
    ("first_byte>1s", "1"),
    ("first_byte>2s", ""),
    ("latency<1h", "321"),
    ("gateway>1h", ""),
    ("cost>0.01", ""),
    ("at>-1h", "321"),
    ("at<2020-01-01", ""),
    ("config<5 client:*", "321"),
    ("cache:hit", ""),
    ("format:openai*", "321"),
]
"""A filter, and the calls that it leaves, the last first."""


async def test_each_field_means_what_it_says(plane: Plane) -> None:
    await plane.record(plain(), refused(), streamed())
    async with plane.as_admin as client:
        for written, found in FOUND:
            answer = await client.get(TRACES, params={"filter": written})
            assert answer.status_code == 200, answer.text
            ids = "".join(trace["id"][-1] for trace in answer.json()["traces"])
            assert (written, ids) == (written, found)


REFUSED = [
    ("modle:x", "filter_invalid", 'Did you mean "model"?'),
    ("nothing:x", "filter_invalid", "There is no field"),
    ("http:abc", "filter_invalid", "not a whole number"),
    ("latency>soon", "filter_invalid", "not a duration"),
    ("cost>much", "filter_invalid", "not an amount"),
    ("cost>nan", "filter_invalid", "not an amount"),
    ("stream:perhaps", "filter_invalid", "neither true nor false"),
    ("model>x", "filter_invalid", "has no order"),
    ("at>soon", "invalid", "ISO 8601"),
    ("latency:2*", "filter_invalid", "whole values"),
    ("has:images", "filter_invalid", 'cannot have "images"'),
    ("hello", "search_off", "No text is kept"),
]


async def test_a_filter_that_means_nothing_is_refused(plane: Plane) -> None:
    async with plane.as_admin as client:
        for written, code, says in REFUSED:
            answer = await client.get(TRACES, params={"filter": written})
            assert (answer.status_code, answer.json()["code"]) == (400, code)
            assert says in answer.json()["detail"]


async def test_values_are_never_sql(plane: Plane) -> None:
    await plane.record(plain())
    async with plane.as_admin as client:
        for value in ("x' or 1=1 --", '"); drop table traces; --', "%", "_*"):
            written = 'model:"' + value.replace('"', r"\"") + '"'
            answer = await client.get(TRACES, params={"filter": written})
            assert answer.json()["traces"] == []
        assert len((await client.get(TRACES)).json()["traces"]) == 1


async def test_a_filtered_list_has_pages_and_a_total(plane: Plane) -> None:
    calls = [an_exchange(model="m", id=f"req_{n:03}") for n in range(25)]
    for n, x in enumerate(calls):
        x.tags = {"odd": str(n % 2)}
    await plane.record(*calls)
    seen: list[str] = []
    async with plane.as_admin as client:
        query = {"filter": "tag.odd:1", "limit": "5", "with_total": "true"}
        while True:
            page = (await client.get(TRACES, params=query)).json()
            assert (page["total"], page["total_is_estimate"]) == (12, False)
            seen += [trace["id"] for trace in page["traces"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        moved = await client.get(TRACES, params={**query, "filter": "tag.odd:0"})
        plain_list = (await client.get(TRACES)).json()
    assert seen == [f"tr_{n:03}" for n in range(23, 0, -2)]
    assert moved.json()["code"] == "cursor_invalid"
    assert "total" not in plain_list


async def test_a_tag_can_be_asked_for_without_a_filter(plane: Plane) -> None:
    await plane.record(plain(), refused(), streamed())
    async with plane.as_admin as client:
        found = (await client.get(TRACES, params={"tag": "app=web"})).json()["traces"]
        assert [trace["id"] for trace in found] == ["tr_1"]
        both = {"tag": "app=web", "filter": "status:refused"}
        assert (await client.get(TRACES, params=both)).json()["traces"] == []
        assert (await client.get(TRACES, params={"tag": "app"})).status_code == 400


async def test_a_key_filters_its_own_calls_only(plane: Plane) -> None:
    key, secret = await plane.keys.create("mine")
    mine = an_exchange(model="m", id="req_mine", caller=Caller(key_id=key.id, key_name="mine"))
    await plane.record(mine, plain(), streamed())
    async with plane.client(secret) as client:
        for written in ("", "-status:refused", "key:key_1,mine"):
            answer = await client.get(TRACES, params={"filter": written, "with_total": "true"})
            assert [trace["id"] for trace in answer.json()["traces"]] == ["tr_mine"]
            assert answer.json()["total"] == 1


def test_the_documentation_names_every_field() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()
    listed = page[page.index("The fields:") : page.index("and `tag.`")]
    assert set(re.findall(r"`([a-z_.]+)`", listed)) == set(FIELDS)
