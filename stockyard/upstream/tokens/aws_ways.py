"""Decide where AWS keys come from, by the environment and the files of AWS's tools. No I/O.

A profile may hold keys, or name a role to assume: with other keys, with the statement of an
identity provider that vouches for this workload, or as a person who signed in. The order is that of
AWS's SDKs:

    1. keys in the environment, unless a profile was chosen
    2. the role of the profile, assumed with other keys
    3. the role of a workload with a statement: from the environment, else from the profile
    4. the role of a person who signed in
    5. keys in `~/.aws/credentials`, then in `~/.aws/config`
    6. the role of the container, if it has one
    7. the role of the machine

https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from stockyard.upstream.tokens.aws_files import NOTHING, AwsFiles, Section
from stockyard.upstream.tokens.aws_keys import AwsKeys, no_keys, usable_keys

READ_AGAIN_SECONDS = 300.0
"""How often the files are read: AWS's tools write new keys into them."""
DEFAULT_PROFILE = "default"

Place = Literal["Environment", "EcsContainer", "Ec2InstanceMetadata"]
"""Where else keys may be, in the words of profiles."""
PLACES: tuple[Place, ...] = get_args(Place)


class Found(Struct, frozen=True):
    """Keys of a Place."""

    place: Place


class Assumed(Struct, frozen=True, kw_only=True):
    """A role that is assumed with other keys."""

    role: str
    by: "Way"
    session_name: str = ""
    external_id: str = ""
    seconds: int | None = None


class Vouched(Struct, frozen=True):
    """A role of a workload, assumed with a statement in a file that its platform renews."""

    role: str
    statement_file: str
    session_name: str = ""


class SignedIn(Struct, frozen=True):
    """A role of a person who signed in."""

    session: str
    """The name of the sign-in: of a session in the file, or its URL."""
    region: str
    account: str
    role: str


Way: TypeAlias = AwsKeys | Found | Assumed | Vouched | SignedIn

_OF_STATEMENTS = {
    "role_arn": "AWS_ROLE_ARN",
    "web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "role_session_name": "AWS_ROLE_SESSION_NAME",
}
_KEYS = frozenset({"aws_access_key_id", "aws_secret_access_key"})
_UNFOLLOWED = {
    "credential_process": "runs a program for its keys, which Stockyard does not do. Let that "
    "program write the keys into the shared file, or offer them at an address "
    "(AWS_CONTAINER_CREDENTIALS_FULL_URI).",
    "login_session": "signs in with `aws login`, which Stockyard does not follow. Use IAM Identity "
    "Center (sso_session), a role, or keys.",
}
"""Settings of profiles that are not supported -> the text of the error."""


def way_of_chain(files: AwsFiles, profile: str, environ: Mapping[str, str]) -> Way | None:
    """The first of the ways above that applies. A named profile counts more than the environment.

    Raises UpstreamError for settings that are wrong or not supported.
    """
    name = profile or environ.get("AWS_PROFILE", "").strip()
    if not profile and environ.get("AWS_ACCESS_KEY_ID", "").strip():
        return Found("Environment")
    if name and not files.has(name):
        raise _lacking(name)
    name = name or DEFAULT_PROFILE
    said = NOTHING if profile else environ
    way = _assumed(files, name, ()) or vouched(said, files.profile(name)) or _own(files, name)
    return way or _of_machine(environ)


def way_of_profile(files: AwsFiles, profile: str) -> Way:
    """How a profile gets its keys. Raises UpstreamError if it does not say."""
    if not files.has(profile):
        raise _lacking(profile)
    way = _assumed(files, profile, ()) or _own(files, profile)
    if way is None:
        raise no_keys(f"The profile '{profile}' does not say where its keys are.")
    return way


def at_hand(way: Way) -> bool:
    """Whether the files are enough. Only operators may allow a machine's or workload's identity."""
    match way:
        case Assumed():
            return at_hand(way.by)
        case AwsKeys() | SignedIn():
            return True
        case _:
            return False


def vouched(environ: Mapping[str, str], profile: Section = NOTHING) -> Vouched | None:
    """The role of this workload, if any. Each value may come from either argument."""
    said = {name: environ.get(v) or profile.get(name, "") for name, v in _OF_STATEMENTS.items()}
    if not said["web_identity_token_file"]:
        return None
    if not said["role_arn"]:
        raise no_keys("There is a statement for AWS, but no role to take with it.")
    return Vouched(said["role_arn"], said["web_identity_token_file"], said["role_session_name"])


