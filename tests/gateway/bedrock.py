"""Bedrock as a provider of the yard, and whether a call to it is signed."""

from datetime import UTC, datetime
from time import time

import pytest

from stockyard.providers.signable import Signable
from stockyard.providers.sigv4 import Scope, SigningKeys, signature_fields
from stockyard.testing import ScriptedProvider
from stockyard.testing.received import ReceivedRequest
from stockyard.testing.yard import Yard

NOVA = "bedrock/amazon.nova-lite-v1:0"
CLAUDE = "bedrock/eu.anthropic.claude-haiku-4-5-v1:0"
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def bedrock(yard: Yard) -> ScriptedProvider:
    return yard.provider(
        "bedrock", settings={"region": "eu-west-1"}, auth="sigv4:bedrock", api_key="AKID:secret/+="
    )


def signed_right(request: ReceivedRequest) -> bool:
    """Whether the request carries the signature that its own bytes demand, made just now."""
    headers = request.headers
    date = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    asked = Signable(request.method, request.target, headers["host"], request.body)
    keys = SigningKeys("AKID", "secret/+=")
    fields = dict(signature_fields(asked, keys, Scope("eu-west-1", "bedrock"), date.timestamp()))
    recent = abs(date.timestamp() - time()) < 60
    return recent and headers["authorization"] == fields[b"authorization"].decode()
