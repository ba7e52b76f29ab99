"""What callers are told in headers."""

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.offer import Offer
from stockyard.core.target import Attempt, Target
from stockyard.modules.observe.responseheaders import Config, ResponseHeaders
from stockyard.testing.yard import Yard
from tests.builders import TableOfModels, an_exchange, some_ports


def headers(x: Exchange, **config: object) -> dict[str, str]:
    ResponseHeaders(Config(**config), some_ports()).on_head(x)  # type: ignore[arg-type]  # options by their names
    lines = (line.split(": ", 1) for line in x.told_lines.splitlines())
    told = [*((name, value) for name, value in lines), *x.told]
    assert len({name.lower() for name, _ in told}) == len(told)
    return dict(told)


def answered() -> Exchange:
    x = an_exchange()
    x.target = Target("one", "m-1")
    x.usage = Usage(in_fresh=7, in_cached=3, out_text=5)
    x.attempts.append(Attempt(target=x.target, started_us=0, ended_us=1))
    x.cache_state = "miss"
    x.config_version = 7
    return x


def test_says_who_answered_for_how_much_and_how_fast() -> None:
    told = headers(answered())
    assert told.pop("X-Stockyard-Latency-Ms").isdigit()
    assert told.pop("X-Stockyard-Gateway-Us").isdigit()
    assert told == {
        "X-Stockyard-Request-Id": "req_1",
        "X-Stockyard-Model": "m-1",
        "X-Stockyard-Cache": "miss",
        "X-Stockyard-Tokens-In": "10",
        "X-Stockyard-Tokens-Out": "5",
        "X-Stockyard-Config-Version": "7",
    }


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("identity", ["X-Stockyard-Request-Id", "X-Stockyard-Model"]),
        ("cache", ["X-Stockyard-Cache"]),
        ("tokens", ["X-Stockyard-Tokens-In", "X-Stockyard-Tokens-Out"]),
        ("timing", ["X-Stockyard-Latency-Ms", "X-Stockyard-Gateway-Us"]),
        ("limits", ["X-Stockyard-Config-Version"]),
        ("attempts", ["X-Stockyard-Attempts"]),
        ("tags", ["X-Stockyard-Tags"]),
        ("modules", ["X-Stockyard-Modules"]),
    ],
)
def test_each_group_tells_its_own(group: str, names: list[str]) -> None:
    x = answered()
    x.tags["feature"] = "search"
    x.note("cache", "stored")
    assert list(headers(x, groups=(group,))) == names


def test_what_is_not_known_yet_is_not_told() -> None:
    told = headers(an_exchange(), groups=("identity", "tokens", "attempts", "tags", "modules"))
    assert list(told) == ["X-Stockyard-Request-Id"]


def test_a_refusal_tells_it_too_unless_it_shall_not() -> None:
    x = an_exchange()
    x.status = 429
    x.tell("RateLimit-Remaining", "0")
    assert headers(x)["RateLimit-Remaining"] == "0"
    assert headers(an_exchange())["X-Stockyard-Request-Id"] == "req_1"
    x = an_exchange()
    x.status = 429
    assert headers(x, on_errors=False) == {}
    assert list(headers(x, groups=("identity",))) == ["X-Stockyard-Request-Id"]


def test_hides_headers_whoever_told_them() -> None:
    x = answered()
    x.tell("X-Stockyard-Alias", "fast")
    told = headers(x, groups=("identity",), hide=("x-stockyard-a*", "X-Stockyard-Model"))
    assert list(told) == ["X-Stockyard-Request-Id"]


def test_without_the_group_limits_are_not_told() -> None:
    x = an_exchange()
    x.tell("RateLimit-Limit", "5")
    x.tell("x-ratelimit-limit-requests", "5")
    x.tell("Age", "1")
    assert headers(x, groups=()) == {"Age": "1"}


def test_values_stay_on_their_line() -> None:
    x = an_exchange()
    x.tags["note"] = "a\r\nb\u00fc\0"
    told = headers(x, groups=("tags",))
    assert told == {"X-Stockyard-Tags": "note=a%0D%0Ab%C3%BC%00"}


def test_tells_at_most_twenty_modules_once_each() -> None:
    x = an_exchange()
    for number in range(60):
        x.note(f"module{number % 30}", "noted")
    told = headers(x, groups=("modules",))["X-Stockyard-Modules"].split(",")
    assert told == [f"module{number}" for number in range(20)]


def test_the_gateway_can_read_whether_streams_end_with_totals() -> None:
    assert ResponseHeaders(Config(), some_ports()).stream_totals == "comment"
    assert ResponseHeaders(Config(stream_totals="off"), some_ports()).stream_totals == "off"


@pytest.mark.parametrize(
    ("offer", "told", "figures"),
    [
        (
            Offer(lines={"input": 2_000_000, "output": 10_000_000}),
            {"Cost": "0.000070", "Cost-Micros": "70", "Price-State": "priced"},
            {"cost": "0.000070", "cost_micros": 70, "price_state": "priced"},
        ),
        (Offer(), {"Price-State": "unpriced"}, {"price_state": "unpriced"}),
        (None, {"Price-State": "unpriced"}, {"price_state": "unpriced"}),
    ],
)
def test_costs_are_told_where_the_price_is_known(
    offer: Offer | None, told: dict[str, str], figures: dict[str, object]
) -> None:
    models = TableOfModels(m=["one"])
    if offer is not None:
        models.offers["one"] = offer
    module = ResponseHeaders(Config(groups=("cost",)), some_ports(models=models))
    x = answered()
    module.on_head(x)
    assert x.told == [(f"X-Stockyard-{name}", value) for name, value in told.items()]
    assert {name: module.figures(x)[name] for name in figures} == figures


def test_what_costs_nothing_or_is_not_counted_yet() -> None:
    hit = answered()
    hit.usage = None
    assert headers(hit, groups=("cost",)) == {}
    mocked = answered()
    mocked.simulated = "greeting"
    assert headers(mocked, groups=("cost",)) == {
        "X-Stockyard-Cost": "0.000000",
        "X-Stockyard-Cost-Micros": "0",
        "X-Stockyard-Price-State": "free",
    }


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_tells_its_cost_whole_and_streamed(yard: Yard, stream: bool) -> None:
    yard.provider("openai").says("hello").counts(1_000_000, 100_000)
    yard.enable("responseheaders", groups=["identity", "cost"])
    heard = await yard.chat(model="gpt-4o", stream=stream)
    if stream:
        [comment] = heard.comments
        assert '"cost":"3.500000","cost_micros":3500000' in comment
    else:
        assert heard.headers["x-stockyard-cost"] == "3.500000"
        assert heard.headers["x-stockyard-cost-micros"] == "3500000"
