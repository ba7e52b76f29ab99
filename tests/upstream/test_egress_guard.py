"""The guard against the 300 cases of `security.md` 6.5: none may reach the canary."""

import itertools
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

import pytest

from stockyard.errors import EgressDenied
from stockyard.upstream.client import Client
from stockyard.upstream.guard import GuardSettings, Purpose
from tests.upstream.loopback import HELLO, a_call, answering, calling, heard_from, until

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


async def test_every_pair_of_purposes_has_pools_of_its_own() -> None:
    async with calling() as client:
        origins = [
            client.origin("https://a.example", purpose=purpose, operator=True)
            for purpose in PURPOSES
        ]
        for one, other in itertools.combinations(origins, 2):
            assert one.pool is not other.pool
