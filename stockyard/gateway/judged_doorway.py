"""A Doorway for bodies that may name what a provider keeps, such as a file to be read.

Who names such a thing is sent to the provider that has it, under the Credential that made it, and
only if it is the team's. A body that names nothing takes the usual way.
"""

from typing import TYPE_CHECKING

from stockyard.core.exchange import Asked, Caller
from stockyard.core.ports import Held
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway.contract import Reply, Running
from stockyard.gateway.doorway import Doorway, SteeredDoorway
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.held import credential_of, keeper_of
from stockyard.gateway.http import Head
from stockyard.gateway.named import Naming
from stockyard.gateway.turning import Steering, serves

if TYPE_CHECKING:
    from stockyard.gateway.plane import DataPlane


class JudgedDoorway(Doorway):
    __slots__ = ("_naming",)

    def __init__(
        self,
        plane: "DataPlane",
        head: Head,
        endpoint: Endpoint,
        caller: Caller,
        asked: Asked,
        naming: Naming,
    ) -> None:
        super().__init__(plane, head, endpoint, caller, asked, None)
        self._naming = naming

    def start(self, reply: Reply, body: bytes) -> Running | None:
        if not self._naming.may_be_in(body):
            return super().start(reply, body)
        try:
            way = self._way(body)
        except Refused as refusal:
            whole = self._plane.refuse(self._head, self._endpoint, refusal)
            reply.whole(whole.status, whole.fields, whole.body)
            return None
        return super().start(reply, body) if way is None else way.start(reply, body)

    def _way(self, body: bytes) -> Doorway | None:
        """Where the body must go; None for anywhere."""
        plane, native = self._plane, self._endpoint.native
        named = self._naming.named_in(body)
        held = keeper_of(plane.keepers.ids, self.caller.team_id, named, native)
        if held is None:
            return None
        credential: Credential | None = None
        if native is not None:
            credential = credential_of(plane.directory(), held)
        else:
            self._check(held, named, body)
        steering = Steering(held=held)
        return SteeredDoorway(
            plane, self._head, self._endpoint, self.caller, self.asked, credential, steering
        )

    def _check(self, held: Held, named: list[str], body: bytes) -> None:
        """Refuse a call that could not go where it must."""
        model = self._codec.peek(body).model if self._codec is not None else ""
        model = model or self._endpoint.model
        elsewhere = self.asked.provider not in ("", held.provider)
        if elsewhere or not serves(self._plane.directory(), held, model):
            message = f"'{named[0][:128]}' is kept by '{held.provider}'. Send the call there."
            raise Refused(400, "invalid_request", message, detail={"provider": held.provider})
