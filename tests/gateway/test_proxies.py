"""Who calls through a proxy: the matrix of what may be claimed, and what of it counts."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.gateway.asgi import GatewayApp
from stockyard.gateway.contract import Peer
from stockyard.gateway.http import HttpError, read_head
from stockyard.gateway.limits import HttpLimits
from stockyard.gateway.proxies import Proxies, plain
from stockyard.testing.yard import Yard

TRUSTED = Proxies(("10.0.0.0/8", "192.0.2.1/32", "2001:db8:aa::/48"))
PROXY = Peer("10.0.0.1", 40_000, loopback=False)
US = PROXY.address

XFF = "X-Forwarded-For"
FWD = "Forwarded"


def client_of(*fields: tuple[str, str], proxy: Peer = PROXY, trusted: Proxies = TRUSTED) -> str:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    raw = f"POST /v1/messages HTTP/1.1\r\nHost: gw.test\r\n{lines}\r\n".encode()
    found = trusted.client_of(read_head(raw, HttpLimits()), proxy)
    assert not found.loopback
    return found.address


MATRIX = [
    # No word of anybody else.
    ((), US),
    (((XFF, ""),), US),
    ((("X-Real-IP", "203.0.113.9"),), US),
    ((("X-Forwarded-Host", "203.0.113.9"),), US),
    # One proxy.
    (((XFF, "203.0.113.9"),), "203.0.113.9"),
    (((XFF, "  203.0.113.9\t"),), "203.0.113.9"),
    (((XFF, "203.0.113.9:4711"),), "203.0.113.9"),
    (((XFF, "2001:db8::9"),), "2001:db8::9"),
    (((XFF, "[2001:db8::9]"),), "2001:db8::9"),
    (((XFF, "[2001:db8::9]:4711"),), "2001:db8::9"),
    (((XFF, "2001:DB8:0:0::9"),), "2001:db8::9"),
    (((XFF, "::ffff:203.0.113.9"),), "203.0.113.9"),
    (((XFF, "[::ffff:203.0.113.9]:80"),), "203.0.113.9"),
    # The client wrote something itself, and the proxy appended to it.
    (((XFF, "10.9.9.9, 203.0.113.9"),), "203.0.113.9"),
    (((XFF, "127.0.0.1, 203.0.113.9"),), "203.0.113.9"),
    (((XFF, "1.1.1.1, 2.2.2.2, 203.0.113.9"),), "203.0.113.9"),
    (((XFF, "nonsense, 203.0.113.9"),), "203.0.113.9"),
    (((XFF, ", ,203.0.113.9"),), "203.0.113.9"),
    (((XFF, "1.1.1.1"), (XFF, "203.0.113.9")), "203.0.113.9"),
    (((XFF, "1.1.1.1, 10.0.0.7"), (XFF, "203.0.113.9")), "203.0.113.9"),
    # Two and three proxies.
    (((XFF, "203.0.113.9, 10.0.0.7"),), "203.0.113.9"),
    (((XFF, "203.0.113.9, 192.0.2.1, 10.0.0.7"),), "203.0.113.9"),
    (((XFF, "203.0.113.9, 2001:db8:aa::7"),), "203.0.113.9"),
    (((XFF, "203.0.113.9, ::ffff:10.0.0.7"),), "203.0.113.9"),
    (((XFF, "203.0.113.9"), (XFF, "10.0.0.7")), "203.0.113.9"),
    (((XFF, "1.1.1.1, 203.0.113.9, 192.0.2.1, 10.0.0.7"),), "203.0.113.9"),
    (((XFF, "203.0.113.9, 192.0.2.2"),), "192.0.2.2"),
    # All of them are ours: whoever is farthest away.
    (((XFF, "10.0.0.7"),), "10.0.0.7"),
    (((XFF, "10.0.0.8, 10.0.0.7"),), "10.0.0.8"),
    # What the nearest proxy wrote cannot be read: nobody but the proxy is known.
    (((XFF, "unknown"),), US),
    (((XFF, "203.0.113.9, unknown"),), US),
    (((XFF, "203.0.113.9,"),), US),
    (((XFF, "203.0.113.9, unknown, 10.0.0.7"),), "10.0.0.7"),
    (((XFF, "203.0.113"),), US),
    (((XFF, "203.0.113.999"),), US),
    (((XFF, "203.0.113.009"),), US),
    (((XFF, "3405803785"),), US),
    (((XFF, "0xcb.0.0x71.9"),), US),
    (((XFF, "203.0.113.9:port"),), US),
    (((XFF, "203.0.113.9:123456"),), US),
    (((XFF, "[203.0.113.9"),), US),
    (((XFF, "[2001:db8::9]x"),), US),
    (((XFF, "fe80::1%eth0"),), US),
    (((XFF, "203.0.113.0/24"),), US),
    (((XFF, "gw.test"),), US),
    (((XFF, '"203.0.113.9"'),), US),
    (((XFF, "203.0.113.9 10.0.0.7"),), US),
    (((XFF, ", ".join(["203.0.113.9"] + ["10.0.0.7"] * 40)),), "10.0.0.7"),
    # The same in the words of RFC 7239.
    (((FWD, "for=203.0.113.9"),), "203.0.113.9"),
    (((FWD, 'For="203.0.113.9:4711"'),), "203.0.113.9"),
    (((FWD, 'for="[2001:db8::9]:4711"'),), "2001:db8::9"),
    (((FWD, 'for="[2001:db8::9]:_port"'),), "2001:db8::9"),
    (((FWD, "proto=https;for=203.0.113.9;by=10.0.0.1"),), "203.0.113.9"),
    (((FWD, "for=1.1.1.1, for=203.0.113.9, for=10.0.0.7"),), "203.0.113.9"),
    (((FWD, "for=1.1.1.1"), (FWD, "for=203.0.113.9")), "203.0.113.9"),
    (((FWD, 'for="1.1.1.1, for=2.2.2.2", for=203.0.113.9'),), "203.0.113.9"),
    (((FWD, "for=203.0.113.9, for=_hidden"),), US),
    (((FWD, "for=203.0.113.9, for=unknown"),), US),
    (((FWD, "for=203.0.113.9, by=10.0.0.7"),), US),
    # Both fields, of one mind.
    (((FWD, "for=203.0.113.9"), (XFF, "203.0.113.9")), "203.0.113.9"),
    (((FWD, "for=203.0.113.9, for=10.0.0.7"), (XFF, "203.0.113.9")), "203.0.113.9"),
]


@pytest.mark.parametrize(("fields", "client"), MATRIX)
def test_the_rightmost_address_that_is_no_proxy_is_the_client(
    fields: tuple[tuple[str, str], ...], client: str
) -> None:
    assert client_of(*fields) == client


@pytest.mark.parametrize(
    "fields",
    [
        ((FWD, "for=1.1.1.1"), (XFF, "203.0.113.9")),
        ((FWD, "for=10.0.0.7"), (XFF, "203.0.113.9")),
        ((FWD, 'for="203.0.113.9'),),
        ((FWD, 'for="x'), (FWD, "for=203.0.113.9")),
        ((FWD, 'for="x, for=203.0.113.9'),),
        ((FWD, "for=1.1.1.1;for=203.0.113.9"),),
        ((FWD, "203.0.113.9"),),
        ((FWD, "for=203.0.113.9,"),),
        ((FWD, "for=203.0.113.9;"),),
        ((FWD, "for = 203.0.113.9"),),
        ((FWD, ""),),
    ],
)
def test_fields_that_could_hide_a_client_are_refused(fields: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(HttpError) as raised:
        client_of(*fields)
    assert (raised.value.status, raised.value.rule) == (400, "HS27")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60), st.booleans())
def test_whatever_a_client_writes_it_is_not_believed(claim: str, forwarded: bool) -> None:
    name, appended = (FWD, "for=203.0.113.9") if forwarded else (XFF, "203.0.113.9")
    # A field of its own, as proxies append that do not parse what was there.
    fields = (name, claim), (name, appended)
    if forwarded and not grammatical(claim):
        with pytest.raises(HttpError):
            client_of(*fields)
    else:
        assert client_of(*fields) == "203.0.113.9"


def grammatical(claim: str) -> bool:
    try:
        client_of((FWD, claim))
    except HttpError:
        return False
    return True


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.0.0.1", True),
        ("11.0.0.1", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("2001:db8:aa::1", True),
        ("2001:db8:ab::1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_only_the_networks_of_the_settings_are_trusted(address: str, trusted: bool) -> None:
    assert TRUSTED.trusts(address) is trusted
    assert not Proxies().trusts(address)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::9", "2001:db8::9"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_an_address_has_one_spelling(written: str, address: str) -> None:
    assert plain(written) == address


@pytest.mark.parametrize(
    ("behind", "seen"),
    [([], "127.0.0.1"), (["127.0.0.0/8"], "203.0.113.9"), (["10.0.0.0/8"], "127.0.0.1")],
    ids=["none", "ours", "another"],
)
async def test_a_call_carries_the_address_of_its_client(
    yard: Yard, behind: list[str], seen: str
) -> None:
    yard.set("server.behind_proxy", behind)
    yard.provider("openai").says("fine")
    await yard.chat(headers={XFF: "1.1.1.1, 203.0.113.9"})

    caller = yard.last.exchange.caller
    assert caller.address == seen
    assert caller.loopback is (seen == "127.0.0.1")


async def test_each_request_of_a_connection_names_its_own_client(yard: Yard) -> None:
    """A proxy keeps its connections and puts one client after the other on them."""
    yard.set("server.behind_proxy", ["127.0.0.0/8"])
    yard.provider("openai").says("fine")
    wanted = ["203.0.113.9", "203.0.113.9", "203.0.113.8", "203.0.113.9"]
    async with yard.raw() as client:
        for address in wanted:
            body = yard.body()
            client.ask("/v1/chat/completions", body, headers=yard.headers | {XFF: address})
            assert (await client.answer()).status == 200
    assert [call.exchange.caller.address for call in yard.calls] == wanted


async def test_limits_by_address_count_the_client_and_not_the_proxy(yard: Yard) -> None:
    yard.set("server.behind_proxy", ["127.0.0.0/8"])
    yard.provider("openai").says("fine")
    yard.enable("ratelimit", limits=[{"by": "address", "calls": 1}])
    first, second = {XFF: "203.0.113.9"}, {XFF: "203.0.113.8"}

    statuses = [(await yard.chat(headers=one)).status for one in (first, first, second)]

    assert statuses == [200, 429, 200]


async def test_a_proxy_on_this_machine_does_not_make_its_clients_local(yard: Yard) -> None:
    """A secret of a provider is taken from this machine's own programs only."""
    yard.set("server.behind_proxy", ["127.0.0.0/8"])
    yard.provider("openai").says("fine")
    own = {"authorization": "Bearer sk-proj-" + "x" * 40}
    for claimed in ({}, {XFF: "127.0.0.1"}, {FWD: "for=127.0.0.1"}):
        assert (await yard.chat(headers=own | claimed)).status == 401


async def test_the_mounted_app_believes_the_same_proxies(yard: Yard) -> None:
    yard.set("server.behind_proxy", ["127.0.0.0/8"])
    yard.provider("openai").says("fine")
    await yard.open()
    stockyard = yard.stockyard

    async def no_control(*_: object) -> None: ...

    app = GatewayApp(stockyard.plane, stockyard.health, no_control, stockyard.front.proxies)
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        headers = yard.headers | {XFF: "1.1.1.1, 203.0.113.9"}
        answer = await client.post("/v1/chat/completions", json=yard.body(), headers=headers)

    assert answer.status_code == 200
    assert yard.last.exchange.caller.address == "203.0.113.9"


async def test_a_refusal_of_the_fields_is_told_and_counted(yard: Yard) -> None:
    yard.set("server.behind_proxy", ["127.0.0.0/8"])
    answer = await yard.chat(headers={XFF: "203.0.113.9", FWD: "for=203.0.113.8"})
    assert answer.status == 400
    assert yard.stockyard.front.http_rejects == {"HS27": 1}
