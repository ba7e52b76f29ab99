"""The Opening for requests of `/v1/responses`, which may continue earlier turns."""

from functools import partial

from msgspec.structs import replace

from stockyard.core.ports import Held
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway.asker import Asker
from stockyard.gateway.contract import Reply, Running, Whole
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.held import check_shared, holder_of, no_such, serves
from stockyard.gateway.named import RESPONSES, unsealed_in
from stockyard.gateway.noticing import Notice, Noticing
from stockyard.gateway.remembering import Remembering
from stockyard.gateway.steering import Steering
from stockyard.gateway.turn import Turn, TurnReader
from stockyard.providers.provider import SUMMARY
from stockyard.wire.large_body import has_any
from stockyard.wire.late_usage import is_told_later
from stockyard.wire.openai_responses.compaction import CompactCodec, SummaryCodec
from stockyard.wire.openai_responses.ties import LOST

BEGUN = Notice(("id",), (b'"id"',), first_only=True)
"""Names the answer that was begun."""
CODE_MARKS = (b"code_interpreter", b'"shell"', b"container")
"""Every request whose model may run code contains one of these."""


class Turning:
    """An Opening for requests that may name earlier turns."""

    def __init__(self, endpoint: Endpoint, asker: Asker, max_body: int) -> None:
        self.max_body = max_body
        self._endpoint = endpoint
        self._asker = asker
        self._reader = TurnReader(
            asker.keepers, asker.team_id, native=endpoint.native, strange=asker.own is not None
        )

    def refuse(self, refusal: Refused) -> Whole:
        return self._asker.refused(refusal)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        asker, endpoint = self._asker, self._endpoint
        try:
            turn = self._with_what_it_names(self._reader.read(body))
            credential = self._credential(turn)
        except Refused as refusal:
            asker.refused(refusal).to(reply)
            return None
        steering = Steering(as_sent=turn.as_sent, held=turn.held)
        watched = turn.remembers or (asker.own is None and has_any(turn.body, CODE_MARKS))
        if endpoint.format == "openai.responses" and watched:
            reply = remembering = Remembering(
                reply, asker.keepers, asker.team_id, keeps=turn.keeps, stored=turn.remembers
            )
            steering.watching.append(remembering)
        elif endpoint.format == "openai.responses" and asker.own is not None:
            reply = self._waiting(asker.own, steering, reply, body)
        if endpoint.native is None:
            self._ask_for_summary(steering, turn)
        return asker.way(endpoint, credential, steering).start(reply, turn.body)

    def _waiting(self, own: Credential, steering: Steering, reply: Reply, body: bytes) -> Reply:
        """A Reply that remembers which answer will report its usage later, if one will. All else
        is between a caller with its own secret and the provider."""
        if b"background" not in body or not is_told_later(body):
            return reply
        late = self._asker.late(self._asker.team_id, own.provider, own)
        noticing = Noticing(reply, BEGUN, lambda x, answer: late.began(answer))
        steering.watching.append(noticing)
        return noticing

    def _with_what_it_names(self, turn: Turn) -> Turn:
        """The turn, bound to the provider that stores what else it names: files, containers, items.
        Raises Refused if the turn is bound to another one already."""
        asker = self._asker
        if asker.own is not None:
            return turn
        for thought in unsealed_in(turn.body):
            if asker.keepers.ids.is_others(asker.team_id, thought):
                raise no_such(thought)
        check_shared(asker.keepers.ids, asker.team_id, turn.body)
        named = RESPONSES.named_in(turn.body)
        held = holder_of(asker.keepers.ids, asker.team_id, named, self._endpoint.native)
        if held is None:
            return turn
        if turn.held is None:
            return replace(turn, held=held, named=named[0])
        if turn.held.provider != held.provider:
            raise _elsewhere(turn.held, turn.named)
        return turn

    def _credential(self, turn: Turn) -> Credential | None:
        asker, held = self._asker, turn.held
        if held is None:
            return asker.own
        if self._endpoint.native is not None:
            return asker.credential(held)
        serving = serves(asker.directory(), held, turn.model)
        if asker.provider not in ("", held.provider) or not serving:
            raise _elsewhere(held, turn.named)
        return None

    def _ask_for_summary(self, steering: Steering, turn: Turn) -> None:
        seal = partial(self._asker.keepers.envelopes.seal, self._asker.team_id)
        if self._endpoint.format == CompactCodec.name:
            steering.codec = CompactCodec(seal)
            steering.as_sent = b""  # what it repeats are the messages of all turns
        elif turn.summary and self._endpoint.format == SummaryCodec.name:
            steering.codec = SummaryCodec(seal)
            steering.needs = SUMMARY


def _elsewhere(held: Held, named: str) -> Refused:
    message = f"What '{named}' names is kept by '{held.provider}'. Send the call there."
    return Refused(400, LOST, message, param=named)
