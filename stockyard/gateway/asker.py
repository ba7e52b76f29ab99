"""A caller that refers to earlier answers, and what is needed to resolve that."""

from collections.abc import Callable

from msgspec import Struct

from stockyard.core.caller import Caller
from stockyard.core.ports import Held
from stockyard.core.target import Credential
from stockyard.gateway.contract import Opening
from stockyard.gateway.declined import Declining
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.held import credential_of
from stockyard.gateway.keepers import Keepers
from stockyard.gateway.late_calls import LateCalls
from stockyard.gateway.steering import Steering
from stockyard.providers.directory import Directory

Way = Callable[[Endpoint, Credential | None, Steering], Opening]
"""Gives the Opening for one call to an endpoint, with the Credential if only one may be used."""


class Asker(Struct, frozen=True, eq=False):
    caller: Caller
    own: Credential | None
    """The provider's own secret, if the caller brought one."""
    provider: str
    """The provider that the caller wants; empty for any."""
    keepers: Keepers
    directory: Callable[[], Directory]
    way: Way
    refused: Declining
    late: Callable[[str, str, Credential | None], LateCalls]
    """Of a team, at a provider, under a Credential."""

    @property
    def team_id(self) -> str:
        """The team whose things the caller may use. Callers with their own secrets share
        nothing."""
        return self.caller.team_id if self.own is None else self.caller.key_id

    def credential(self, held: Held) -> Credential | None:
        return credential_of(self.directory(), held)
