"""Traces over the API: newest first, in stable pages, and only to those who may see them."""

import pytest

from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange, Step
from stockyard.core.money import Usage
from stockyard.core.target import Attempt, Target
from stockyard.errors import Refused
from tests.builders import an_exchange
from tests.control_plane import Plane

TRACES = "/api/lookout/traces"


def a_call(number: int, *, model: str = "gpt-4o", key: str = "key_1") -> Exchange:
    x = an_exchange(model=model, id=f"req_{number:05}", caller=Caller(key_id=key, key_name="dev"))
    x.target = Target("openai", model)
    x.usage = Usage(in_fresh=7, in_cached=3, out_text=5)
    x.status = 200
    return x


async def test_a_call_is_shown_with_old_names_beside_ours(plane: Plane) -> None:
    await plane.record(a_call(1))
    async with plane.client() as client:
        answer = (await client.get(f"{TRACES}?limit=1")).json()
        for older in ("/api/observe/traces", "/api/traces", "/api/logs"):
            assert answer == (await client.get(f"{older}?limit=1")).json()
            one = (await client.get(f"{older}/tr_00001")).json()
            assert one["id"] == "tr_00001"
    [trace] = answer["traces"]
    assert (answer["count"], answer["next"]) == (1, None)
    assert (trace["id"], trace["request_id"]) == ("tr_00001", "req_00001")
    assert (trace["model"], trace["provider"], trace["status"]) == ("gpt-4o", "openai", "ok")
    assert (trace["tokens_in"], trace["tokens_out"], trace["tokens_cached"]) == (10, 5, 3)
    assert trace["cost_micros"] is trace["cost_usd"] is None
    assert trace["duration_ms"] == trace["total_us"] / 1000
    assert trace["created_at"].endswith("Z")
    assert trace["links"]["explain"] == f"{TRACES}/tr_00001/explain"


async def test_pages_are_stable_while_calls_come_in(plane: Plane) -> None:
    await plane.record(*(a_call(n) for n in range(25)))
    seen: list[str] = []
    async with plane.as_admin as client:
        cursor = ""
        for new in range(10):
            page = (await client.get(f"{TRACES}?limit=10{cursor}")).json()
            seen += [trace["id"] for trace in page["traces"]]
            await plane.record(a_call(100 + new))
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
    assert seen == [f"tr_{n:05}" for n in reversed(range(25))]


async def test_a_cursor_belongs_to_its_list(plane: Plane) -> None:
    await plane.record(*(a_call(n) for n in range(3)))
    async with plane.as_admin as client:
        cursor = (await client.get(f"{TRACES}?limit=1")).json()["next"]
        for url in (
            f"{TRACES}?limit=1&model=gpt-4o&cursor={cursor}",
            f"{TRACES}?limit=1&cursor={cursor[:-2]}",
            f"{TRACES}?limit=1&cursor=AA{cursor[2:]}",
        ):
            answer = await client.get(url)
            assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("model=gpt-4o", 2),
        ("asked=small", 1),
        ("provider=openai", 3),
        ("provider=other", 0),
        ("status=ok", 2),
        ("status=refused", 1),
        ("key=key_2", 1),
        ("kind=chat&team_id=default", 3),
        ("from=-1h", 3),
        ("from=2001-01-01&to=2001-01-02T00:00:00Z", 0),
        ("to=1000", 0),
        ("model=x' or 1=1 --", 0),
    ],
)
async def test_the_list_can_be_narrowed(plane: Plane, query: str, count: int) -> None:
    refused = a_call(3, model="small")
    refused.error = Refused(429, "rate_limited", "Too many.")
    await plane.record(a_call(1), a_call(2, key="key_2"), refused)
    async with plane.as_admin as client:
        assert (await client.get(f"{TRACES}?{query}")).json()["count"] == count


