"""A whole Stockyard whose every provider is one replaying upstream, for recorded traffic.

Providers that the catalog does not have get a row here, so that their native route exists. Their
recordings are few: a row in the catalog would promise more than anybody knows.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from stockyard.providers.auth import exchanged
from stockyard.providers.row import shipped_rows
from stockyard.testing.yard import Yard

TOKENS = "/token"
"""Where the upstream gives tokens."""
TOKEN = b'{"access_token":"made-up","expires_in":3600}'
_PERSON = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
_SECRETS = {
    "google": json.dumps({"type": "authorized_user", **_PERSON}),
    "sigv4": "AKIAIOSFODNN7EXAMPLE:made-up",
}
"""By how it is shown; nobody who has none is called."""
LOCAL_PATHS = {"mock-server": "/v1", "avian": "/v1"}
"""Paths of base URLs of rows that only exist here; others have none."""

_HOSTS = {"host": "host.invalid", "region": "us-east-1", "account": "a", "account_id": "a"}
_FILLINGS = {**_HOSTS, "tenant": "t", "project": "p", "location": "us-east5", "workspace": "w"}


def installation(folder: Path, upstream: str, wanted: Iterable[str]) -> Yard:
    """Not opened yet. `upstream` is the URL at which every provider stands."""
    yard = Yard(folder)
    rows = shipped_rows()
    for name in sorted(set(wanted)):
        row = rows.get(name)
        if row is None:
            yard.set(f"providers.{name}.kind", "openai.chat")
            path = LOCAL_PATHS.get(name, "")
        else:
            path = urlsplit(row.base_url.format_map(_Filled())).path
        yard.set(f"providers.{name}.base_url", upstream + path)
        yard.set(f"providers.{name}.allow_private", True)
        scheme = row.auth[0].partition(":")[0] if row is not None else "bearer"
        yard.set(f"providers.{name}.api_key", _SECRETS.get(scheme, "made-up"))
        if exchanged(scheme):
            yard.set(f"providers.{name}.token_url", upstream + TOKENS)
        if scheme == "sigv4":
            yard.set(f"providers.{name}.settings.region", _HOSTS["region"])
    return yard


class _Filled(dict[str, str]):
    """A value for every setting that an address may need."""

    def __missing__(self, name: str) -> str:
        return _FILLINGS.get(name, "x")
