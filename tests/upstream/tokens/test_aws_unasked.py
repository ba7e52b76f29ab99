"""Credentials for AWS that are used although nobody set them up here."""

from pathlib import Path

import pytest

from stockyard.providers.catalog import load
from stockyard.providers.credentials import held_from_environment
from stockyard.upstream.tokens.aws_file import held_by_file
from tests.upstream.tokens.aws import WORKLOAD

REGION = {"AWS_REGION": "eu-west-1"}
KEYS = "aws_access_key_id = AKIA1\naws_secret_access_key = s\n"
DEFAULT = "[default]\n" + KEYS
BASE = "[profile base]\n" + KEYS


def test_the_environment_gives_a_credential_that_signs() -> None:
    environ = {**REGION, "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_ACCESS_KEY_ID": "AKIA1"}
    held = held_from_environment(load({}, environ), environ)
    schemes = {one.credential.provider: one.credential.scheme for one in held}
    assert schemes["bedrock"] == "sigv4:bedrock"
    assert schemes["bedrock-mantle"] == "sigv4:bedrock-mantle"


def test_a_bearer_token_goes_before_keys() -> None:
    environ = {**REGION, "AWS_SECRET_ACCESS_KEY": "a", "AWS_BEARER_TOKEN_BEDROCK": "token"}
    held = held_from_environment(load({}, environ), environ)
    (found,) = (one.credential for one in held if one.credential.provider == "bedrock")
    assert (found.id, found.scheme) == ("env:AWS_BEARER_TOKEN_BEDROCK", "")


def test_a_file_is_used_where_there_is_no_other_credential(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_text(DEFAULT + "[half]\naws_access_key_id = AKIA3\n")
    file = {"AWS_SHARED_CREDENTIALS_FILE": str(path)}
    catalog = load({}, REGION)
    held = {one.credential.provider for one in held_by_file(catalog, file, frozenset())}
    assert held == {"bedrock", "bedrock-mantle", "claude-aws", "sagemaker"}
    assert not [*held_by_file(catalog, file, frozenset(held))]
    assert not [*held_by_file(load({}, {}), file, frozenset())], "no region"
    assert not [*held_by_file(catalog, {**file, "AWS_PROFILE": "half"}, frozenset())]


@pytest.mark.parametrize(
    ("config", "used"),
    [
        (DEFAULT, True),
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
def test_a_profile_is_used_unasked_if_it_needs_no_identity_of_the_machine(
    home: Path, config: str, used: bool
) -> None:
    (home / ".aws/config").write_text(config)
    catalog = load({}, REGION)
    assert bool([*held_by_file(catalog, {}, frozenset())]) is used


@pytest.mark.parametrize("scheme", ["sigv4_chain", "sigv4_web_identity"])
def test_a_workload_and_the_chain_are_used_only_when_the_settings_say_so(scheme: str) -> None:
    environ = {**REGION, **WORKLOAD}
    assert not held_from_environment(load({}, environ), environ)
    chosen = load({"bedrock": {"scheme": f"{scheme}:bedrock"}}, environ)
    (held,) = held_from_environment(chosen, environ)
    assert held.credential.scheme == f"{scheme}:bedrock"