async def test_a_key_sees_its_own_calls_only(plane: Plane) -> None:
    record, secret = await plane.keys.create("mine")
    await plane.record(a_call(1), a_call(2, key=record.id))
    async with plane.client(secret) as client:
        listed = (await client.get(f"{TRACES}?key=key_1")).json()
        mine = await client.get(f"{TRACES}/tr_00002")
        other = await client.get(f"{TRACES}/tr_00001/explain")
    assert [trace["id"] for trace in listed["traces"]] == ["tr_00002"]
    assert (mine.status_code, other.status_code) == (200, 404)


async def test_the_explain_strip_says_what_each_module_did(plane: Plane) -> None:
    x = a_call(1)
    x.strip = [
        Step("ratelimit", "on_request", 400),
        Step("fence", "on_request", 2000),
        Step("ratelimit", "on_error", 100),
    ]
    x.note("fence", "matched", {"rule": "w1", "count": 2})
    x.note("late", "warned")
    x.error = Refused(403, "word_refused", "No.")
    x.error.module = "fence"
    x.attempts.append(Attempt(x.target, 10, ended_us=60, outcome="ok", status=200))  # type: ignore[arg-type]  # narrower than its type says
    await plane.record(x)
    async with plane.as_admin as client:
        told = (await client.get(f"{TRACES}/tr_00001/explain")).json()
        detail = (await client.get(f"{TRACES}/tr_00001")).json()
        attempts = (await client.get(f"{TRACES}/tr_00001/attempts")).json()
    assert [(s["module"], s["decision"], s["reason"], s["us"]) for s in told["steps"]] == [
        ("ratelimit", "passed", "", 0.5),
        ("fence", "refused", "rule w1, count 2", 2.0),
        ("late", "warned", "", 0),
    ]
    assert told["steps"][1]["findings"][0]["detail"] == {"rule": "w1", "count": 2}
    assert told["served"] == "openai/gpt-4o"
    assert detail["explain"] == told["steps"]
    assert attempts["attempts"] == told["attempts"] == detail["attempts"]
    assert attempts["count"] == 1


async def test_an_unknown_trace_is_404(plane: Plane) -> None:
    async with plane.as_admin as client:
        for path in ("", "/explain", "/attempts"):
            assert (await client.get(f"{TRACES}/tr_none{path}")).status_code == 404


async def test_calls_are_listed_by_the_id_or_the_name_of_their_key(plane: Plane) -> None:
    await plane.record(a_call(1), a_call(2, key="key_2"))
    async with plane.as_admin as client:
        found = {
            key: (await client.get(f"{TRACES}?key={key}&with_total=true")).json()["total"]
            for key in ("key_1", "key_2", "dev", "nobody")
        }
        first = (await client.get(f"{TRACES}?key=dev&limit=1")).json()
        elsewhere = await client.get(f"{TRACES}?limit=1&cursor={first['next']}")
    assert found == {"key_1": 1, "key_2": 1, "dev": 2, "nobody": 0}
    assert elsewhere.json()["code"] == "cursor_invalid"


async def test_a_list_can_be_cut_to_some_fields(plane: Plane) -> None:
    await plane.record(a_call(1), a_call(2))
    async with plane.as_admin as client:
        cut = (await client.get(f"{TRACES}?limit=1&fields=id,status&with_total=true")).json()
        wrong = await client.get(f"{TRACES}?fields=id,secret")
    assert cut["traces"] == [{"id": "tr_00002", "status": "ok"}]
    assert (cut["count"], cut["total"]) == (1, 2)
    assert cut["next"]
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["pointer"] == "/query/fields"


async def test_what_belongs_to_a_call_may_be_asked_for_by_name(plane: Plane) -> None:
    await plane.record(a_call(1))
    async with plane.as_admin as client:
        whole = await client.get(f"{TRACES}/tr_00001?include=attempts,explain,findings")
        wrong = await client.get(f"{TRACES}/tr_00001?include=attempts,prompt")
    assert {"attempts", "explain", "findings"} <= whole.json().keys()
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["pointer"] == "/query/include"
