"""A Doorway for bodies that may name things which a provider stores, such as a file to read.

A call that names such a thing is sent to the provider that has it, under the Credential that
created it, and only if it belongs to the team. If the call may create such a thing, its answer is
watched for the id. Other bodies are handled by the plain Doorway.
"""

from stockyard.core.exchange import Exchange
from stockyard.core.ports import Held
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway.contract import Reply, Running
from stockyard.gateway.doorway import Doorway, SteeredDoorway
from stockyard.gateway.held import check_shared, credential_of, holder_of, serves
from stockyard.gateway.named import MESSAGES, Naming
from stockyard.gateway.noticing import Notice, Noticing, hold_for
from stockyard.gateway.reception import Reception
from stockyard.gateway.steering import Steering
from stockyard.gateway.visit import Visit
from stockyard.wire.anthropic_messages.threads import TIE, asks_for_thread


class JudgedDoorway(Doorway):
    __slots__ = ("_naming", "_notice")

    def __init__(
        self, reception: Reception, visit: Visit, naming: Naming, notice: Notice | None
    ) -> None:
        super().__init__(reception, visit)
        self._naming = naming
        self._notice = notice

    def start(self, reply: Reply, body: bytes) -> Running | None:
        if not self._naming.may_be_in(body):
            return self._enter(reply, body)
        steering = Steering(watched=self._watched)
        try:
            credential = self._steered(steering, body)
        except Refused as refusal:
            self._turn_away(reply, refusal)
            return None
        if steering.held is None:
            return self._enter(reply, body)
        onto = self._visit.under(credential)
        return SteeredDoorway(self._reception, onto, steering).start(reply, body)

    def _watched(self, x: Exchange, reply: Reply) -> Reply:
        if self._notice is None:
            return reply
        hold = hold_for(self._reception.keepers.ids, x.caller.team_id)
        noticing = Noticing(reply, self._notice, hold)
        noticing.x = x
        return noticing

    def _steered(self, steering: Steering, body: bytes) -> Credential | None:
        """Steer the call to the provider that stores what the body names. Returns the Credential to
        use, on a native path."""
        reception, native = self._reception, self._endpoint.native
        ids, team = reception.keepers.ids, self.caller.team_id
        check_shared(ids, team, body)
        named = self._naming.named_in(body)
        if self._naming is MESSAGES and asks_for_thread(body):
            raise Refused(400, TIE.code, TIE.message, param=TIE.param)
        held = steering.held = holder_of(ids, team, named, native)
        if held is None:
            return None
        if native is not None:
            return credential_of(reception.directory(), held)
        self._check(held, named, body)
        return None

    def _check(self, held: Held, named: list[str], body: bytes) -> None:
        """Refuse a call that cannot go to the provider that it has to go to."""
        model = self._codec.peek(body).model if self._codec is not None else ""
        model = model or self._endpoint.model
        elsewhere = self.asked.provider not in ("", held.provider)
        if elsewhere or not serves(self._reception.directory(), held, model):
            message = f"'{named[0][:128]}' is kept by '{held.provider}'. Send the call there."
            raise Refused(400, "invalid_request", message, detail={"provider": held.provider})
