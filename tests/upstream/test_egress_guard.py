"""The guard against the 300 cases of `security.md` 6.5: none may reach the canary."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, ip_address

import pytest

from stockyard.errors import EgressDenied
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings, Permission, Purpose
from stockyard.upstream.proxy import ProxySettings
from stockyard.upstream.url import parse_url
from tests.upstream.loopback import HELLO, a_call, answering, calling, heard_from, until

USER = Permission(operator=False)
OPERATOR = Permission(operator=True)
OPENED = Permission(operator=True, allow_private=True)
PURPOSES: tuple[Purpose, ...] = ("provider", "webhook", "workflow", "tool", "mcp", "image", "oidc")
PUBLIC = "93.184.215.14"
"""Only ever judged: no test connects to it."""

TARGETS = (
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "168.63.129.16",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
)


def parts(address: str) -> list[int]:
    return [int(part) for part in address.split(".")]


def number(address: str) -> int:
    return int(IPv4Address(address))


def groups(address: str) -> str:
    """The address as two groups of an IPv6 address."""
    high, low = divmod(number(address), 65536)
    return f"{high:x}:{low:x}"


def full_width(text: str) -> str:
    return text.translate({ord("0") + n: 0xFF10 + n for n in range(10)})


def circled(text: str) -> str:
    return text.translate({ord("0"): 0x24EA} | {ord("0") + n: 0x245F + n for n in range(1, 10)})


SPELLINGS: dict[str, Callable[[str], str]] = {
    "decimal": lambda a: str(number(a)),
    "hex": lambda a: f"0x{number(a):08x}",
    "octal": lambda a: ".".join(f"0{part:o}" for part in parts(a)),
    "mixed": lambda a: "0x{:x}.{}.0{:o}.{}".format(*parts(a)),
    "shortened": lambda a: f"{parts(a)[0]}.{number(a) % 2**24}",
    "full width": full_width,
    "circled": circled,
    "trailing dot": lambda a: f"{a}.",
    "leading zeros": lambda a: ".".join(f"{part:03}" for part in parts(a)),
    "mapped, dotted": lambda a: f"[::ffff:{a}]",
    "mapped, hex": lambda a: f"[::ffff:{groups(a)}]",
    "compatible": lambda a: f"[::{groups(a)}]",
    "NAT64": lambda a: f"[64:ff9b::{groups(a)}]",
    "local NAT64": lambda a: f"[64:ff9b:1::{groups(a)}]",
    "6to4 and ISATAP": lambda a: f"[2002:{groups(a)}:0:0:0:5efe:{groups(a)}]",
}
SPELLED = [spell(target) for target in TARGETS for spell in SPELLINGS.values()]

IPV6 = [
    "[::1]",
    "[::]",
    "[fe80::1%eth0]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[100::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:20::1]",
]

HOSTS = "https://{}/"
TRICKS = [
    # user information
    "https://user@127.0.0.1/",
    "https://user:pass@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com%40@127.0.0.1/",
    # backslash
    "https://example.com\\@127.0.0.1/",
    "https:\\\\127.0.0.1/",
    "https://127.0.0.1\\.example.com/",
    "https://example.com/\\127.0.0.1",
    # characters
    "https://exam\tple.com/",
    "https://example.com\r/",
    "https://example.com\n/",
    "https://example .com/",
    "https://example.com\0.evil.com/",
    "https://127\u30020\u30020\u30021/",
    # fragment and query
    "https://example.com#@127.0.0.1/",
    "https://127.0.0.1#.example.com/",
    "https://127.0.0.1?.example.com/",
    "https://127.0.0.1?@example.com/",
    # schemes
    *(
        f"{scheme}://127.0.0.1/"
        for scheme in ("ftp", "gopher", "dict", "ldap", "tftp", "ws", "wss", "jar", "unix", "http")
    ),
    "file:///etc/passwd",
    "data:text/plain,x",
    # ports
    *(f"https://example.com:{port}/" for port in (22, 25, 5432, 6379, 4200, 0, 65536, "80a")),
    # syntax of hosts
    "https:///path",
    "https://example..com/",
    "https://-example.com/",
    "https://[::1/",
    f"https://{'a' * 64}.com/",
]


@pytest.mark.parametrize("operator", [False, True])
@pytest.mark.parametrize("purpose", PURPOSES)
async def test_s09_no_spelling_and_no_trick_makes_an_origin(
    purpose: Purpose, operator: bool
) -> None:
    cases = [*map(HOSTS.format, [*SPELLED, *IPV6]), *TRICKS]
    operators_own = {f"https://example.com:{port}/" for port in (22, 25, 5432, 6379, 4200)}
    assert len(cases) == 180 + 16 + 43
    async with calling() as client:
        made = [case for case in cases if not is_refused(client, case, purpose, operator=operator)]
    assert set(made) == (operators_own if operator else set())


def is_refused(client: Client, url: str, purpose: Purpose, *, operator: bool) -> bool:
    try:
        client.origin(url, purpose=purpose, operator=operator)
    except EgressDenied as denied:
        return denied.reason.isidentifier() and "127" not in denied.message
    return False


async def test_s09_the_plain_form_of_each_target_is_refused_too() -> None:
    async with calling() as client:
        for target in TARGETS:
            assert is_refused(client, f"https://{target}/", "webhook", operator=True)


# Names, with the resolver as the edge.

ONE_OF_TWO = [[PUBLIC, target] for target in TARGETS[:3]] + [
    [target, PUBLIC] for target in TARGETS[3:6]
]
CHAINS = [["127.0.0.1"], ["::1"], ["fd00:ec2::254"], ["::ffff:10.0.0.1"]]
REBOUND = TARGETS[1:7]
SPECIAL = [
    "localhost",
    "db.localhost",
    "printer.local",
    "vault.internal",
    "router.home.arpa",
    "metadata.google.internal",
    "redis.default.svc",
    "metadata",
]


def by_name(client: Client, host: str, *, port: int = 443, operator: bool = False) -> None:
    client.origin(f"https://{host}:{port}", purpose="webhook", operator=operator)


async def test_s09_a_name_with_a_denied_address_is_never_connected_to() -> None:
    cases = [[target] for target in TARGETS] + ONE_OF_TWO + CHAINS
    assert len(cases) == 12 + 6 + 4

    async with answering(HELLO) as canary:
        for addresses in cases:

            async def lookup(
                host: str, port: int, addresses: Sequence[str] = addresses
            ) -> Sequence[str]:
                return addresses

            settings = GuardSettings(ports=(canary.port,))
            async with calling(settings=settings, lookup=lookup) as client:
                origin = client.origin(
                    f"https://hooks.example:{canary.port}", purpose="webhook", operator=False
                )
                heard, _ = await heard_from(client, a_call(origin))
                assert isinstance(heard.error, EgressDenied), addresses
                assert heard.error.nothing_sent
                assert not heard.error.retryable
        assert canary.connections == 0


@pytest.mark.parametrize("target", REBOUND)
async def test_s09_a_name_that_is_rebound_is_judged_again_at_every_connect(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockyard.upstream.resolve.KEEP_SECONDS", 0.0)
    answers = [["127.0.0.1"], [target]]

    async def lookup(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    async with answering(HELLO, closes=True) as server:
        pair = f"127.0.0.1:{server.port}"
        settings = GuardSettings(allow_private=(pair,), ports=(server.port,))
        async with calling(settings=settings, lookup=lookup) as client:
            url = f"http://hooks.example:{server.port}"
            origin = client.origin(url, purpose="webhook", operator=False)
            first, _ = await heard_from(client, a_call(origin))
            await until(lambda: origin.pool.open == 0)
            second, _ = await heard_from(client, a_call(origin))
    assert (first.body, answers) == (b"hello", [])
    assert isinstance(second.error, EgressDenied)


@pytest.mark.parametrize("name", SPECIAL)
async def test_s09_an_internal_name_is_refused_before_it_is_resolved(name: str) -> None:
    asked: list[str] = []

    async def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC]

    async with calling(lookup=lookup) as client:
        with pytest.raises(EgressDenied):
            by_name(client, name)
        by_name(client, name, operator=True)  # which says nothing about its addresses
    assert asked == []


def test_s09_all_three_hundred_cases_are_there() -> None:
    dns = len(TARGETS) + len(ONE_OF_TWO) + len(CHAINS) + len(REBOUND) + len(SPECIAL)
    redirects = 5 * 5  # test_a_redirect_is_handed_on_and_never_followed
    assert (len(SPELLED), len(IPV6), dns, len(TRICKS)) == (180, 16, 36, 43)
    assert len(SPELLED) + len(IPV6) + dns + redirects + len(TRICKS) == 300
    assert len(set(SPELLED)) == 180


# Who may open what.

PAIR = GuardSettings(allow_private=("127.0.0.1:11434", "ollama:11434", "[::1]:8080"))
NETWORK = GuardSettings(
    allow_private=("10.1.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fd00::/8", "192.0.2.0/24")
)
NOTHING = GuardSettings()
PLAIN = GuardSettings(allow_http=("Models.example", "8.8.4.0/24", "[2606:4700::2]"))

OPENINGS = [
    # settings, permission, address, URL, allowed, reason
    (NOTHING, OPERATOR, "8.8.8.8", "https://a.example", True, "public"),
    (NOTHING, OPERATOR, "2606:4700::1", "https://a.example", True, "public"),
    (NOTHING, OPERATOR, "10.0.0.1", "https://a.example", False, "private"),
    (NOTHING, OPENED, "10.0.0.1", "https://a.example", True, "private"),
    (NOTHING, OPENED, "10.0.0.1", "http://a.example:8000", True, "private"),
    (NOTHING, OPENED, "127.0.0.1", "http://127.0.0.1:11434", True, "loopback"),
    (NOTHING, OPENED, "::1", "http://[::1]:11434", True, "loopback"),
    (NOTHING, OPENED, "fd12::1", "https://a.example", True, "private"),
    (NOTHING, OPENED, "169.254.169.254", "https://a.example", False, "metadata"),
    (NOTHING, OPENED, "100.100.100.200", "https://a.example", False, "metadata"),
    (NOTHING, OPENED, "168.63.129.16", "https://a.example", False, "metadata"),
    (NOTHING, OPENED, "192.0.0.192", "https://a.example", False, "metadata"),
    (NOTHING, OPENED, "fd00:ec2::254", "https://a.example", False, "metadata"),
    (NOTHING, OPENED, "fd20:ce::254", "https://a.example", False, "metadata"),
    (NOTHING, OPENED, "::ffff:169.254.169.254", "https://a.example", False, "metadata"),
    (NOTHING, OPENED, "0.0.0.0", "https://a.example", False, "unspecified"),
    (NOTHING, OPENED, "224.0.0.1", "https://a.example", False, "multicast"),
    (NOTHING, OPENED, "198.18.0.1", "https://a.example", False, "reserved"),
    (NOTHING, OPERATOR, "8.8.8.8", "http://a.example", False, "scheme"),
    (NOTHING, OPENED, "8.8.8.8", "http://a.example", True, "public"),
    (NOTHING, OPERATOR, "::ffff:8.8.8.8", "https://a.example", True, "public"),
    (NOTHING, OPERATOR, "2606:4700::5efe:a00:1", "https://a.example", False, "private"),
    (NOTHING, OPERATOR, "2606:4700::200:5efe:a00:1", "https://a.example", False, "private"),
    (NOTHING, OPERATOR, "2606:4700::5efe:808:808", "https://a.example", True, "public"),
    (NOTHING, OPERATOR, "4000::1", "https://a.example", False, "unassigned"),
    (PAIR, OPERATOR, "127.0.0.1", "http://127.0.0.1:11434", True, "loopback"),
    (PAIR, OPERATOR, "127.0.0.1", "http://127.0.0.1:11435", False, "loopback"),
    (PAIR, OPERATOR, "127.0.0.2", "http://127.0.0.2:11434", False, "loopback"),
    (PAIR, OPERATOR, "172.17.0.2", "http://ollama:11434", True, "private"),
    (PAIR, OPERATOR, "172.17.0.2", "http://ollama:80", False, "private"),
    (PAIR, OPERATOR, "::1", "http://[::1]:8080", True, "loopback"),
    (PAIR, OPERATOR, "169.254.169.254", "http://ollama:11434", False, "metadata"),
    (NETWORK, OPERATOR, "10.1.2.3", "http://a.example", True, "private"),
    (NETWORK, OPERATOR, "10.2.2.3", "https://a.example", False, "private"),
    (NETWORK, OPERATOR, "127.0.0.1", "https://a.example", False, "loopback"),
    (NETWORK, OPERATOR, "169.254.1.1", "https://a.example", False, "metadata"),
    (NETWORK, OPERATOR, "fd12::1", "https://a.example", True, "private"),
    (NETWORK, OPERATOR, "fd00:ec2::254", "https://a.example", False, "metadata"),
    (NETWORK, OPERATOR, "192.0.2.1", "https://a.example", False, "documentation"),
    (PLAIN, OPERATOR, "8.8.8.8", "http://models.example", True, "public"),
    (PLAIN, OPERATOR, "8.8.8.8", "http://models.example:8000", True, "public"),
    (PLAIN, OPERATOR, "8.8.4.4", "http://a.example", True, "public"),
    (PLAIN, OPERATOR, "2606:4700::2", "http://[2606:4700:0::2]", True, "public"),
    (PLAIN, OPERATOR, "8.8.8.8", "http://a.example", False, "scheme"),
    (PLAIN, OPERATOR, "10.0.0.1", "http://models.example", False, "private"),
    (PLAIN, OPERATOR, "169.254.169.254", "http://models.example", False, "metadata"),
    (NETWORK, USER, "10.1.2.3", "https://a.example", True, "private"),
    (NOTHING, OPERATOR, "64:ff9b::808:808", "https://a.example", False, "tunnel"),
    (GuardSettings(nat64=True), OPERATOR, "64:ff9b::808:808", "https://a.example", True, "public"),
    (GuardSettings(nat64=True), OPERATOR, "64:ff9b::a00:1", "https://a.example", False, "private"),
]


@pytest.mark.parametrize(
    ("settings", "permission", "address", "url", "allowed", "reason"), OPENINGS
)
def test_what_the_operator_opened_is_open_and_nothing_else(
    settings: GuardSettings,
    permission: Permission,
    address: str,
    url: str,
    allowed: bool,
    reason: str,
) -> None:
    verdict = Guard(settings).judge(ip_address(address), parse_url(url), permission)
    assert (verdict.allowed, verdict.reason) == (allowed, reason)


@pytest.mark.parametrize(("host", "allowed"), [("models.example", True), ("a.example", False)])
def test_through_a_proxy_only_hosts_that_are_named_need_no_tls(host: str, allowed: bool) -> None:
    settings = GuardSettings(allow_http=("models.example", "0.0.0.0/0"))
    url = parse_url(f"http://{host}")
    assert Guard(settings).judge_url(url, OPERATOR, proxied=True).allowed is allowed


EDGES = [
    ("9.255.255.255", True),
    ("10.0.0.0", False),
    ("10.255.255.255", False),
    ("11.0.0.0", True),
    ("100.63.255.255", True),
    ("100.64.0.0", False),
    ("100.127.255.255", False),
    ("100.128.0.0", True),
    ("126.255.255.255", True),
    ("128.0.0.0", True),
    ("169.253.255.255", True),
    ("169.255.0.0", True),
    ("172.15.255.255", True),
    ("172.31.255.255", False),
    ("172.32.0.0", True),
    ("192.0.1.0", True),
    ("192.0.3.0", True),
    ("192.31.196.1", False),
    ("192.52.193.1", False),
    ("192.88.99.1", False),
    ("192.167.255.255", True),
    ("192.169.0.0", True),
    ("192.175.48.1", False),
    ("198.17.255.255", True),
    ("198.19.255.255", False),
    ("198.20.0.0", True),
    ("198.51.100.1", False),
    ("203.0.113.1", False),
    ("223.255.255.255", True),
    ("239.255.255.255", False),
    ("240.0.0.0", False),
    ("2001:1ff:ffff::", False),
    ("2001:200::", True),
    ("2001:4860::8888", True),
    ("2002::1", False),
    ("2620:4f:8000::1", False),
    ("2620:4f:8001::1", True),
    ("3ffe::1", True),
    ("3fff:fff::1", False),
    ("fbff::1", False),
    ("fdff::1", False),
    ("fe7f::1", False),
    ("febf::1", False),
    ("::ffff:0:808:808", False),
    ("1fff::1", False),
]


@pytest.mark.parametrize(("address", "allowed"), EDGES)
def test_each_range_ends_where_it_should(address: str, allowed: bool) -> None:
    verdict = Guard(NOTHING).judge(ip_address(address), parse_url("https://a.example"), USER)
    assert verdict.allowed is allowed


OWN = GuardSettings(
    own=("0.0.0.0:4200", "10.9.9.9:5432", "db.example:6379"),
    ports=(443, 4200, 5432, 6379),
    allow_private=("10.0.0.0/8", "127.0.0.1:4200"),
)


@pytest.mark.parametrize(
    ("url", "permission", "allowed"),
    [
        ("https://127.0.0.1:4200", USER, False),
        ("https://10.1.1.1:4200", USER, False),
        ("https://10.9.9.9:5432", USER, False),
        ("https://db.example:6379", USER, False),
        ("https://10.9.9.8:5432", USER, True),
        ("https://8.8.8.8:4200", USER, True),
        ("https://127.0.0.1:4200", OPERATOR, True),
        ("https://10.9.9.9:5432", OPERATOR, True),
    ],
)
def test_users_never_reach_our_own_listeners_and_stores(
    url: str, permission: Permission, allowed: bool
) -> None:
    verdict = Guard(OWN).judge_url(parse_url(url), permission, proxied=False)
    assert verdict.allowed is allowed
    assert allowed or verdict.reason == "own"


@pytest.mark.parametrize(
    ("settings", "url", "permission", "allowed"),
    [
        (NOTHING, "https://hooks.example", USER, False),
        (NOTHING, "https://api.example", OPERATOR, True),
        (NOTHING, "https://169.254.169.254", OPERATOR, False),
        (NOTHING, "http://api.example", OPERATOR, False),
        (NOTHING, "http://api.example", OPENED, True),
        (GuardSettings(proxy_trusted=True), "https://hooks.example", USER, True),
        (GuardSettings(proxy_trusted=True), "https://vault.internal", USER, False),
        (GuardSettings(proxy_trusted=True), "https://10.0.0.1", USER, False),
    ],
)
async def test_users_destinations_take_no_proxy_unless_it_is_trusted(
    settings: GuardSettings, url: str, permission: Permission, allowed: bool
) -> None:
    proxy = ProxySettings(http="http://proxy.example:3128", https="http://proxy.example:3128")
    async with calling(settings=settings) as client:

        def make() -> None:
            client.origin(
                url,
                purpose="webhook",
                operator=permission.operator,
                allow_private=permission.allow_private,
                proxy=proxy,
            )

        if allowed:
            make()
        else:
            with pytest.raises(EgressDenied):
                make()


def test_a_name_that_the_operator_allows_may_be_chosen_and_is_still_judged() -> None:
    guard = Guard(GuardSettings(allow_names=("Vault.Internal",)))
    url = parse_url("https://vault.internal")
    assert guard.judge_url(url, USER, proxied=False).allowed
    assert not guard.judge(ip_address("10.0.0.1"), url, USER).allowed


@pytest.mark.parametrize("text", ["ollama", ":80", "host:", "10.0.0.0/99", "host:port"])
def test_an_opening_that_means_nothing_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Guard(GuardSettings(allow_private=(text,)))


async def test_a_denied_call_looks_like_one_that_nobody_answers() -> None:
    """Same class of error and no word of the address, so that answers do not map a network."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        return ["10.0.0.1"]

    async with calling(lookup=lookup) as client:
        origin = client.origin("https://hooks.example", purpose="webhook", operator=False)
        heard, _ = await heard_from(client, a_call(origin))
    assert isinstance(heard.error, EgressDenied)
    assert heard.error.kind == "unreachable"
    assert "10.0" not in str(heard.error)


def test_every_pair_of_purposes_has_pools_of_its_own() -> None:
    async def pools() -> None:
        async with calling() as client:
            origins = {
                purpose: client.origin("https://a.example", purpose=purpose, operator=True)
                for purpose in PURPOSES
            }
            for one, other in itertools.combinations(origins.values(), 2):
                assert one.pool is not other.pool

    asyncio.run(pools())
