"""Where keys for AWS are looked for, and how they are asked for there: as the official client does.

What botocore 1.44 asked, was answered and had then in each situation stands in `aws_ways.json`. The
name of a session that it made up stands there as `*`.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.target import Credential, Secret
from stockyard.errors import EgressDenied, UpstreamError
from stockyard.providers.catalog import load
from stockyard.providers.credentials import held_from_environment
from stockyard.providers.provider import Provider
from stockyard.testing import ReceivedRequest, ScriptedProvider
from stockyard.upstream.client import Client
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Outgoing, request_head
from stockyard.upstream.tokens import asking
from stockyard.upstream.tokens.aws_file import held_by_file
from stockyard.upstream.tokens.aws_files import AwsFiles, files_of
from stockyard.upstream.tokens.aws_keys import AwsKeys
from stockyard.upstream.tokens.aws_places import roles_url, sign_in_url
from stockyard.upstream.tokens.aws_ways import way_of_chain, way_of_profile
from stockyard.upstream.tokens.kept import KeptToken
from stockyard.upstream.tokens.sources import Tokens

Case = Mapping[str, Any]

CASES: list[Case] = json.loads(Path(__file__).with_name("aws_ways.json").read_text())
SHOWN = ("x-amz-security-token", "x-amz-sso_bearer_token", "x-aws-ec2-metadata-token")
SIGNER = re.compile(r"Credential=([^/]+)/[0-9]+/([^/]+/[^/]+)/aws4_request")


@pytest.fixture
async def aws() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as aws:
        yield aws


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws/sso/cache").mkdir(parents=True)
    return tmp_path


def prover(
    client: Client, environ: Mapping[str, str], profile: str = "", scheme: str = "sigv4_chain"
) -> KeptToken:
    """Who proves calls to Bedrock."""
    provider = load({"bedrock": {"values": {"region": "eu-west-1"}}}, {}).get("bedrock")
    assert provider is not None
    values = {**provider.values, "profile": profile}
    provider = msgspec.structs.replace(provider, values=values)

    def origin(_: Provider, url: str) -> Origin:
        return client.origin(url, purpose="provider", operator=True)

    tokens = Tokens(client, origin, environ)
    full = f"{scheme}:bedrock"
    made = tokens.prover(provider, full, Credential("c", "bedrock", Secret(""), scheme=full))
    assert isinstance(made, KeptToken)
    return made


async def keys_of(client: Client, prover: KeptToken) -> list[str]:
    """The keys with which a call is signed: their id, their secret and the session."""
    origin = client.origin("https://bedrock.example", purpose="provider", operator=True)
    head = request_head(b"POST", b"/model/m/converse", origin.host, (), 2)
    await prover.proved(Outgoing(origin=origin, head=head, body=b"{}"))
    keys = prover._token
    assert isinstance(keys, AwsKeys)
    return [keys.id, keys.secret.reveal(), keys.session]


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


def sign_in(home: Path, session: str, ends: str = "2099-01-01T00:00:00Z") -> None:
    name = hashlib.sha1(session.encode(), usedforsecurity=False).hexdigest()
    kept = {"accessToken": "sso-token", "expiresAt": ends, "region": "us-east-1"}
    (home / f".aws/sso/cache/{name}.json").write_text(json.dumps(kept))


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
async def test_what_is_not_done_here_is_said(
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


async def test_where_nobody_has_a_home_the_machine_is_asked(
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


BASE = "[profile base]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n"


@pytest.mark.parametrize(
    ("config", "used"),
    [
        ("[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n", True),
        (BASE + "[default]\nrole_arn = arn:r\nsource_profile = base\n", True),
        ("[default]\nrole_arn = arn:r\ncredential_source = Ec2InstanceMetadata\n", False),
        ("[default]\nrole_arn = arn:r\nweb_identity_token_file = /token\n", False),
        ("[default]\ncredential_process = /bin/keys\n", False),
        (
            "[default]\nsso_start_url = https://c\nsso_region = us-east-1\n"
            "sso_account_id = 1\nsso_role_name = r\n",
            True,
        ),
    ],
)
def test_unasked_a_profile_is_used_that_needs_no_identity_of_the_machine(
    home: Path, config: str, used: bool
) -> None:
    (home / ".aws/config").write_text(config)
    catalog = load({}, {"AWS_REGION": "eu-west-1"})
    assert bool([*held_by_file(catalog, {}, frozenset())]) is used


@pytest.mark.parametrize("scheme", ["sigv4_chain", "sigv4_web_identity"])
def test_a_workload_and_the_chain_are_used_when_somebody_says_so(scheme: str) -> None:
    environ = {"AWS_REGION": "eu-west-1", **WORKLOAD}
    assert not held_from_environment(load({}, environ), environ)
    chosen = load({"bedrock": {"scheme": f"{scheme}:bedrock"}}, environ)
    (held,) = held_from_environment(chosen, environ)
    assert held.credential.scheme == f"{scheme}:bedrock"


WORKLOAD = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}
KEYS = """<AssumeRoleWithWebIdentityResponse><Credentials>
<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>{ends}</Expiration></Credentials></x>"""


@pytest.fixture
def workload(tmp_path: Path, aws: ScriptedProvider) -> dict[str, str]:
    token = tmp_path / "token"
    token.write_text("the-statement\n")
    return {
        **WORKLOAD,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ENDPOINT_URL_STS": aws.url,
    }


class TestRoles:
    async def test_many_calls_take_a_role_once(
        self, client: Client, aws: ScriptedProvider, workload: dict[str, str]
    ) -> None:
        aws.sends(200, {}, KEYS.format(ends="2099-01-01T00:00:00Z").encode())
        signing = prover(client, workload, scheme="sigv4_web_identity")
        found = await asyncio.gather(*(keys_of(client, signing) for _ in range(20)))
        assert found == [["ASIA1", "hidden", "session"]] * 20
        assert len(aws.requests) == 1

    async def test_a_role_is_taken_again_before_it_ends(
        self, client: Client, aws: ScriptedProvider, workload: dict[str, str], tmp_path: Path
    ) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=900)
        aws.sends(200, {}, KEYS.format(ends=soon.isoformat()).encode())
        aws.sends(200, {}, KEYS.format(ends=soon.isoformat()).replace("ASIA1", "ASIA2").encode())
        signing = prover(client, workload, scheme="sigv4_web_identity")
        passed = 0.0
        signing._clock = lambda: passed
        assert (await keys_of(client, signing))[0] == "ASIA1"
        (tmp_path / "token").write_text("a-newer-statement")
        passed = 700.0
        assert (await keys_of(client, signing))[0] == "ASIA1", "the old one serves meanwhile"
        assert signing._fetching is not None
        await signing._fetching
        assert (await keys_of(client, signing))[0] == "ASIA2"
        assert b"WebIdentityToken=a-newer-statement" in aws.last.body

    @pytest.mark.parametrize(
        ("status", "body", "kind", "said"),
        [
            (
                403,
                "<Error><Code>AccessDenied</Code><Message>m</Message></Error>",
                "auth",
                "403 (AccessDenied)",
            ),
            (
                400,
                "<Error><Code>InvalidIdentityToken</Code></Error>",
                "auth",
                "(InvalidIdentityToken)",
            ),
            (
                400,
                "<Error><Code>ExpiredTokenException</Code></Error>",
                "auth",
                "(ExpiredTokenException)",
            ),
            (400, "<Error><Code>Throttling</Code></Error>", "rate_limited", "(Throttling)"),
            (400, "<Error><Code>IDPCommunicationError</Code></Error>", "provider_fault", "400"),
            (400, "<Code>the-statement</Code>", "auth", "Credential: 400."),
            (403, "<html>", "auth", "Credential: 403."),
            (503, "", "overloaded", "503"),
            (500, "<Code>InternalFailure</Code>", "provider_fault", "500"),
            (200, "", "auth", "no keys"),
            (200, KEYS.format(ends="some day"), "auth", "without keys"),
            (
                200,
                KEYS.replace("hidden", "a&amp;b").format(ends="2099-01-01T00:00:00Z"),
                "auth",
                "no keys",
            ),
            (
                200,
                KEYS.replace("ASIA1", "AS IA").format(ends="2099-01-01T00:00:00Z"),
                "auth",
                "no keys",
            ),
            (200, "x" * 70_000, "bad_answer", "gave no token"),
            (302, "", "auth", "302"),
        ],
    )
    async def test_a_refusal_is_told_in_its_own_word_only(
        self,
        client: Client,
        aws: ScriptedProvider,
        workload: dict[str, str],
        status: int,
        body: str,
        kind: str,
        said: str,
    ) -> None:
        aws.sends(status, {"content-type": "text/xml"}, body.encode())
        with pytest.raises(UpstreamError) as raised:
            await keys_of(client, prover(client, workload, scheme="sigv4_web_identity"))
        assert (raised.value.kind, raised.value.nothing_sent) == (kind, True)
        assert said in raised.value.message
        assert "the-statement" not in raised.value.message

    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254",
            "http://10.0.0.1",
            "https://10.0.0.1",
            "http://sts.example.com@127.0.0.1",
            "ftp://127.0.0.1",
        ],
    )
    async def test_nobody_is_asked_at_an_address_that_is_closed(
        self, client: Client, workload: dict[str, str], url: str
    ) -> None:
        with pytest.raises(EgressDenied):
            await keys_of(
                client,
                prover(
                    client, {**workload, "AWS_ENDPOINT_URL_STS": url}, scheme="sigv4_web_identity"
                ),
            )

    async def test_nobody_there_is_told(self, client: Client, workload: dict[str, str]) -> None:
        nobody = {**workload, "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}
        with pytest.raises(UpstreamError, match="gave no token") as raised:
            await keys_of(client, prover(client, nobody, scheme="sigv4_web_identity"))
        assert raised.value.kind == "unreachable"

    async def test_silence_is_not_waited_for_for_ever(
        self,
        client: Client,
        workload: dict[str, str],
        aws: ScriptedProvider,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        short = msgspec.structs.replace(asking.TIMERS, first_byte_seconds=0.05)
        monkeypatch.setattr(asking, "TIMERS", short)
        aws.says_nothing()
        with pytest.raises(UpstreamError, match="gave no token") as raised:
            await keys_of(client, prover(client, workload, scheme="sigv4_web_identity"))
        assert raised.value.kind == "timeout"

    async def test_without_a_statement_nothing_is_asked(self, client: Client) -> None:
        with pytest.raises(UpstreamError, match="names no file"):
            await keys_of(client, prover(client, {}, scheme="sigv4_web_identity"))


SIGNED_IN = """[default]
sso_start_url = https://corp.example/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = r
"""
START = "https://corp.example/start"


class TestSignIn:
    @pytest.fixture(autouse=True)
    def profile(self, home: Path) -> None:
        (home / ".aws/config").write_text(SIGNED_IN)

    @pytest.mark.parametrize(
        ("ends", "what"),
        [
            ("2020-01-01T00:00:00Z", "has ended"),
            ("2020-01-01T00:00:00UTC", "has ended"),
            ("one day", "Nobody has signed in"),
        ],
    )
    async def test_one_that_has_ended_is_told(
        self, client: Client, home: Path, ends: str, what: str
    ) -> None:
        sign_in(home, START, ends)
        with pytest.raises(UpstreamError, match=rf"{what}.*aws sso login") as raised:
            await keys_of(client, prover(client, {}, scheme="sigv4_file"))
        assert raised.value.kind == "auth"

    async def test_a_refusal_is_told_in_its_own_word(
        self, client: Client, home: Path, aws: ScriptedProvider
    ) -> None:
        sign_in(home, START)
        fields = {"x-amzn-errortype": "UnauthorizedException:http://internal.amazon.com/"}
        aws.sends(401, fields, b'{"message": "sso-token"}')
        with pytest.raises(UpstreamError) as raised:
            await keys_of(
                client, prover(client, {"AWS_ENDPOINT_URL_SSO": aws.url}, scheme="sigv4_file")
            )
        assert "401 (UnauthorizedException)" in raised.value.message
        assert "sso-token" not in raised.value.message

    async def test_keys_without_end_are_asked_for_again_one_day(
        self, client: Client, home: Path, aws: ScriptedProvider
    ) -> None:
        sign_in(home, START)
        keys = b'"accessKeyId": "ASIA1", "secretAccessKey": "s", "expiration": ' + b"9" * 400
        aws.sends(200, {}, b'{"roleCredentials": {%b}}' % keys)
        signing = prover(client, {"AWS_ENDPOINT_URL_SSO": aws.url}, scheme="sigv4_file")
        assert (await keys_of(client, signing))[0] == "ASIA1"
        assert signing._token is not None
        assert signing._token.seconds == 24 * 3600

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"roleCredentials": {}}', b"[" * 9000])
    async def test_an_answer_without_keys_is_none(
        self, client: Client, home: Path, aws: ScriptedProvider, body: bytes
    ) -> None:
        sign_in(home, START)
        aws.sends(200, {}, body)
        with pytest.raises(UpstreamError) as raised:
            await keys_of(
                client, prover(client, {"AWS_ENDPOINT_URL_SSO": aws.url}, scheme="sigv4_file")
            )
        assert raised.value.kind == "auth"


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("us-east-1", "amazonaws.com"),
        ("ap-southeast-3", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-northwest-1", "amazonaws.com.cn"),
        ("eusc-de-east-1", "amazonaws.eu"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "cloud.adc-e.uk"),
        ("us-isof-south-1", "csp.hci.ic.gov"),
    ],
)
def test_every_region_has_services_of_its_own(region: str, domain: str) -> None:
    assert roles_url(region, {}) == f"https://sts.{region}.{domain}"
    assert sign_in_url(region, {}) == f"https://portal.sso.{region}.{domain}"


@pytest.mark.parametrize("region", ["", "evil.example/", "eu-west-1.evil.example", "x", "a-b-1@c"])
def test_what_is_no_region_leads_nowhere(region: str) -> None:
    with pytest.raises(UpstreamError, match="region"):
        roles_url(region, {})


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_files_are_read_or_refused(credentials: bytes, config: bytes) -> None:
    try:
        files = files_of(credentials, config)
    except UpstreamError:
        return
    for profile in {*files.credentials, *files.config, "default"}:
        with suppress(UpstreamError):
            way_of_chain(files, profile, {})


NAMES = st.sampled_from(["a", "b", "c", "d"])
SECTION = st.fixed_dictionaries(
    {},
    optional={
        "role_arn": st.just("arn"),
        "source_profile": NAMES,
        "credential_source": st.sampled_from(["Environment", "Moon"]),
        "aws_access_key_id": st.just("AKIA"),
        "aws_secret_access_key": st.just("s"),
        "web_identity_token_file": st.just("/t"),
    },
)


@given(st.dictionaries(NAMES, SECTION), st.dictionaries(NAMES, SECTION))
def test_every_way_has_an_end(
    credentials: dict[str, dict[str, str]], config: dict[str, dict[str, str]]
) -> None:
    files = AwsFiles(credentials, config)
    for profile in {*credentials, *config}:
        with suppress(UpstreamError):
            assert way_of_profile(files, profile)
