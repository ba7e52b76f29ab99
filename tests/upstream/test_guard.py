"""Where calls may go: what the operator opened and nothing else, each range to its last address."""

from ipaddress import ip_address

import pytest

from stockyard.errors import EgressDenied
from stockyard.upstream.guard import Guard, GuardSettings, Permission
from stockyard.upstream.proxy import ProxySettings
from stockyard.upstream.url import parse_url
from tests.upstream.loopback import calling

USER = Permission(operator=False)
OPERATOR = Permission(operator=True)
OPENED = Permission(operator=True, allow_private=True)

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
def test_each_range_of_addresses_ends_where_it_should(address: str, allowed: bool) -> None:
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
