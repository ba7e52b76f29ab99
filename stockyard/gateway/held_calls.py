"""Calls about things that providers store, such as files: sent to the provider that has them.

Answers pass unchanged, with two exceptions: a new thing in one is remembered as the team's, and a
list shows only what belongs to the team (`own_list.py`).
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from stockyard.core.exchange import Exchange
from stockyard.core.kind import Kind
from stockyard.core.target import Credential
from stockyard.errors import Refused
from stockyard.gateway import assistant_runs, batch_lines, held
from stockyard.gateway.announced import announces
from stockyard.gateway.announced import named_in as announced_in
from stockyard.gateway.contract import Opening, Reply, Running, Whole
from stockyard.gateway.declined import declining
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.first_model import first_model
from stockyard.gateway.gathered import USUAL, Gathered, cursor_in
from stockyard.gateway.held import HeldPath, Holdings, OwnHoldings
from stockyard.gateway.held_providers import HeldProviders
from stockyard.gateway.late_calls import LateCalls
from stockyard.gateway.listing import dialect_of
from stockyard.gateway.named import ANY, CONVERSATIONS, INTERACTIONS, SHARED
from stockyard.gateway.narrow_reply import Narrowing
from stockyard.gateway.noticing import INTERACTIONS as MADE_BY_INTERACTIONS
from stockyard.gateway.noticing import Noticing, hold_for
from stockyard.gateway.own_list import OwnList, Page
from stockyard.gateway.reception import Reception
from stockyard.gateway.spool import Spool, Spooling
from stockyard.gateway.steering import Steering
from stockyard.gateway.visit import Visit
from stockyard.gateway.whole_reply import WholeReply
from stockyard.providers.provider import Provider
from stockyard.wire.late_usage import ResultsUsage, StateUsage, UsageReader, is_told_later
from stockyard.wire.upload import UploadCodec

ALL_FILES = 10_000
"""Page size of a list of files when the caller gives none."""
UPLOADED = frozenset({held.FILES, "uploads", "containers"})
"""Collections whose request bodies are files, which may be large."""
_NAMINGS = {"conversations": CONVERSATIONS, held.INTERACTIONS: INTERACTIONS}


class Onward(Protocol):
    def __call__(
        self, there: Endpoint, credential: Credential | None, query: str, steering: Steering
    ) -> Opening:
        """The way to a path of a provider."""


class HeldCalls(Spooling):
    """An Opening for a path to things that a provider stores."""

    def __init__(self, reception: Reception, visit: Visit, onward: Onward, spool: Spool) -> None:
        head, endpoint, access = visit.head, visit.endpoint, reception.access
        assert endpoint.holds is not None  # noqa: S101  only such paths come here
        self._path: HeldPath = endpoint.holds
        self._head = head
        self._endpoint = endpoint
        self._caller = visit.caller
        self._own = visit.own
        self._ids = reception.keepers.ids
        # Two dialects share some paths.
        self._is_messages = dialect_of(head) == "anthropic.messages"
        self._providers = HeldProviders(
            endpoint,
            self._path,
            visit.asked.provider,
            ids=self._ids,
            team_id=visit.caller.team_id,
            directory=reception.directory,
            messages=self._is_messages,
        )
        self._late = reception.late
        self._onward = onward
        self._refused = declining(reception, visit)
        is_file = self._path.collection in UPLOADED
        self.max_body = access.max_upload if is_file else min(endpoint.max_body, access.max_body)
        self.spool = spool

    def refuse(self, refusal: Refused) -> Whole:
        return self._refused(refusal)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        try:
            return self._start(reply, body)
        except Refused as refusal:
            self._refused(refusal).to(reply)
            return None

    def _start(self, reply: Reply, body: bytes) -> Running | None:
        path, method = self._path, self._head.method
        kind = self._head.field(b"content-type") or b""
        UploadCodec().reading(kind).check(body)
        if self._own is not None:
            return self._own_call(self._own, reply, body)
        if method == "GET" and not path.id:
            return self._list(WholeReply(reply, lambda status, told: held.with_results_here(told)))
        held.check_shared(self._ids, self._caller.team_id, body, SHARED, kind)
        if method == "POST":
            held.check_not_others(self._ids, self._caller.team_id, [first_model(body)])
        named = self._named_in(body, kind)
        provider, credential = self._providers.of_call(body, named)
        holdings = self._holdings(provider, credential)
        for thing in named:
            if not holdings.gets(thing):
                raise held.no_such(thing)
        steering = Steering()
        reply = self._watched(reply, body, provider, holdings, credential, steering)
        return self._to(provider, credential, steering=steering).start(reply, body)

    def _watched(
        self,
        reply: Reply,
        body: bytes,
        provider: Provider,
        holdings: Holdings,
        credential: Credential | None,
        steering: Steering,
    ) -> Reply:
        """The Reply, watched for what the call creates and for usage that its answer reports."""
        path, method = self._path, self._head.method
        late = self._late(self._caller.team_id, provider.name, credential)
        if path.runs:
            hold = hold_for(self._ids, self._caller.team_id) if not path.id else None
            makes = path.makes_run(method)
            return assistant_runs.watched(reply, late, steering, made=makes, hold=hold)
        reply = self._counted(reply, provider, late, steering)
        if path.collection == held.INTERACTIONS and not path.id:
            holding = self._holding(late, provider, body)
            noticing = Noticing(reply, MADE_BY_INTERACTIONS, holding)
            steering.watching.append(noticing)
            return noticing
        if not path.teaches(method) or (path.below and method == "GET"):
            return reply
        announced = announced_in(body) if announces(self._head) else None
        return WholeReply(reply, partial(self._learn, holdings, late, provider, announced))

    def _own_call(self, own: Credential, reply: Reply, body: bytes) -> Running | None:
        """A caller with its own provider secret sees all that the secret opens. Only usage counts
        here."""
        path, method = self._path, self._head.method
        provider = self._providers.provider(own.provider)
        late = self._late(self._caller.key_id, provider.name, own)
        steering = Steering()
        if path.runs:
            makes = path.makes_run(method)
            reply = assistant_runs.watched(reply, late, steering, made=makes, hold=None)
        else:
            reply = self._counted(reply, provider, late, steering)
        if path.collection == held.INTERACTIONS and not path.id and is_told_later(body):
            reply = noticing = Noticing(reply, MADE_BY_INTERACTIONS, lambda x, one: late.began(one))
            steering.watching.append(noticing)
        if path.collection in held.BATCHED and (path.id or method == "POST") and not path.below:
            holdings = OwnHoldings(self._ids, self._caller.key_id, provider.name, own)
            reply = WholeReply(reply, partial(self._learn, holdings, late, None, None))
        return self._to(provider, own, steering=steering).start(reply, body)

    def _learn(
        self,
        holdings: Holdings,
        late: LateCalls,
        provider: Provider | None,
        announced: str | None,
        status: int,
        answer: bytes,
    ) -> bytes:
        """Remember the things that an answer names, or that it opens an announced upload.
        `provider`: the one where the gateway can ask for them itself."""
        if status < 300:
            learnt = holdings.learn(self._path, self._head.method, answer)
            if announced is not None:
                holdings.announce(announced)
            if self._path.collection in held.BATCHED:
                for made in learnt.made:
                    late.began(made, place=self._place_of(provider, made) if provider else "")
                for file in learnt.along:
                    place = held.content_of(provider, file) if provider else ""
                    late.began(file, self._path.id, place)
        return held.with_results_here(answer)

    def _place_of(self, provider: Provider, made: str) -> str:
        """Where the gateway can ask for what the call created."""
        endpoint = self._endpoint
        there = endpoint if endpoint.native is not None else self._providers.endpoint(provider)
        return held.place_of(provider, there.native_path, made)

    def _holding(
        self, late: LateCalls, provider: Provider, body: bytes
    ) -> Callable[[Exchange, str], None]:
        """Remembers an interaction as the team's, and whether its usage is reported later."""
        hold = hold_for(self._ids, self._caller.team_id)
        if not is_told_later(body):
            return hold

        def hold_and_wait(x: Exchange, thing: str) -> None:
            hold(x, thing)
            late.began(thing, place=self._place_of(provider, thing))

        return hold_and_wait

    def _named_in(self, body: bytes, kind: bytes) -> list[str]:
        path = self._path
        named = _NAMINGS.get(path.collection, ANY).named_in(body, kind)
        if self._head.method == "POST" and path.collection == held.FILES and not path.id:
            named += batch_lines.named_in(body)
        return named

    def _counted(
        self, reply: Reply, provider: Provider, late: LateCalls, steering: Steering
    ) -> Reply:
        """The Reply, watched for usage of earlier calls, if its answer may report any."""
        reader = self._reader(provider)
        if reader is None:
            return reply
        kind: Kind = "chat" if self._path.collection == held.INTERACTIONS else "batch"
        watching = late.watching(reply, self._path.id, kind, reader)
        if watching is None:
            return reply
        steering.watching.append(watching)
        return watching

    def _reader(self, provider: Provider) -> UsageReader | None:
        """Reads usage of earlier calls from the answer; None if it reports none."""
        path = self._path
        if path.results and self._head.method == "GET":
            return ResultsUsage(provider.traits)
        if path.id and (path.collection in held.BATCHED or path.collection == held.INTERACTIONS):
            return StateUsage(provider.traits)
        return None

    # Lists

    def _list(self, reply: Reply) -> Running | None:
        places = self._providers.listed()

        def page(place: int, query: str, told: Reply) -> Page:
            provider, credential = places[place]
            holdings = self._holdings(provider, credential)
            return Page(
                lambda: self._to(provider, credential, query).start(told, b""),
                holdings.has,
                provider.name,
            )

        after = cursor_in(self._head.query)
        first = self._ids.find(self._caller.team_id, after) if after else None
        names = [provider.name for provider, _ in places]
        begin = names.index(first.provider) if first and first.provider in names else 0
        messages = self._is_messages or self._path.collection == held.MESSAGE_BATCHES
        everything = self._path.collection == held.FILES and not messages
        gathered = Gathered(
            self._head.query,
            cursor="after_id" if messages else "after",
            usual=ALL_FILES if everything else USUAL,
            verbatim=self._path.verbatim,
        )
        return OwnList(reply, gathered, page, range(begin, len(places))).ask()

    # Sending the call on

    def _to(
        self,
        provider: Provider,
        credential: Credential | None,
        query: str | None = None,
        steering: Steering | None = None,
    ) -> Opening:
        query = self._head.query if query is None else query
        steering = steering or Steering()
        if self._endpoint.native is not None:
            return self._onward(self._endpoint, credential, query, steering)
        there = self._onward(self._providers.endpoint(provider), credential, query, steering)
        refused = self._refused.say if self._own is None else None
        return Narrowing(there, refused, named_plainly=self._is_messages)

    def _holdings(self, provider: Provider, credential: Credential | None) -> Holdings:
        return Holdings(self._ids, self._caller.team_id, provider.name, credential)
