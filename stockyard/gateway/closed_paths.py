"""Native paths that are closed to all callers: they manage the account instead of using models.

They give access to the whole account: its keys, bills, members and machines. Our Keys are for
models only; the rest has to be done at the provider itself.
"""

import re

from stockyard.gateway.held import bare
from stockyard.providers.provider import Provider

_ACCOUNT = frozenset(
    (
        "organization organizations admin admin_api_keys api-keys api_keys api-key api_key keys key"
        " account billing credits balance dashboard invites user users team teams members"
        " workspace workspaces service_accounts service-accounts oauth auth webhook webhooks"
        " webhook_endpoints safety projects"
    ).split()
)
"""First segments below the version of a path."""
_DEEPER = (
    "chatkit/sessions",
    "single-use-token",
    "convai/secrets",
    "convai/conversation/token",
    "convai/conversation/get-signed-url",
    "convai/conversation/get_signed_url",
    "fine_tuning/checkpoints",
)
"""Prefixes of paths that issue secrets with which calls would bypass us, or that share our models.
"""
_OF_ACCOUNTS = frozenset("users apikeys secrets quotas identityproviders auditlogs".split())
"""Segments below the name of an account, for providers that have it in the path."""
_MACHINES = frozenset(
    (
        "customjobs pipelinejobs schedules trainingpipelines hyperparametertuningjobs"
        " persistentresources notebookruntimes notebookexecutionjobs deploymentresourcepools"
    ).split()
)
"""Jobs and machines of a cloud project, which run with its permissions."""
_OF_SERVERS = frozenset({"push", "create", "copy", "shutdown"})
"""Paths of a local model server that change or upload its files, or stop it."""
_GIVEN_OUT = frozenset(
    (
        "token tokens authtoken authtokens accesstoken accesstokens clientsecret clientsecrets"
        " secret secrets apikey apikeys signedurl getsignedurl"
    ).split()
)
"""Last words of paths that issue secrets, without `-` and `_`."""
_PAST_US = re.compile(r"realtime(?:api)?/(?!calls(?:/|$)).+")
"""Paths that open sessions which bypass us, so that their usage could not be counted. Calls by
WebRTC are the exception: they pass on native routes (`wire.md` 2.1), where only their opening is
traced."""
_POLICY = re.compile(r".*:(?:get|set)iampolicy|tunnels/[^/]+/[a-z]+_token")
_PROJECT = re.compile(r"projects/[^/]+/locations/[^/]+/")
_ONE_ACCOUNT = re.compile(r"accounts/[^/]+/")


def administers(path: str, provider: Provider) -> bool:
    """Whether a path at a provider manages the account."""
    below = provider.stays_below
    if below and not path.startswith(below):
        return True
    asked = bare(path, provider.prefix).lower().strip("/")
    project = _PROJECT.match(asked)
    if project is not None:
        asked = asked[project.end() :]
    first = asked.partition("/")[0]
    if _ONE_ACCOUNT.match(asked) is not None:
        return asked.split("/")[2] in _OF_ACCOUNTS
    return (
        first in _ACCOUNT
        or first == "accounts"
        or first in _MACHINES
        or asked in _OF_SERVERS
        or any(f"{asked}/".startswith(f"{start}/") for start in _DEEPER)
        or _POLICY.fullmatch(asked) is not None
        or _PAST_US.fullmatch(asked) is not None
        or (first != "models" and _last_word(asked) in _GIVEN_OUT)
    )


def _last_word(asked: str) -> str:
    return asked.rpartition("/")[2].partition(":")[0].replace("-", "").replace("_", "")
