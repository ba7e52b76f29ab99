"""Where keys for AWS are looked for, and how they are asked for there: as the official client does.

What botocore 1.44 asked, was answered and had then in each situation stands in `aws_ways.json`. The
name of a session that it made up stands there as `*`.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from stockyard.errors import UpstreamError
from stockyard.providers.provider import Provider
from stockyard.testing import ReceivedRequest, ScriptedProvider
from stockyard.upstream.client import Client
from stockyard.upstream.origin import Origin
from stockyard.upstream.tokens.sources import Tokens
from tests.upstream.tokens.aws import keys_of, prover, sign_in

Case = Mapping[str, Any]
CASES: list[Case] = json.loads(Path(__file__).with_name("aws_ways.json").read_text())
SHOWN = ("x-amz-security-token", "x-amz-sso_bearer_token", "x-aws-ec2-metadata-token")
SIGNER = re.compile(r"Credential=([^/]+)/[0-9]+/([^/]+/[^/]+)/aws4_request")


def set_up(case: Case, home: Path, url: str) -> dict[str, str]:
    """Write the files of a case and give back its environment."""
    statement = home / "statement"

    def filled(text: str) -> str:
        return text.replace("{statement}", str(statement)).replace("{url}", url)

    if case["statement"]:
        statement.write_text(case["statement"])
    for name in ("credentials", "config"):
        if case[name]:
            (home / ".aws" / name).write_text(filled(case[name]))
    if case["signed_in"]:
        sign_in(home, case["signed_in"])
    services = {
        "AWS_ENDPOINT_URL_STS": url,
        "AWS_ENDPOINT_URL_SSO": url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
    }
    return services | {name: filled(value) for name, value in case["environ"].items()}


def as_recorded(request: ReceivedRequest) -> dict[str, Any]:
    form = dict(parse_qsl(request.body.decode()))
    if form.get("RoleSessionName", "").startswith("stockyard-"):
        form["RoleSessionName"] = "*"
    asked: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "query": dict(parse_qsl(request.query)),
        "form": form,
    }
    if signer := SIGNER.search(request.headers.get("authorization", "")):
        asked |= {"signed_by": signer[1], "scope": signer[2]}
    return asked | {name: request.headers[name] for name in SHOWN if name in request.headers}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_keys_are_found_as_the_official_client_finds_them(
    case: Case, client: Client, aws: ScriptedProvider, home: Path
) -> None:
    for exchange in case["asked"]:
        answer = exchange["answer"]
        aws.sends(answer["status"], {"content-type": answer["type"]}, answer["body"].encode())
    signing = prover(client, set_up(case, home, aws.url), case["profile"])
    if case["keys"] is None:
        with pytest.raises(UpstreamError) as raised:
            await keys_of(client, signing)
        assert (raised.value.kind, raised.value.nothing_sent) == ("auth", True)
    else:
        assert await keys_of(client, signing) == case["keys"]
    assert [*map(as_recorded, aws.requests)] == [e["request"] for e in case["asked"]]


@pytest.mark.parametrize(
    ("says", "what"),
    [
        ("credential_process = /bin/keys", "runs a program"),
        ("login_session = arn:aws:iam::1:user/me", "aws login"),
        ("mfa_serial = arn:x\nrole_arn = arn:y\nsource_profile = base", "a person's device"),
    ],
)
async def test_a_way_that_is_not_supported_is_told(
    client: Client, home: Path, says: str, what: str
) -> None:
    marker = home / "ran"
    (home / ".aws/config").write_text(
        f"[profile odd]\n{says.replace('/bin/keys', f'touch {marker}')}\n[profile base]\n"
    )
    with pytest.raises(UpstreamError, match=what) as raised:
        await keys_of(client, prover(client, {}, "odd"))
    assert raised.value.kind == "auth"
    assert not marker.exists()


async def test_without_a_home_the_machine_is_asked(
    client: Client, aws: ScriptedProvider, home: Path
) -> None:
    (home / ".aws/credentials").mkdir()
    aws.sends(200, {}, b'{"AccessKeyId": "ASIA1", "SecretAccessKey": "s"}')
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{aws.url}/", "AWS_CONFIG_FILE": "~nobody-/x"}
    assert (await keys_of(client, prover(client, environ)))[0] == "ASIA1"


def test_secrets_of_the_environment_are_known_before_they_are_used(client: Client) -> None:
    def origin(_: Provider, url: str) -> Origin:
        return client.origin(url, purpose="provider", operator=True)

    environ = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "hidden", "OTHER": "no"}
    assert [*Tokens(client, origin, environ).secrets()] == ["hidden"]