def _assumed(files: AwsFiles, name: str, passed: tuple[str, ...]) -> Assumed | None:
    """The role that a profile assumes with other keys. `passed`: the profiles that led to it."""
    profile = files.profile(name)
    if not _takes_role(profile):
        return None
    if profile.get("mfa_serial"):
        raise no_keys(f"The role of the profile '{name}' needs a code from a person's device.")
    seconds = profile.get("duration_seconds", "")
    return Assumed(
        role=profile["role_arn"],
        by=_source(files, name, (*passed, name)),
        session_name=profile.get("role_session_name", ""),
        external_id=profile.get("external_id", ""),
        seconds=int(seconds) if seconds.isdecimal() and len(seconds) < 7 else None,
    )


def _takes_role(profile: Section) -> bool:
    return bool(profile.get("role_arn")) and not profile.get("web_identity_token_file")


def _source(files: AwsFiles, name: str, passed: tuple[str, ...]) -> Way:
    """How to get the keys that assume the role of a profile."""
    profile = files.profile(name)
    place, source = profile.get("credential_source", ""), profile.get("source_profile", "")
    if bool(place) == bool(source):
        raise no_keys(
            f"The profile '{name}' must say one of `source_profile` and `credential_source`."
        )
    if place:
        known = next((p for p in PLACES if p == place), None)
        if known is None:
            raise no_keys(f"The `credential_source` of the profile '{name}' is not known.")
        return Found(known)
    if not files.has(source):
        raise _lacking(source)
    has_keys = not _KEYS.isdisjoint(files.profile(source))
    if source in passed and not (source == name and has_keys):
        raise no_keys(f"The profile '{name}' takes its role in a circle.")
    # Keys beside a role are meant for assuming it.
    taken = None if has_keys else _assumed(files, source, passed)
    way = taken or _own(files, source)
    if way is None:
        raise no_keys(f"The profile '{source}' does not say where its keys are.")
    return way


def _own(files: AwsFiles, name: str) -> Way | None:
    """How a profile gets keys without other keys."""
    profile = files.profile(name)
    return (
        vouched(NOTHING, profile)
        or _signed_in(files, name, profile)
        or _keys(name, files.credentials.get(name, NOTHING))
        or _keys(name, _followed(name, profile, files.config.get(name, NOTHING)))
    )


def _signed_in(files: AwsFiles, name: str, profile: Section) -> SignedIn | None:
    if "sso_role_name" not in profile and "sso_account_id" not in profile:
        return None
    session = profile.get("sso_session", "")
    if session and session not in files.sessions:
        raise no_keys(f"The profile '{name}' signs in as '{session}', which no file describes.")
    described = files.sessions.get(session, NOTHING)
    said = {**described, **profile}
    if any(said[key] != value for key, value in described.items()):
        raise no_keys(f"The profile '{name}' and its sign-in '{session}' contradict each other.")
    wanted = ("sso_start_url", "sso_region", "sso_account_id", "sso_role_name")
    url, region, account, role = (said.get(key, "") for key in wanted)
    if not (url and region and account and role):
        raise no_keys(f"The profile '{name}' lacks one of {', '.join(wanted)}.")
    return SignedIn(session or url, region, account, role)


def _keys(name: str, section: Section) -> AwsKeys | None:
    key_id = section.get("aws_access_key_id")
    if key_id is None:
        return None
    return usable_keys(
        key_id,
        section.get("aws_secret_access_key", ""),
        section.get("aws_session_token", ""),
        READ_AGAIN_SECONDS,
        f"The profile '{name}'",
    )


def _followed(name: str, profile: Section, config: Section) -> Section:
    """`config`. Raises UpstreamError for a profile with settings that are not supported."""
    for key, what in _UNFOLLOWED.items():
        if key in profile:
            raise no_keys(f"The profile '{name}' {what}")
    return config


def _of_machine(environ: Mapping[str, str]) -> Found | None:
    in_container = (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    )
    if any(environ.get(variable) for variable in in_container):
        return Found("EcsContainer")
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    return Found("Ec2InstanceMetadata")


def _lacking(profile: str) -> Exception:
    return no_keys(f"No file of AWS that can be read here has a profile '{profile}'.")
