"""The identity of a machine: asked for when the operator says so, and at fixed addresses only."""

from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest

from stockyard.errors import CannotStart, EgressDenied
from stockyard.providers.catalog import load
from stockyard.providers.credentials import held_from_environment
from stockyard.providers.directory import Directory
from stockyard.testing import ScriptedProvider
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings, Permission
from stockyard.upstream.origin import Origin
from stockyard.upstream.tokens.entra_managed import EntraManaged
from stockyard.upstream.tokens.google_metadata import GoogleMetadata
from stockyard.upstream.tokens.sources import MACHINE
from stockyard.upstream.tokens.token_client import TokenClient
from stockyard.upstream.url import parse_url

JSON = {"content-type": "application/json"}
OPERATOR = Permission(operator=True, machine=True)


@pytest.fixture
async def cloud() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as cloud:
        yield cloud


def token_client(client: Client, cloud: ScriptedProvider) -> TokenClient:
    """As for a machine's own identity, but for where it is."""

    def origin(url: str) -> Origin:
        return client.origin(url, purpose="provider", operator=True, allow_private=True)

    return TokenClient(client, origin, cloud.url + "/token")


async def test_azure_says_its_numbers_as_texts(client: Client, cloud: ScriptedProvider) -> None:
    cloud.sends(200, JSON, b'{"access_token": "t", "expires_in": "86399", "expires_on": "99"}')
    source = EntraManaged(token_client(client, cloud), "id-1", "https://ai.azure.com/.default")
    token = await source.fetch()
    assert (token.secret.reveal(), token.seconds) == ("t", 86399)
    query = "api-version=2018-02-01&resource=https%3A%2F%2Fai.azure.com&client_id=id-1"
    assert cloud.last.target == f"/token?{query}"
    assert (cloud.last.method, cloud.last.headers["metadata"]) == ("GET", "true")


async def test_google_wants_to_be_named(client: Client, cloud: ScriptedProvider) -> None:
    cloud.sends(200, JSON, b'{"access_token": "t", "expires_in": 10}')
    token = await GoogleMetadata(token_client(client, cloud), "scope-1").fetch()
    assert token.seconds == 10
    assert cloud.last.target == "/token?scopes=scope-1"
    assert cloud.last.headers["metadata-flavor"] == "Google"


@pytest.mark.parametrize(
    ("url", "address", "allowed"),
    [
        *((url, "169.254.169.254", True) for url in MACHINE.values()),
        ("http://169.254.170.23/v1/credentials", "169.254.170.23", True),
        ("http://[fd00:ec2::254]/", "fd00:ec2::254", True),
        ("http://169.254.169.253/", "169.254.169.253", False),
        ("http://metadata.google.internal/", "169.254.169.254", False),
        ("http://169.254.169.254/", "10.0.0.1", False),
        ("http://127.0.0.1/", "127.0.0.1", False),
        ("https://example.com/", "93.184.216.34", False),
    ],
)
def test_only_fixed_addresses_are_opened_for_the_identity_of_a_machine(
    url: str, address: str, allowed: bool
) -> None:
    guard = Guard(GuardSettings(allow_private=("10.0.0.0/8", "127.0.0.1:80")))
    judged = guard.judge(ip_address(address), parse_url(url), OPERATOR)
    assert judged.allowed is allowed


@pytest.mark.parametrize("url", MACHINE.values())
def test_other_calls_do_not_reach_the_addresses_of_the_machine(url: str) -> None:
    client = Client(Guard(GuardSettings(allow_private=("169.254.0.0/16", "169.254.169.254:80"))))
    with pytest.raises(EgressDenied):
        client.origin(url, purpose="provider", operator=True, allow_private=True)


HOSTED = {"AZURE_OPENAI_ENDPOINT": "x.openai.azure.com"}


def test_the_identity_of_a_machine_is_never_used_unless_the_operator_says_so() -> None:
    plain = load(environ=HOSTED)
    assert held_from_environment(plain, HOSTED) == ()

    chosen = load({"azure": {"scheme": "entra_managed"}}, HOSTED)
    (held,) = held_from_environment(chosen, HOSTED)
    assert (held.credential.id, held.credential.scheme) == ("entra_managed", "entra_managed")
    directory = Directory(chosen, [held], formats={"openai.chat"})
    assert [target.name for target in directory.targets("azure/d", "chat")] == ["azure/d"]
    assert list(directory.secrets()) == []


def test_a_scheme_that_the_row_does_not_have_stops_the_start() -> None:
    with pytest.raises(CannotStart, match="entra_managed"):
        load({"azure": {"scheme": "google"}})
